"""The file API of one stand-alone execd against what the kernel gives the same bytes: bare socket copies and cp.

Also a program: files.py EXECD prints the figures. Everything lies on /dev/shm.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE = 1 << 30
BLOCK = 1 << 20
SMALL_FILES = 10_000
SMALL_SIZE = 1024
ROUNDS = 3
BOUNDARY = "bench"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def execd(program, folder, variables=None):
    port = free_port()
    process = subprocess.Popen([str(program), "--port", str(port)], cwd=folder, stderr=subprocess.DEVNULL, env={**os.environ, **(variables or {})})
    try:
        for _ in range(500):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.01)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def peak_kib(pid):
    """Highest resident memory since the mark was reset."""
    return int(next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])


def reset_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def drain(sock):
    buffer = bytearray(BLOCK)
    total = 0
    while n := sock.recv_into(buffer):
        total += n
    return total


def in_another_process(work):
    """Runs `work` in a child: one interpreter lock must not slow both ends."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def floor_download(path):
    """sendfile to a socket that somebody drains."""
    ours, theirs = socket_pair()

    def serve():
        ours.close()
        with open(path, "rb") as file:
            theirs.sendfile(file)
        theirs.close()

    child = in_another_process(serve)
    theirs.close()
    begin = time.perf_counter()
    total = drain(ours)
    took = time.perf_counter() - begin
    os.waitpid(child, 0)
    assert total == SIZE
    return SIZE / took


def floor_upload(path):
    """recv and write, in blocks."""
    ours, theirs = socket_pair()

    def serve():
        ours.close()
        buffer = memoryview(bytearray(256 * 1024))
        with open(path, "wb", buffering=0) as file:
            while n := theirs.recv_into(buffer):
                file.write(buffer[:n])
        theirs.send(b"k")

    child = in_another_process(serve)
    theirs.close()
    begin = time.perf_counter()
    send_bytes(ours, SIZE)
    ours.shutdown(socket.SHUT_WR)
    ours.recv(1)
    took = time.perf_counter() - begin
    os.waitpid(child, 0)
    return SIZE / took


def socket_pair():
    """Two ends over loopback, as a client and a server have them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


def send_bytes(sock, count):
    block = bytes(BLOCK)
    for _ in range(count // BLOCK):
        sock.sendall(block)


def part(name, filename):
    return (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n').encode()


def metadata(path):
    return part("metadata", "metadata") + b'{"path": "%s", "mode": 644}\r\n' % str(path).encode()


def upload(port, pieces, length, send_content=None):
    """One request; returns the seconds until its answer."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        head = (f"POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
                f"Content-Length: {length}\r\nConnection: close\r\n\r\n").encode()
        begin = time.perf_counter()
        sock.sendall(head + pieces[0])
        if send_content:
            send_content(sock)
            sock.sendall(pieces[1])
        answer = sock.recv(4096)
        took = time.perf_counter() - begin
    if b" 200 " not in answer[:20]:
        raise RuntimeError(answer.decode(errors="replace")[:300])
    return took


def upload_big(port, path):
    front = metadata(path) + part("file", path.name)
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    took = upload(port, (front, end), len(front) + SIZE + len(end), lambda sock: send_bytes(sock, SIZE))
    assert path.stat().st_size == SIZE
    return SIZE / took


def upload_small(port, folder):
    body = b"".join(metadata(folder / f"{i % 100}" / f"{i}") + part("file", "f") + bytes(SMALL_SIZE) + b"\r\n"
                    for i in range(SMALL_FILES)) + f"--{BOUNDARY}--\r\n".encode()
    took = upload(port, (body,), len(body))
    assert sum(len(files) for _, _, files in os.walk(folder)) == SMALL_FILES
    return SMALL_FILES / took


def copy_small(folder, copy):
    begin = time.perf_counter()
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    return SMALL_FILES / (time.perf_counter() - begin)


def download(port, path):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        begin = time.perf_counter()
        sock.sendall(f"GET /files/download?path={path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        total = drain(sock)
        took = time.perf_counter() - begin
    assert total > SIZE
    return SIZE / took


def median(values):
    return sorted(values)[len(values) // 2]


def measure(program):
    """[(what, ours, floor)] in bytes or files per second, and how much the resident memory of execd grew while it moved the big files."""
    folder = Path(tempfile.mkdtemp(prefix="osb-bench-", dir="/dev/shm"))
    try:
        with execd(program, folder) as (pid, port):
            big = folder / "big"
            warm = metadata(folder / "warm") + part("file", "f") + f"x\r\n--{BOUNDARY}--\r\n".encode()
            upload(port, (warm,), len(warm))
            reset_peak(pid)
            before = peak_kib(pid)
            rates = {"upload": [], "upload floor": [], "download": [], "download floor": []}
            for _ in range(ROUNDS):
                rates["upload floor"].append(floor_upload(big))
                big.unlink()
                rates["upload"].append(upload_big(port, big))
                rates["download floor"].append(floor_download(big))
                rates["download"].append(download(port, big))
                big.unlink()
            grown = peak_kib(pid) - before
            small, small_floor = [], []
            for round_ in range(ROUNDS):
                small.append(upload_small(port, folder / f"small{round_}"))
                small_floor.append(copy_small(folder / f"small{round_}", folder / "copy"))
                shutil.rmtree(folder / "copy")
                shutil.rmtree(folder / f"small{round_}")
        return ([("upload of 1 GiB to tmpfs", median(rates["upload"]), median(rates["upload floor"])),
                 ("download of 1 GiB from tmpfs", median(rates["download"]), median(rates["download floor"])),
                 (f"{SMALL_FILES} files of 1 KiB in one upload", median(small), median(small_floor))], grown)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rate(value):
    return f"{value / 1e9:.2f} GB/s" if value > 1e7 else f"{value:.0f} files/s"


if __name__ == "__main__":
    figures, growth = measure(sys.argv[1])
    for what, ours, floor in figures:
        print(f"{what:44} {rate(ours):>16}   floor {rate(floor):>16}   {ours / floor:.2f}")
    print(f"resident memory of execd grew by {growth} KiB")
