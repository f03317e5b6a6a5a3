"""Drives a worker that is a started process over its descriptors, as execd does; for the tests of the workers.

Standard library only, Python 3.8 and later.
"""

import json
import os
import select
import signal
import struct
import threading
import time

PART_BYTES = 64 * 1024
FIRST_FILE = 5


class Died(Exception):
    """The worker closed its channel; `str()` has how it ended and what it wrote to stderr."""


class Worker:
    """One worker: `argv` with descriptors 0 to 4 as kernels/README.md says and `files` (bytes) from 5 on.

    With `packets` each write to its stdout is an entry of `writes`.
    """

    def __init__(self, argv, files=(), env=None, cwd="/tmp", deadline=15, packets=False):
        self.deadline = deadline
        self.writes = []
        self.printed = {1: b"", 2: b""}
        self.runs = 0
        self.queue = []          # messages that were read ahead
        self.armed = False       # the run takes SIGINT
        self.by_message = False  # the worker says when it does, and takes messages otherwise
        self.wanted = False      # an interrupt that waits for that
        self.status = None
        self.begun = False
        self.pending = b""
        request_read, self.requests = os.pipe()
        self.messages, message_write = os.pipe()
        out, out_write = os.pipe2(os.O_DIRECT if packets else 0)
        err, err_write = os.pipe()
        given = [os.open(os.devnull, os.O_RDONLY), out_write, err_write, request_read, message_write]
        for data in files:
            fd = os.memfd_create("worker")
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view):]
            os.lseek(fd, 0, os.SEEK_SET)
            given.append(fd)
        env = dict(os.environ if env is None else env, PWD=cwd)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                os.chdir(cwd)
                # Above all targets first, so that no target overwrites a source that is still needed.
                import fcntl
                moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in given]
                for target, fd in enumerate(moved):
                    os.dup2(fd, target, True)
                os.closerange(len(given), 1 << 16)
                os.execvpe(argv[0], list(argv), env)
            except BaseException as error:
                os.write(2, str(error).encode())
            finally:
                os._exit(127)
        for fd in given:
            os.close(fd)
        self._readers = [threading.Thread(target=self._read, args=(number, fd), daemon=True)
                         for number, fd in ((1, out), (2, err))]
        for reader in self._readers:
            reader.start()

    def _read(self, number, fd):
        while True:
            data = os.read(fd, 1 << 16)
            if not data:
                os.close(fd)
                return
            self.printed[number] += data
            if number == 1:
                self.writes.append(data)

    def send(self, **message):
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        frames = b""
        for at in range(0, max(len(data), 1), PART_BYTES):
            part = data[at:at + PART_BYTES]
            flags = (at == 0) + 2 * (at + PART_BYTES >= len(data))
            frames += struct.pack(">IB", len(part) + 1, flags) + part
        view = memoryview(frames)
        while view:
            view = view[os.write(self.requests, view):]

    def _exactly(self, size, end):
        while len(self.pending) < size:
            if not select.select([self.messages], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the worker says nothing; stderr: %r" % self.printed[2][-2000:])
            more = os.read(self.messages, 1 << 16)
            if not more:
                raise Died("%s; stderr: %s" % (self.wait(), self.printed[2].decode("utf-8", "replace")))
            self.pending += more
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def receive(self, deadline=None):
        return self.queue.pop(0) if self.queue else self._receive(deadline)

    def _receive(self, deadline=None):
        while True:
            message = self._take(self._read_message(deadline))
            if message is not None:
                return message

    def _take(self, message):
        """Answers what is about interrupts as execd does; other messages come back."""
        if message["type"] == "interrupts_off":
            self.send(type="display_ack", display=message["display"], signalled=not self.armed)
            self.armed = False
            return None
        if message["type"] == "execute_input":
            again, self.begun, self.armed = self.begun, True, True
            if self.wanted:
                self.wanted = False
                self._signal()
            if again:
                return None
        return message

    def _signal(self):
        if self.by_message:
            self.armed = False
        os.killpg(self.pid, signal.SIGINT)

    def _read_message(self, deadline=None):
        end = time.monotonic() + (deadline or self.deadline)
        parts, flags = [], 0
        while not flags & 2:
            length, flags = struct.unpack(">IB", self._exactly(5, end))
            assert 1 <= length <= PART_BYTES + 1 and flags <= 3, (length, flags)
            if flags & 1:
                parts = []
            parts.append(self._exactly(length - 1, end))
        return json.loads(b"".join(parts).decode("utf-8"))

    def ready(self):
        message = self.receive()
        assert message["type"] == "ready", message
        self.by_message = message.get("holds", False)
        assert message["pid"] == self.pid, (message, self.pid)
        return message

    def start(self, code):
        """Begins a run and returns when the worker takes interrupts."""
        self.runs += 1
        self.printed = {1: b"", 2: b""}
        self.armed = self.begun = self.wanted = False
        self.send(type="execute_request", run=self.runs, code=code)
        begun = self.receive()
        assert begun["type"] == "execute_input" and begun["run"] == self.runs, begun
        return begun

    def finish(self):
        """The rest of a run: its messages by type (displays as a list), and what was printed."""
        answer = {"displays": []}
        while True:
            message = self.receive()
            kind = message["type"]
            assert message["run"] in (0, self.runs), message
            if kind == "display_data":
                answer["displays"].append(message["data"])
                if message.get("display"):
                    self.send(type="display_ack", display=message["display"])
            else:
                assert kind not in answer, (kind, answer)
                answer[kind] = message
            if kind == "execute_reply":
                break
        time.sleep(0.02)  # the threads that read what was printed
        answer["stdout"] = self.printed[1].decode("utf-8", "replace")
        answer["stderr"] = self.printed[2].decode("utf-8", "replace")
        return answer

    def run(self, code):
        self.start(code)
        return self.finish()

    def result(self, code):
        """The text/plain form of the result; the error as text if there was one."""
        answer = self.run(code)
        if "error" in answer:
            return "%s: %s" % (answer["error"]["ename"], answer["error"]["evalue"])
        return answer["execute_result"]["data"]["text/plain"] if "execute_result" in answer else None

    def interrupt(self):
        while self.pending or select.select([self.messages], [], [], 0)[0]:
            message = self._take(self._read_message())
            if message is not None:
                self.queue.append(message)
            if message is not None and message["type"] == "execute_reply":
                return
        if self.armed:
            self._signal()
        elif self.by_message:
            self.wanted = True
            self.send(type="interrupt_request", run=self.runs)

    def wait(self):
        """How the process ended: exit status, or the negative number of a signal."""
        end = time.monotonic() + self.deadline
        while self.status is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            else:
                time.sleep(0.005)
        return self.status

    def end(self):
        """Closes the channel, as execd does for an end in good order; how the process ended."""
        os.close(self.requests)
        self.requests = -1
        return self.wait()

    def close(self):
        """Ends it whatever it does."""
        if self.status is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except OSError:
                pass
            self.wait()
        for fd in (self.requests, self.messages):
            if fd >= 0:
                os.close(fd)
        self.requests = self.messages = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
