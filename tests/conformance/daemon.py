"""Starts an execd in a scratch directory and ends it again, with everything that it started."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from wire import Connection

TOKEN = "conformance-token"
READY_SECONDS = 20.0


class Daemon:
    def __init__(self, program, arguments=(), environment=None, token=TOKEN):
        self.scratch = tempfile.mkdtemp(prefix="execd-conformance-")
        os.chmod(self.scratch, 0o755)  # other users' names are used in it
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.token = token
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": self.scratch,
               "EXECD_ENVS": f"{self.scratch}/envs", "JUPYTER_PORT": str(free_port()), **(environment or {})}
        if token:
            env["EXECD_ACCESS_TOKEN"] = token
        self.process = None
        try:
            with open(f"{self.scratch}/log", "wb") as log:
                self.process = subprocess.Popen([os.path.abspath(program), "--port", str(self.port), *arguments], cwd=self.scratch, env=env,
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            self.wait()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait(self):
        end = time.monotonic() + READY_SECONDS
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"execd ended with {self.process.returncode}:\n{self.log()}")
            try:
                connection = Connection(self.address)
                connection.send_request("GET", "/ping", [])
                connection.head()
                connection.close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"execd does not answer:\n{self.log()}") from None
                time.sleep(0.02)

    def log(self):
        with open(f"{self.scratch}/log", errors="replace") as log:
            return log.read()[-4000:]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
