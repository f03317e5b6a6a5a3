"""A Redis server of the tests' own, on a Unix socket; it can be killed and come back."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest


class RedisServer:
    def __init__(self, folder):
        self.socket = folder / "redis.sock"
        self.process = None

    def start(self):
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self.socket.parent)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        for _ in range(500):
            if self.socket.exists():
                return self
            time.sleep(0.01)
        raise AssertionError("redis-server does not start")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing; ./dev setup installs it")
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()
