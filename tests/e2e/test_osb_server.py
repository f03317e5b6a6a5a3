"""`osb server start`: the server that lies beside osb, in the background and in its place."""
import json
import os
import signal
import subprocess

import pytest
from support import machine, wire
from support.machine import wait_for
from support.server import Server
from test_osb import OSB, Osb


class Started:
    """Follows a server that osb started, by its pid, as Popen does one of its own child."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if machine.alive(self.pid) else 0

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout):
        wait_for(lambda: self.poll() == 0, f"process {self.pid} to end", seconds=timeout)
        return 0


@pytest.fixture
def place(tmp_path):
    """A server that is not started, and an osb that would reach it."""
    server = Server()
    server.state.parent.mkdir(parents=True, exist_ok=True)
    yield server, Osb(server.address, tmp_path)
    server.stop()


def words(server):
    return ["server", "start", *server.args[1:], "--log", server.log]


def test_in_the_background(place):
    server, osb = place
    told = osb.json(*words(server), "--background", stdin=b"not for the server")
    server.process = Started(told["pid"])
    assert told["listen"] == server.address and told["log"] == str(server.log)
    assert wire.request(server.address, "GET", "/health").status == 200  # it serves when osb returns
    assert os.getsid(told["pid"]) == told["pid"] and os.readlink(f"/proc/{told['pid']}/fd/0") == "/dev/null"
    assert osb.ok("run", "host", "--", "echo", "it works") == "it works\n"
    assert "another one answers" in osb.fails(*words(server), "--background")
    assert machine.alive(told["pid"])
    server.stop()
    assert not machine.alive(told["pid"]) and "error" in osb.fails("sandbox", "list")


def test_one_that_ends_at_once(place):
    server, osb = place
    (osb.home / "bad.toml").write_text("[server\n")
    said = osb.fails(*words(server), "--background", "--server-config", osb.home / "bad.toml")
    assert "it ended at once" in said and str(server.log) in said
    assert "bad.toml" in server.log.read_text()


def test_in_its_place(place):
    """Without --background osb becomes the server: same process, its output, its signals, its exit status."""
    server, osb = place
    with open(server.log, "ab") as log:
        server.process = osb.start(*words(server)[:-2], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    server.wait_healthy()
    assert "opensandbox" in machine.read(f"/proc/{server.process.pid}/comm")
    assert osb.json("sandbox", "list") == []
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_needs_root(place):
    server, osb = place
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(OSB), *map(str, words(server)), "-o", "json"],
                          env={**osb.env, "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "needs root" in done.stderr and "sudo" in done.stderr, done
    assert not server.log.exists()


def test_program_that_is_not_there(place, tmp_path):
    """osb alone in a folder, and none on the PATH."""
    server, osb = place
    alone = tmp_path / "osb-alone"
    alone.write_bytes(OSB.read_bytes())
    alone.chmod(0o755)
    done = subprocess.run([str(alone), *map(str, words(server)[:-2])], env={**osb.env, "PATH": "/nonexistent"}, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "opensandbox" in done.stderr and "beside osb" in done.stderr, done


def test_output_is_for_programs(place):
    server, osb = place
    printed = osb.ok(*words(server), "--background", "-o", "json")
    server.process = Started(json.loads(printed)["pid"])
    assert set(json.loads(printed)) >= {"pid", "log", "listen"}
