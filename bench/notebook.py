"""The engines of a notebook as peers, driven as directly as they allow. A program of its own environment (requirements-peers.txt):
notebook.py prints one JSON object: {"kernel": {...}, "server": {...}, "bash": {...}}, times in seconds, lists of samples."""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from jupyter_client import BlockingKernelClient, KernelManager

STARTS = 5
RUNS = 100


def unshared_kib(pid):
    """Memory that only this process has."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))


def run(client, code):
    """Seconds until the kernel says that it is idle again, with its result seen before."""
    begin = time.perf_counter()
    message = client.execute(code)
    while True:
        reply = client.get_iopub_msg(timeout=60)
        if reply["parent_header"].get("msg_id") != message:
            continue
        if reply["msg_type"] == "error":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            return time.perf_counter() - begin


def kernel(name, first, next_one):
    """Start → first result, next runs and unshared memory of a kernel without a server in front of it."""
    out = {"start": [], "runs": [], "kib": []}
    for _ in range(STARTS):
        begin = time.perf_counter()
        manager = KernelManager(kernel_name=name)
        manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client: BlockingKernelClient = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        run(client, first)
        out["start"].append(time.perf_counter() - begin)
        out["runs"] += [run(client, next_one) for _ in range(RUNS // STARTS)]
        out["kib"].append(unshared_kib(manager.provisioner.pid))
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return out


def server():
    """The same through a notebook server, as the public project's daemon does it: REST for the kernel, WebSocket for code."""
    import websocket

    token, folder = uuid.uuid4().hex, tempfile.mkdtemp(prefix="osb-bench-")
    port = 20000 + os.getpid() % 20000
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "jupyter_server", f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root",
                                f"--IdentityProvider.token={token}"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base, headers = f"http://127.0.0.1:{port}", {"Authorization": f"token {token}"}

    def call(method, path, body=None):
        request = urllib.request.Request(base + path, method=method, headers=headers, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"null")

    out = {"ready": [], "start": [], "runs": []}
    try:
        while True:
            try:
                call("GET", "/api")
                break
            except OSError:
                time.sleep(0.02)
        out["ready"].append(time.perf_counter() - begin)
        for _ in range(STARTS):
            begin = time.perf_counter()
            kernel_id = call("POST", "/api/kernels", {"name": "python3"})["id"]
            socket = websocket.create_connection(f"ws://127.0.0.1:{port}/api/kernels/{kernel_id}/channels", header=headers, timeout=60)

            def execute(code):
                sent, message = time.perf_counter(), uuid.uuid4().hex
                socket.send(json.dumps({"channel": "shell", "content": {"code": code, "silent": False}, "parent_header": {}, "metadata": {},
                                        "header": {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3", "date": ""}}))
                while True:
                    reply = json.loads(socket.recv())
                    if (reply["parent_header"].get("msg_id") == message and reply["msg_type"] == "status"
                            and reply["content"]["execution_state"] == "idle"):
                        return time.perf_counter() - sent

            execute("1+1")
            out["start"].append(time.perf_counter() - begin)
            out["runs"] += [execute("1+1") for _ in range(RUNS // STARTS)]
            socket.close()
            call("DELETE", f"/api/kernels/{kernel_id}")
    finally:
        process.terminate()
        process.wait(timeout=30)
    return out


if __name__ == "__main__":
    print(json.dumps({"kernel": kernel("python3", "1+1", "1+1"), "bash": kernel("bash", "echo 2", "echo 2"), "server": server()}))
