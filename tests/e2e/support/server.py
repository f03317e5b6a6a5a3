"""Starts, stops and kills `opensandbox server`, and looks at everything it makes on the machine."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import machine, wire
from .machine import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = REPOSITORY / "build" / "opensandbox"
EXECD_PORT = 44772

# A request body that every test can build on.
CREATE = {
    "image": {"uri": "host"},
    "timeout": 600,
    "resourceLimits": {"cpu": "1", "memory": "512Mi"},
    "entrypoint": ["tail", "-f", "/dev/null"],
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**extra):
    """Without anything of the caller's that the server or the clients read."""
    env = {k: v for k, v in os.environ.items() if not k.upper().startswith(("OPENSANDBOX", "OPEN_SANDBOX", "SANDBOX_"))}
    env.update(HOME="/nonexistent", OPENSANDBOX_DISABLE_METRICS="1", **extra)
    return env


class Execd:
    """The in-sandbox daemon as a client reaches it: address and the headers that the endpoint handed out."""

    def __init__(self, endpoint):
        self.address = endpoint["endpoint"]
        self.headers = endpoint.get("headers", {})

    def connect(self, timeout=60.0):
        return wire.Connection(self.address, timeout)

    def request(self, method, path, body=None, headers=None, timeout=60.0):
        return wire.request(self.address, method, path, body, {**self.headers, **(headers or {})}, timeout)

    def events(self, body, path="/command", headers=None, timeout=60.0):
        with self.connect(timeout) as connection:
            return list(connection.events("POST", path, body, {**self.headers, **(headers or {})}))

    def run(self, command, timeout=60.0, **options):
        """stdout of a shell command that must succeed."""
        events = self.events({"command": command, **options}, timeout=timeout)
        assert events[-1]["type"] == "execution_complete", (command, events)
        return wire.texts(events)


class Server:
    def __init__(self, state=None, args=(), env=None, listen=None, images=None):
        self.temporary = None
        if state is None:
            # Not below /tmp of a test runner: the path must be reachable for the server's own uid.
            self.temporary = tempfile.mkdtemp(prefix="osb-e2e-", dir="/var/tmp")
            os.chmod(self.temporary, 0o755)
            state = os.path.join(self.temporary, "state")
        self.state = Path(state)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.args = ["server", "--state", str(self.state), "--listen", listen or self.address]
        if images:
            self.args += ["--images", str(images)]
        self.args += list(args)
        self.env = clean_environment(**(env or {}))
        self.log = Path(str(self.state) + ".log")
        self.process = None
        self.launchers = set()  # every launcher and supervisor seen, so that none can be left behind unseen
        self.api_key = None
        self.tag = None
        self.kept = set()

    # -- processes

    def start(self, wait=True):
        self.state.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(PROGRAM), *self.args], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env)
        if wait:
            self.wait_healthy()
        return self

    def wait_healthy(self):
        def healthy():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                return wire.request(self.address, "GET", "/health", timeout=5).status == 200
            except OSError:
                return False

        wait_for(healthy, f"/health of the server\n{self.log_tail()}", seconds=60)

    def log_tail(self, lines=40):
        return "\n".join(machine.read(self.log).splitlines()[-lines:])

    def terminate(self):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)

    def stop(self):
        """Ends the server in good order and everything that it started; removes a temporary state directory."""
        try:
            if self.process and self.process.poll() is None:
                for sandbox in self.list():
                    self.delete(sandbox["id"])
                self.note_launchers()
                assert self.terminate() == 0, self.log_tail()
                wait_for(lambda: not self.own_processes(), f"supervisor and launcher to end: {self.describe()}")
        finally:
            for pid in self.own_processes():
                os.kill(pid, signal.SIGKILL)
            if self.temporary:
                shutil.rmtree(self.temporary, ignore_errors=True)

    def note_launchers(self):
        """Supervisor and launcher: found as parent and grandparent of sandboxes, and by their command lines."""
        for pid in machine.pids():
            command = machine.read(f"/proc/{pid}/cmdline").split("\0")
            if pid != (self.process.pid if self.process else 0) and str(self.state) in command and "opensandbox" in command[0] \
                    and not self.is_slot(pid):
                self.launchers.add(pid)
        return self.launchers

    @staticmethod
    def is_slot(pid):
        """A process that waits to become a sandbox."""
        return machine.read(f"/proc/{pid}/comm") == "osb-slot\n"

    def directories(self):
        """Of sandboxes, starting ones included; not of those that wait for a request."""
        return [name for name in os.listdir(self.state / "launcher" / "sandboxes") if not name.startswith("slot.")]

    def slot_things(self):
        """What belongs to sandboxes that were made ahead and still wait."""
        found, names, links = set(), set(), machine.links_by_address()
        for pid in [p for launcher in self.own_processes() for p in machine.children(launcher) if self.is_slot(p)]:
            found.add(f"process {pid} {machine.read(f'/proc/{pid}/cmdline')[:100]!r}")
            found |= {f"link {links[address]}" for address in machine.addresses_of_process(pid) & links.keys()}
            names |= set(re.findall(r"/(slot\.\w+)", machine.cgroup_of(pid)))
        found |= {f"cgroup {path}" for path in machine.cgroups("/slot.") if any(name in path for name in names)}
        for name in names:
            for root, dirs, _ in os.walk(self.state / "launcher" / "sandboxes" / name):
                found |= {f"directory {root}"} | {f"directory {os.path.join(root, d)}" for d in dirs}
        return found

    def own_processes(self):
        self.note_launchers()
        return [p for p in self.launchers if machine.alive(p)]

    def launcher(self):
        """The process whose children are the sandboxes."""
        sandboxes = self.list()
        assert sandboxes, "the launcher is found through a sandbox"
        pid = machine.parent(self.init_pid(sandboxes[0]["id"]))
        self.launchers.add(pid)
        return pid

    def init_pid(self, sandbox):
        """PID on the host of the sandbox's PID 1."""
        for pid in machine.processes_of(sandbox):
            spaces = (machine.status_field(pid, "NSpid") or "").split()
            if len(spaces) > 1 and spaces[-1] == "1":
                return pid
        raise AssertionError(f"no PID 1 of sandbox {sandbox}")

    def describe(self):
        return {p: machine.read(f"/proc/{p}/cmdline").replace("\0", " ") for p in self.launchers if machine.alive(p)}

    # -- API

    def request(self, method, path, body=None, headers=None, timeout=60.0):
        headers = dict(headers or {})
        if self.api_key:
            headers.setdefault("OPEN-SANDBOX-API-KEY", self.api_key)
        return wire.request(self.address, method, path, body, headers, timeout)

    def create(self, expect=202, **changes):
        body = {**CREATE, **changes}
        reply = self.request("POST", "/v1/sandboxes", {k: v for k, v in body.items() if v is not None})
        assert reply.status == expect, f"{reply.status} {reply.text}\n{self.log_tail()}"
        return reply.json()

    def delete(self, sandbox):
        return self.request("DELETE", f"/v1/sandboxes/{sandbox}").status

    def get(self, sandbox):
        reply = self.request("GET", f"/v1/sandboxes/{sandbox}")
        assert reply.status == 200, reply.text
        return reply.json()

    def state_of(self, sandbox):
        return self.get(sandbox)["status"]["state"]

    def list(self, query=""):
        reply = self.request("GET", f"/v1/sandboxes?pageSize=200{query}")
        assert reply.status == 200, reply.text
        return reply.json()["items"]

    def endpoint(self, sandbox, port=EXECD_PORT, query="", headers=None):
        reply = self.request("GET", f"/v1/sandboxes/{sandbox}/endpoints/{port}{query}", headers=headers)
        assert reply.status == 200, reply.text
        return reply.json()

    def execd(self, sandbox, query=""):
        return Execd(self.endpoint(sandbox, EXECD_PORT, query))

    def address_of(self, sandbox):
        return self.endpoint(sandbox)["endpoint"].split(":")[0]

    # -- what is left behind

    def learn_names(self):
        """Finds the tag in the names of links (osb<tag>-N) through a first sandbox, and what exists without any."""
        sandbox = self.create()["id"]
        link = machine.link_towards(self.address_of(sandbox))
        match = re.fullmatch(r"osb([0-9a-z]+)-\w+", link)
        assert match, f"link of a sandbox is named {link}"
        self.tag = match.group(1)
        self.launcher()
        assert self.delete(sandbox) == 204
        self.kept = self.things() - self.slot_things()
        return self

    def things(self):
        """Everything on the machine that carries this server's names."""
        found = {f"link {name}" for name in machine.links(f"osb{self.tag}-")}
        found |= {f"cgroup {path}" for path in machine.cgroups(self.tag)}
        found |= {f"mount {line}" for line in machine.mounts(str(self.state))}
        for launcher in self.own_processes():
            for pid in machine.children(launcher):
                if pid not in self.launchers and pid != self.process.pid:
                    found.add(f"process {pid} {machine.read(f'/proc/{pid}/cmdline')[:100]!r}")
        for folder in ("launcher",):
            for root, dirs, _ in os.walk(self.state / folder):
                if len(Path(root).relative_to(self.state).parts) > 3:
                    dirs.clear()
                found |= {f"directory {os.path.join(root, d)}" for d in dirs}
        return found

    def leftovers(self):
        """Both ways round: a slot may come or go between two looks."""
        before, things = self.slot_things(), self.things()
        return sorted(things - self.kept - before - self.slot_things())

    def assert_clean(self):
        assert not self.list(), "sandboxes are left in the list"
        left = []

        def clean():
            left[:] = self.leftovers()
            return not left

        try:
            wait_for(clean, "nothing to be left behind")
        except AssertionError as late:
            raise AssertionError(f"{late}, but there is: {left}") from None
