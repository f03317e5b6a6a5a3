"""One context: its runs one after the other, and the messages to and from execd.

Traps:
* User code runs in the main thread, because only there can a signal interrupt it. No helper thread exists: programs
  that fork would be warned about it, and could deadlock.
* User code may fork. The channel is not inheritable by exec and is closed after a fork, and a forked child that runs
  off the end of its cell exits instead of answering for its parent.
* A signal handler may raise anywhere, also in the code below.
"""

import _thread
import errno
import os
import signal
import sys
import traceback

from osb_worker import display, ending, output
from osb_worker.errors import describe, user_frames


# Python looks for signals between its instructions, so one that comes just before it waits for something is not seen
# until the wait is over. execd sends this one behind an interrupt, which ends the wait. It does nothing to programs.
WAKING = int(signal.SIGURG)


def ignore_signal(number, frame):
    """Between runs an interrupt means nothing. A function, not SIG_IGN: that would be inherited by programs."""


class Context:
    def __init__(self, channel, interpreter):
        self.channel = channel
        self.interpreter = interpreter
        self.pid = os.getpid()
        self.main_thread = _thread.get_ident()
        self.run = None           # number of the run under way
        self.count = 0            # of executions, from 1
        self.shown = 0            # messages that execd is asked to confirm
        self.confirmed = 0        # the last one that it did
        self.copying = False      # a fork that is ours, not user code's
        self.is_copy = False
        interpreter.show_result = self.show_result
        display.publisher = self
        os.register_at_fork(after_in_child=self.close_if_foreign)

    def serve(self):
        signal.signal(signal.SIGINT, ignore_signal)
        signal.signal(WAKING, ignore_signal)
        self.say_ready()
        while True:
            try:
                message, fds = self.channel.receive()
                if message is None:
                    return self.end()  # execd is gone or ends this context
                self.handle(message, fds)
            except OSError as error:
                if error.errno in (errno.EPIPE, errno.ECONNRESET, errno.EBADF, errno.ENOTCONN):
                    return
            except BaseException:
                # A signal handler that user code left behind raised in our own code. The run that it hit, if
                # any, must not stay open.
                signal.signal(signal.SIGINT, ignore_signal)
                if self.run is not None:
                    self.finish(describe(sys.exc_info()[1]))

    def say_ready(self):
        self.channel.send({"type": "ready", "pid": self.pid, "version": sys.version.split()[0], "wakes_on": WAKING})

    def end(self):
        """The interpreter ends in good order. A copy only does what was registered in it: objects that it was made with
        would clean up behind the original as well."""
        if self.is_copy:
            import atexit
            atexit._run_exitfuncs()
            output.flush()
            os._exit(0)
        ending.end(self.interpreter.module.__dict__)

    def handle(self, message, fds):
        if message["type"] == "copy":
            from osb_worker.copies import make_copies
            make_copies(self, message, fds)
            return
        for fd in fds:
            os.close(fd)
        if message["type"] == "execute_request":
            self.execute(message)

    def execute(self, message):
        self.run = message["run"]
        self.count += 1
        failure = None
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                # Interrupts are taken from here on; before, execd keeps them back.
                self.channel.send({"type": "execute_input", "run": self.run, "execution_count": self.count})
                self.interpreter.run(message["code"], self.count)
            finally:
                signal.signal(signal.SIGINT, ignore_signal)
        except BaseException as error:
            signal.signal(signal.SIGINT, ignore_signal)  # an interrupt may have hit the line that does this
            self.leave_if_forked(error)
            failure = describe(error)
            if isinstance(error, MemoryError):
                del error  # nothing may keep what its frames hold
                self.interpreter.forget_errors()
            else:
                self.interpreter.remember_error(error, user_frames(error.__traceback__))
        self.leave_if_forked(None)
        self.finish(failure)

    def finish(self, failure):
        output.flush()
        if failure is not None:
            self.channel.send(dict(failure, type="error", run=self.run))
        run, self.run = self.run, None
        self.channel.send({"type": "execute_reply", "run": run, "status": "error" if failure else "ok",
                           "execution_count": self.count})

    # -- what the code shows ----------------------------------------------------------------------------------

    def show_result(self, data, metadata):
        """The value of the last expression."""
        self.show({"type": "execute_result", "execution_count": self.count, "data": data, "metadata": metadata})

    def publish(self, data, metadata, display_id=None, update=False):
        message = {"type": "update_display_data" if update else "display_data", "data": data, "metadata": metadata}
        if display_id is not None:
            message["display_id"] = str(display_id)
        self.show(message)

    def clear_output(self, wait):
        self.show({"type": "clear_output", "wait": bool(wait)})

    def show(self, message):
        if os.getpid() != self.pid:
            return  # the channel belongs to the parent
        output.flush()
        self.shown += 1
        number = self.shown
        # Output and messages travel on different ways. Waiting for execd keeps what is printed next behind.
        wait = self.run is not None and _thread.get_ident() == self.main_thread
        self.channel.send(dict(message, run=self.run or 0, display=number if wait else 0))
        while wait and self.confirmed < number:
            message, _ = self.channel.receive()
            if message is None:
                os._exit(1)
            if message["type"] == "display_ack":
                self.confirmed = max(self.confirmed, message["display"])

    # -- children of user code --------------------------------------------------------------------------------

    def close_if_foreign(self):
        if not self.copying:
            self.channel.close()

    def leave_if_forked(self, error):
        """A child that user code forked ends here, at the end of its cell."""
        if os.getpid() == self.pid:
            return
        status = 0
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        elif error is not None:
            status = 1
            traceback.print_exception(type(error), error, user_frames(error.__traceback__))
        output.flush()
        os._exit(status & 0xFF)
