"""The warm parent: forks contexts on request and tells execd how they ended.

It only imports and forks: no thread may exist, and nothing of a context ever runs here.
"""

import gc
import json
import os
import select
import signal
import socket
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
SPARE_PAUSE = 30         # ms without a request before a spare process is forked: who just came needs the processor
SPARE_TIME = 120 * 1000  # ms that it waits


class Zygote:
    def __init__(self, control, options):
        self.control = control
        self.interpreter = Interpreter()
        self.children = set()
        self.eager = bool(options.get("eager"))
        self.used = self.eager  # somebody wants contexts
        self.spare = None       # a process that waits to be the next one, and the channel to it
        self.steps = list(self.loading())
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
            yield self.interpreter.prepare_ipython,
            yield self.interpreter.rehearse_ipython, REHEARSALS
        yield self.interpreter.rehearse, REHEARSALS

    def serve(self):
        """Returns the Context in each forked process; None in the zygote when execd is gone."""
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        self.control.send({"type": "hello", "pid": os.getpid(), "version": sys.version.split()[0]})
        while True:
            ready = [fd for fd, _ in poll.poll(self.patience())]
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
            if not ready:
                context = self.idle()
                if context is not None:
                    return context

    def patience(self):
        """Milliseconds that nobody must want something before there is time for the luxuries; None: there are none."""
        if not self.used:  # the first context must not wait
            return None
        if self.steps:
            return 0
        if self.spare is None:
            return SPARE_PAUSE
        return None if self.eager else SPARE_TIME

    def idle(self):
        if self.steps:
            step = self.steps.pop(0)
            step[0](*step[1:])
        elif self.spare is None:
            return self.make_spare()
        else:
            self.drop_spare()
            self.used = False
        return None

    # -- forks ------------------------------------------------------------------------------------------------

    def fork(self, request, fds):
        """A Context in the child."""
        pid = -1
        try:
            if len(fds) != 3:
                raise ValueError("a fork request carries three descriptors, not %d" % len(fds))
            pid = self.use_spare(request, fds)
            if pid < 0:
                gc.freeze()  # collections in the child leave the pages that it shares with us alone
                pid = os.fork()
        except Exception as error:
            self.control.send({"type": "fork_failed", "context": request.get("context"), "message": str(error)})
        if pid == 0:
            self.leave()
            return self.become(request, fds)
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self.used = True
            self.children.add(pid)
            self.control.send({"type": "forked", "context": request["context"], "pid": pid})
        return None

    def make_spare(self):
        """Forks a process that waits to be the next context. It returns when it is one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.freeze()
        try:
            pid = os.fork()
        except OSError:
            self.used = False  # not now
            return None
        if pid > 0:
            theirs.close()
            self.children.add(pid)
            self.spare = pid, Channel(ours.detach())
            return None
        ours.close()
        self.leave()
        self.interpreter.rehearse(1)  # copies the pages that a run writes to, while nobody waits
        waiting = Channel(theirs.detach())
        request, fds = waiting.receive()
        waiting.close()
        if request is None:
            os._exit(0)
        return self.become(request, fds)

    def use_spare(self, request, fds):
        """Its process number, or -1."""
        spare, self.spare = self.spare, None
        if spare is None:
            return -1
        pid, channel = spare
        try:
            channel.send(request, fds)
            return pid
        except OSError:  # it is gone
            return -1
        finally:
            channel.close()

    def drop_spare(self):
        if self.spare is not None:
            self.spare[1].close()
            self.spare = None

    def leave(self):
        """In a child: what is the zygote's stays there."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self.woken)
        os.close(self.wake)
        self.control.close()
        self.drop_spare()
        self.children = set()
        os.setsid()  # a group of its own: interrupts reach what it started and nothing else

    def become(self, request, fds):
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
            if self.spare is not None and self.spare[0] == pid:
                self.drop_spare()
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
