"""execd's side of the protocol, for tests: real zygotes and contexts, driven over real descriptors."""

import array
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 90  # seconds; only a hang reaches it
BOOT = ("import os;s={n.decode():t for n,_,t in (p.partition(b'\\n') for p in "
        "os.fdopen(4,'rb').read().split(b'\\0')[1:])};"
        "exec(compile(s['boot'],'<osb worker boot>','exec'),{'__name__':'osb_boot','sources':s})")


def modules():
    """Name → text of the worker's modules, as execd has them inside."""
    found = {}
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".py") and not name.endswith(("_test.py", "_for_tests.py")):
            with open(os.path.join(HERE, name), "rb") as file:
                found[name[:-3]] = file.read()
    return found


def joined():
    return b"".join(b"\0" + name.encode() + b"\n" + text for name, text in modules().items())


class Peer:
    """execd's side of one channel."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(DEADLINE)

    def send(self, message, fds=()):
        data = json.dumps(message).encode()
        parts = [data[i:i + 65536] for i in range(0, len(data), 65536)]
        for number, part in enumerate(parts):
            flags = (1 if number == 0 else 0) | (2 if number == len(parts) - 1 else 0)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds and not number else []
            self.sock.sendmsg([struct.pack(">IB", len(part) + 1, flags) + part], rights)

    def receive(self):
        data = b""
        while True:
            packet = self.sock.recv(70000)
            if not packet:
                return None
            length, flags = struct.unpack(">IB", packet[:5])
            assert length == len(packet) - 4, "a packet is one frame"
            data = packet[5:] if flags & 1 else data + packet[5:]
            if flags & 2:
                return json.loads(data.decode())


class ZygoteProcess:
    def __init__(self, env=None, cwd="/", options=None, python=sys.executable):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        file = tempfile.TemporaryFile()
        file.write(joined())
        file.flush()
        file.seek(0)
        source = file.fileno()

        arguments = [json.dumps(options)] if options else []

        def arrange():
            control, code = os.dup(theirs.fileno()), os.dup(source)
            high = [os.dup(control), os.dup(code)]  # out of the way of 3 and 4
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
            os.closerange(5, 100)

        self.process = subprocess.Popen([python, "-c", BOOT] + arguments, stdin=subprocess.DEVNULL, preexec_fn=arrange,
                                        close_fds=False, env=env, cwd=cwd)
        theirs.close()
        file.close()
        self.peer = Peer(ours)
        self.hello = self.peer.receive()
        self.exits = {}

    def context(self, cwd="/"):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        self.peer.send({"type": "fork", "context": "c", "cwd": cwd}, [theirs.fileno(), out_end, err_end])
        os.close(out_end)
        os.close(err_end)
        theirs.close()
        answer = self.next_message("forked", "fork_failed")
        context = ContextProcess(Peer(ours), answer.get("pid"), out, err)
        context.ready = context.peer.receive()
        return context

    def next_message(self, *kinds):
        while True:
            message = self.peer.receive()
            if message is None or message["type"] in kinds:
                return message
            self.exits[message["pid"]] = message["wait_status"]

    def wait_exit(self, pid):
        while pid not in self.exits:
            message = self.peer.receive()
            self.exits[message["pid"]] = message["wait_status"]
        return self.exits[pid]

    def close(self):
        self.peer.sock.close()
        self.process.wait(DEADLINE)


class ContextProcess:
    def __init__(self, peer, pid, out, err):
        self.peer, self.pid, self.out, self.err, self.number = peer, pid, out, err, 0

    def start(self, code):
        self.number += 1
        self.peer.send({"type": "execute_request", "run": self.number, "code": code})

    def read(self, fd):
        data = b""
        while select.select([fd], [], [], 0)[0]:
            got = os.read(fd, 65536)
            if not got:
                break
            data += got
        return data.decode()

    def finish(self):
        outcome = Outcome()
        while True:
            message = self.peer.receive()
            if message is None:
                outcome.died = True
                return outcome
            assert message["run"] == self.number, message
            outcome.out += self.read(self.out)
            outcome.err += self.read(self.err)
            outcome.messages.append(message)
            if message.get("display"):
                self.peer.send({"type": "display_ack", "display": message["display"]})
            if message["type"] == "display_data":
                outcome.displays.append(message["data"])
                outcome.order.append((len(outcome.out), message["data"].get("text/plain")))
            elif message["type"] == "execute_result":
                outcome.data, outcome.metadata = message["data"], message["metadata"]
            elif message["type"] == "error":
                outcome.error = message
            elif message["type"] == "execute_reply":
                outcome.count = message["execution_count"]
                outcome.status = message["status"]
                return outcome

    def run(self, code):
        self.start(code)
        return self.finish()

    def close(self):
        self.peer.sock.close()
        os.close(self.out)
        os.close(self.err)

    def wait_output(self, text):
        data = b""
        while text.encode() not in data:
            got = select.select([self.out], [], [], DEADLINE)[0]
            assert got, "no output: %r" % data
            data += os.read(self.out, 65536)
        return data.decode()


class Outcome:
    def __init__(self):
        self.out = self.err = ""
        self.data = self.metadata = self.error = self.count = self.status = None
        self.displays, self.order, self.messages, self.died = [], [], [], False

    @property
    def text(self):
        return self.data and self.data["text/plain"]


def gone(pid):
    """True when the process is dead or a zombie."""
    for _ in range(200):
        try:
            with open("/proc/%d/stat" % pid) as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


class ContextTest(unittest.TestCase):
    """Each test has a context of its own, `c`."""
    OPTIONS = None
    ENV = None

    @classmethod
    def setUpClass(cls):
        cls.zygote = ZygoteProcess(options=cls.OPTIONS, env=cls.ENV)

    @classmethod
    def tearDownClass(cls):
        cls.zygote.close()

    def setUp(self):
        self.c = self.zygote.context()

    def tearDown(self):
        self.c.close()

    def check(self, code, text):
        self.assertEqual(self.c.run(code).text, text, code)

    def fails(self, code, name):
        outcome = self.c.run(code)
        self.assertEqual(outcome.status, "error", code)
        self.assertEqual(outcome.error["ename"], name)
        return outcome.error


def import_worker(name):
    """A module of the worker in this process."""
    if "osb_worker" not in sys.modules:
        boot = {"__name__": "boot"}
        exec(compile(modules()["boot"], "boot", "exec"), boot)
        boot["install"](modules())
    return __import__("osb_worker." + name, fromlist=[name])
