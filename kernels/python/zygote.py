"""The warm parent: forks contexts on request and tells execd how they ended.

It only imports and forks: no thread may exist, and nothing of a context ever runs here.
"""

import gc
import json
import os
import select
import signal
import sys

from osb_worker import libraries
from osb_worker.channel import Channel
from osb_worker.context import Context, ignore_signal
from osb_worker.interpreter import Interpreter
from osb_worker.process import become_context, find_own_programs, limit_memory

# Imported while there is nothing else to do, so that contexts share them.
COMMON = ("random", "threading", "inspect", "tempfile", "subprocess", "datetime", "pathlib", "typing", "hashlib",
          "collections", "math", "textwrap", "uuid", "asyncio")
# The parts of IPython, in steps: a context that is asked for meanwhile waits for one of them at most.
IPYTHON = ("traitlets.config", "pygments.lexers", "prompt_toolkit.shortcuts", "stack_data", "sqlite3", "IPython")


REHEARSALS = 12  # CPython specializes code after eight


class Zygote:
    def __init__(self, control, options):
        self.control = control
        self.interpreter = Interpreter()
        self.children = set()
        self.forked = bool(options.get("eager"))  # load before anybody asks for a context
        self.steps = self.loading()
        gc.disable()  # until a context runs: we only import and fork
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignore_signal)
        libraries.install(self.interpreter)

    def loading(self):
        """What is worth having in every context, one import a step."""
        for name in COMMON:
            yield load, name
        if self.interpreter.ipython_there():
            for name in IPYTHON:
                yield load, name
            yield self.interpreter.load_ipython,
        yield self.rehearse,

    def rehearse(self):
        """Runs a few cells, so that what the first run of a context writes into memory that it shares with us (counters
        and caches beside the bytecode, above all) is written already."""
        for _ in range(REHEARSALS):
            for code in ("1 + 1", "x = 1", "def f(x):\n    return x\nf(1)", "[1, 2]"):
                self.interpreter.run(code, 1)
        self.interpreter.reset()

    def serve(self):
        """Returns the Context in each forked process; None in the zygote when execd is gone."""
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        self.control.send({"type": "hello", "pid": os.getpid(), "version": sys.version.split()[0]})
        idle_work = True
        while True:
            # The first context must not wait for the luxuries.
            ready = [fd for fd, _ in poll.poll(0 if self.forked and idle_work else None)]
            if self.woken in ready:
                try:
                    os.read(self.woken, 4096)
                except OSError:
                    pass
                self.reap()
            if self.control.fileno() in ready:
                request, fds = self.control.receive()
                if request is None:
                    self.end()
                    return None
                context = self.fork(request, fds)
                if context is not None:
                    return context
            if not ready and self.forked and idle_work:
                step = next(self.steps, None)
                idle_work = step is not None
                if idle_work:
                    step[0](*step[1:])

    def fork(self, request, fds):
        try:
            if len(fds) != 3:
                raise ValueError("a fork request carries three descriptors, not %d" % len(fds))
            gc.freeze()  # collections in the child leave the pages that it shares with us alone
            pid = os.fork()
        except Exception as error:
            self.control.send({"type": "fork_failed", "context": request.get("context"), "message": str(error)})
            pid = -1
        if pid == 0:
            return self.leave(request, fds)
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self.forked = True
            self.children.add(pid)
            self.control.send({"type": "forked", "context": request["context"], "pid": pid})
        return None

    def leave(self, request, fds):
        """In the child."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self.woken)
        os.close(self.wake)
        self.control.close()
        self.children = set()  # they are the zygote's
        channel = become_context(request, fds)
        if channel is None:
            os._exit(1)
        return Context(channel, self.interpreter)

    def reap(self):
        while True:
            try:
                # Not reaped yet, so its number and group cannot belong to anybody else while we clear the group.
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            self.kill_group(ended.si_pid)
            pid, status = os.waitpid(ended.si_pid, 0)
            self.children.discard(pid)
            self.control.send({"type": "exited", "pid": pid, "wait_status": status})

    def end(self):
        for pid in self.children:
            self.kill_group(pid)

    @staticmethod
    def kill_group(pid):
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


def load(name):
    """Why the module cannot be had; empty when it is there."""
    try:
        __import__(name)
        return ""
    except (Exception, SystemExit) as error:
        return "%s: %s" % (name, error)


def main(control_fd, arguments):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(arguments[0]) if arguments else {}
    sys.argv = [""]
    control = Channel(control_fd)
    find_own_programs()
    limit_memory()
    zygote = Zygote(control, options)
    null = os.open(os.devnull, os.O_RDWR)
    missing = [why for why in map(load, options.get("preload") or []) if why]
    if missing:
        sys.stderr.write("loading modules: %s\n" % "; ".join(missing))
        sys.exit(1)
    os.dup2(null, 2)  # from here on failures travel as messages
    os.close(null)
    try:
        context = zygote.serve()
    except OSError:  # execd is gone
        zygote.end()
        return
    if context is not None:
        context.serve()
