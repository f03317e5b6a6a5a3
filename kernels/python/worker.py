"""Stateful Python contexts: a warm parent (the zygote) and one forked process per context.

Standard library only, Python 3.8 and later. execd carries this file inside itself and runs it with
`main(control descriptor)`. Both the zygote and the contexts speak framed JSON messages with execd over unix sockets
(README.md has the table). What user code prints does not travel in messages: descriptors 1 and 2 of a context are
pipes that execd reads, so output of C code and of subprocesses is caught too and nothing printed can pass for a
message.

Traps this file lives with:
* User code runs in the main thread, because only there can a signal interrupt it. No helper thread exists: programs
  that fork would be warned about it, and could deadlock.
* User code may fork. The channel is not inheritable by exec and is closed after a fork, and a forked child that runs
  off the end of its cell exits instead of answering for its parent.
* A signal handler may raise anywhere, also while a message is being sent. One frame is one packet, and a message that
  was cut short is dropped by the receiver when the next one begins.
"""

import sys

if sys.version_info < (3, 8):
    sys.stderr.write("Python 3.8 or later is needed, this is %s\n" % sys.version.split()[0])
    sys.exit(1)

if __name__ == "osb_worker" and sys.path and sys.path[0] == "":
    sys.path.pop(0)  # neither the directory we were started in nor its modules are ours to import

import _thread
import array
import ast
import base64
import builtins
import errno
import gc
import io
import json
import linecache
import os
import select
import signal
import socket
import struct
import traceback
import types

try:
    import ctypes
except ImportError:  # interpreters built without libffi
    ctypes = None

FIRST, LAST = 1, 2                # flags of a frame: begins a message, ends a message
HEADER = struct.Struct(">IB")     # length of what follows the length, flags
PART_BYTES = 64 * 1024            # payload of one frame
TEXT_LIMIT = 10 * 1000 * 1000     # characters of one MIME text
BUNDLE_LIMIT = 30 * 1000 * 1000   # characters of all texts of one result
EVALUE_LIMIT = 64 * 1024
TRACEBACK_LIMIT = 512 * 1024
CELLS_KEPT = 1000                 # cells whose source stays available to tracebacks and inspect

# Imported by the zygote while it has nothing else to do, so that contexts share them.
PRELOAD = ("random", "threading", "inspect", "tempfile", "subprocess", "datetime", "pathlib", "typing", "hashlib",
           "collections", "math", "textwrap", "uuid", "asyncio")

# Methods of a value that show it in another form than repr(), and the MIME type of that form.
RICH = (("_repr_html_", "text/html"), ("_repr_markdown_", "text/markdown"), ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"), ("_repr_pdf_", "application/pdf"),
        ("_repr_latex_", "text/latex"), ("_repr_json_", "application/json"),
        ("_repr_javascript_", "application/javascript"))

THIS_FILE = (lambda: None).__code__.co_filename


class Channel:
    """Messages over a SOCK_SEQPACKET socket, one frame per packet. send() may be called by several threads."""

    def __init__(self, sock):
        self._sock = sock
        self._lock = _thread.allocate_lock()
        os.set_inheritable(sock.fileno(), False)

    def fileno(self):
        return self._sock.fileno()

    def send(self, message):
        # Lone surrogates have no UTF-8 form; they become "?".
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        with self._lock:
            flags = FIRST
            for start in range(0, max(len(data), 1), PART_BYTES):
                part = data[start:start + PART_BYTES]
                if start + PART_BYTES >= len(data):
                    flags |= LAST
                self._sock.sendmsg([HEADER.pack(len(part) + 1, flags), part])
                flags = 0

    def receive(self):
        """The next message and the descriptors that came with it; (None, []) when execd is gone."""
        parts, fds = [], []
        while True:
            packet, ancillary, _, _ = self._sock.recvmsg(PART_BYTES + HEADER.size, 1024)
            if not packet:
                return None, fds
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    received = array.array("i")
                    received.frombytes(data[:len(data) - len(data) % received.itemsize])
                    for fd in received:
                        os.set_inheritable(fd, False)
                    fds.extend(received)
            flags = packet[HEADER.size - 1]
            if flags & FIRST:
                parts = []
            parts.append(packet[HEADER.size:])
            if flags & LAST:
                return json.loads(b"".join(parts).decode("utf-8")), fds

    def close(self):
        self._sock.close()


class StdinNotImplementedError(NotImplementedError):
    """input() was called: nobody is there to answer."""


def no_input(prompt=""):
    raise StdinNotImplementedError("input() is not available: code in a context has no standard input")


def dedent(code):
    """Removes the indentation of the first line with text from every line, as IPython does."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[:len(first) - len(first.lstrip(" \t"))]
    if not indent:
        return code
    return "\n".join(line[len(indent):] if line.startswith(indent) else
                     line.lstrip(" \t") if not line.strip() else line for line in lines)


def ends_with_semicolon(code, node):
    """True if a `;` follows the expression, which asks for its value not to be shown."""
    lines = code.encode("utf-8", "replace").split(b"\n")
    rest = b"\n".join([lines[node.end_lineno - 1][node.end_col_offset:]] + lines[node.end_lineno:])
    return rest.lstrip(b" \t\r\n\f\\)").startswith(b";")


def clip(text, limit):
    if len(text) <= limit:
        return text
    return "%s\n[cut: %d of %d characters are shown]" % (text[:limit], limit, len(text))


def as_text(mime, data):
    """A MIME text from what a _repr_*_ method gave: bytes as base64, structures as JSON."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(data)).decode("ascii")
    if isinstance(data, str) and mime != "application/json":
        return str(data)
    if isinstance(data, str):
        return data if looks_like_json(data) else json.dumps(data)
    return json.dumps(data, default=str)


def looks_like_json(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


def without_metadata(data):
    """_repr_*_ methods may give (data, metadata)."""
    return data[0] if isinstance(data, tuple) and len(data) == 2 else data


def mime_bundle(value):
    """MIME type → text, text/plain always first. Exceptions of the value's own methods leave it."""
    bundle = {"text/plain": str(repr(value))}
    kind = type(value)
    if not isinstance(value, type):  # the methods of a class are meant for its instances
        # Looked up on the type: objects such as mocks claim to have every attribute.
        if callable(getattr(kind, "_repr_mimebundle_", None)):
            given = without_metadata(value._repr_mimebundle_(include=None, exclude=None))
            if isinstance(given, dict):
                bundle.update((str(mime), as_text(mime, data)) for mime, data in given.items() if data is not None)
        for method, mime in RICH:
            if mime not in bundle and callable(getattr(kind, method, None)):
                data = without_metadata(getattr(value, method)())
                if data is not None:
                    bundle[mime] = as_text(mime, data)
    return limited(bundle)


def limited(bundle):
    """Cuts long texts; leaves out other long forms, which would be broken when cut, and says so."""
    kept, room = {}, BUNDLE_LIMIT
    for mime, text in bundle.items():
        if mime == "text/plain":
            text = clip(text, TEXT_LIMIT)
        elif len(text) > min(TEXT_LIMIT, room):
            if mime.startswith("text/"):
                text = clip(text, min(TEXT_LIMIT, room))
            else:
                note = "[%s left out: %d characters are more than %d]" % (mime, len(text), TEXT_LIMIT)
                kept["text/plain"] = kept.get("text/plain", "") + "\n" + note
                continue
        kept[mime] = text
        room = max(0, room - len(text))
    return kept


def describe(error):
    """ename, evalue and traceback of an exception; the traceback begins at the user's code."""
    name = type(error).__name__
    try:
        value = str(error)
    except BaseException:
        value = "<no text: str() of the exception failed>"
    try:
        lines = traceback.format_exception(type(error), error, user_frames(error.__traceback__))
    except BaseException:
        lines = ["%s: %s" % (name, value)]
    kept, room = [], TRACEBACK_LIMIT
    for line in lines:
        if len(line) > room:
            kept.append("[traceback cut]")
            break
        kept.append(line.rstrip("\n"))
        room -= len(line)
    return {"ename": name, "evalue": clip(value, EVALUE_LIMIT), "traceback": kept}


def user_frames(trace):
    """The traceback from the first frame of a cell on; without one, from behind the frames of this file."""
    at = trace
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith("<cell "):
            return at
        at = at.tb_next
    while trace is not None and trace.tb_frame.f_code.co_filename == THIS_FILE:
        trace = trace.tb_next
    return trace


def ignore_signal(number, frame):
    """Between runs an interrupt means nothing. A function, not SIG_IGN: that would be inherited by programs."""


def c_library_flush():
    """fflush(NULL) of the C library: extension modules print through buffers that Python does not know."""
    try:
        flush = ctypes.CDLL(None).fflush
        flush.argtypes, flush.restype = [ctypes.c_void_p], ctypes.c_int
        return lambda: flush(None)
    except Exception:
        return lambda: None


def open_output(fd):
    """Text output on a descriptor that leaves the process at every end of line."""
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw, PART_BYTES), encoding="utf-8", errors="backslashreplace",
                            line_buffering=True)


class Context:
    """One context: a namespace, its runs one after the other, and the channel to execd."""

    def __init__(self, channel, flush_c):
        self.channel = channel
        self.flush_c = flush_c
        self.pid = os.getpid()
        self.main_thread = _thread.get_ident()
        self.run = None           # number of the run under way
        self.count = 0            # of executions, from 1
        self.acknowledged = 0     # last display that execd confirmed
        self.displays = 0
        self.loop = None          # event loop of top-level await, kept between runs
        self.compile_flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.cells = []
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self.module
        builtins.input = no_input
        builtins.display = self.display
        os.register_at_fork(after_in_child=self.channel.close)

    # -- messages ---------------------------------------------------------------------------------------------

    def serve(self):
        signal.signal(signal.SIGINT, ignore_signal)
        self.channel.send({"type": "ready", "pid": self.pid, "version": sys.version.split()[0]})
        while True:
            try:
                message, fds = self.channel.receive()
                for fd in fds:
                    os.close(fd)
                if message is None:
                    return  # execd is gone or ends this context: the interpreter ends in good order
                if message["type"] == "execute_request":
                    self.execute(message)
            except OSError as error:
                if error.errno in (errno.EPIPE, errno.ECONNRESET, errno.EBADF, errno.ENOTCONN):
                    return
            except BaseException:
                # A signal handler that user code left behind raised in our own code. The run that it hit, if
                # any, must not stay open.
                signal.signal(signal.SIGINT, ignore_signal)
                if self.run is not None:
                    self.finish(None, describe(sys.exc_info()[1]))

    def execute(self, message):
        self.run = message["run"]
        self.count += 1
        bundle, failure = None, None
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                # Interrupts are taken from here on; before, execd keeps them back.
                self.channel.send({"type": "execute_input", "run": self.run, "execution_count": self.count})
                bundle = self.run_cell(message["code"])
            finally:
                signal.signal(signal.SIGINT, ignore_signal)
        except BaseException as error:
            signal.signal(signal.SIGINT, ignore_signal)  # an interrupt may have hit the line that does this
            self.leave_if_forked(error)
            failure = describe(error)
            sys.last_type, sys.last_value, sys.last_traceback = type(error), error, user_frames(error.__traceback__)
        self.leave_if_forked(None)
        self.finish(bundle, failure)

    def finish(self, bundle, failure):
        self.flush()
        if failure is not None:
            self.channel.send(dict(failure, type="error", run=self.run))
        elif bundle is not None:
            self.channel.send({"type": "execute_result", "run": self.run, "execution_count": self.count,
                               "data": bundle})
        run, self.run = self.run, None
        self.channel.send({"type": "execute_reply", "run": run, "status": "error" if failure else "ok",
                           "execution_count": self.count})

    def display(self, *values, **options):
        """Shows values in the stream of the run. With raw=True they are dictionaries MIME type → data."""
        if os.getpid() != self.pid:
            return  # the channel belongs to the parent
        for value in values:
            if options.get("raw"):
                bundle = limited({str(mime): as_text(mime, data) for mime, data in value.items()})
            else:
                bundle = mime_bundle(value)
            self.flush()
            self.displays += 1
            number = self.displays
            # Output and messages travel on different ways. Waiting for execd keeps what is printed next behind.
            wait = self.run is not None and _thread.get_ident() == self.main_thread
            self.channel.send({"type": "display_data", "run": self.run or 0, "data": bundle,
                               "display": number if wait else 0})
            while wait and self.acknowledged < number:
                message, _ = self.channel.receive()
                if message is None:
                    os._exit(1)
                if message["type"] == "display_ack":
                    self.acknowledged = max(self.acknowledged, message["display"])

    # -- code -------------------------------------------------------------------------------------------------

    def run_cell(self, code):
        """Runs the code in the namespace; the MIME bundle of the last expression, or None."""
        source = dedent(code)
        name = self.remember(source)
        tree = self.compile(source, name, "exec", ast.PyCF_ONLY_AST)
        last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if last is None or ends_with_semicolon(source, last):
            self.evaluate(self.compile(tree, name, "exec"))
            return None
        body = ast.Module(body=tree.body[:-1], type_ignores=[])
        # Both parts are compiled before either runs, so an error in the last line stops the whole cell.
        statements = self.compile(body, name, "exec") if body.body else None
        expression = self.compile(ast.Expression(last.value), name, "eval")
        if statements is not None:
            self.evaluate(statements)
        value = self.evaluate(expression)
        if value is None:
            return None
        bundle = mime_bundle(value)
        builtins._ = value
        return bundle

    def remember(self, source):
        name = "<cell %d>" % self.count
        # No modification time: linecache never drops the entry.
        linecache.cache[name] = (len(source), None, [line + "\n" for line in source.split("\n")], name)
        self.cells.append(name)
        if len(self.cells) > CELLS_KEPT:
            linecache.cache.pop(self.cells.pop(0), None)
        return name

    def compile(self, source, name, mode, flags=0):
        code = compile(source, name, mode, flags | self.compile_flags, True)
        if isinstance(code, types.CodeType):  # `from __future__ import …` holds for the cells that follow
            import __future__
            for feature in __future__.all_feature_names:
                self.compile_flags |= code.co_flags & getattr(__future__, feature).compiler_flag
        return code

    def evaluate(self, code):
        result = eval(code, self.module.__dict__)
        if not code.co_flags & 0x80:  # CO_COROUTINE: no top-level await inside
            return result
        return self.wait_for(result)

    def wait_for(self, coroutine):
        import asyncio
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():  # interrupted while it waited: end it, so that it does not live on in the next run
                task.cancel()
                try:
                    self.loop.run_until_complete(task)
                except BaseException:
                    pass
            raise

    # -- process ----------------------------------------------------------------------------------------------

    def flush(self):
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except Exception:
                pass  # replaced or closed by user code
        self.flush_c()

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
        self.flush()
        os._exit(status & 0xFF)


def become_context(request, fds, flush_c):
    """In the freshly forked process: takes its descriptors and turns it into a context."""
    channel, out, err = fds
    os.setsid()  # a group of its own: interrupts reach what it started and nothing else
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    sys.stdout = sys.__stdout__ = open_output(1)
    sys.stderr = sys.__stderr__ = open_output(2)
    channel = Channel(socket.socket(fileno=channel))
    try:
        os.chdir(request["cwd"])
    except OSError as error:
        channel.send({"type": "fatal", "message": "changing to %s: %s" % (request["cwd"], error.strerror)})
        os._exit(1)
    os.environ["PWD"] = request["cwd"]
    sys.argv = [""]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, "")
    if "random" in sys.modules:
        sys.modules["random"].seed()  # contexts must not share the state of the zygote
    gc.enable()
    return Context(channel, flush_c)


class Zygote:
    """Forks contexts on request and tells execd how they ended."""

    def __init__(self, control):
        self.control = control
        self.children = set()
        self.forked = False
        self.to_load = list(PRELOAD)
        self.flush_c = c_library_flush()
        gc.disable()  # until a context runs: we only import and fork
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.wake = wake
        signal.signal(signal.SIGCHLD, ignore_signal)

    def serve(self):
        """Returns the Context in each forked process; None in the zygote when execd is gone."""
        poll = select.poll()
        poll.register(self.control.fileno(), select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        self.control.send({"type": "hello", "pid": os.getpid(), "version": sys.version.split()[0]})
        while True:
            # The first context must not wait for the luxuries.
            idle_work = self.forked and self.to_load
            ready = [fd for fd, _ in poll.poll(0 if idle_work else None)]
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
            if not ready and idle_work:
                self.load(self.to_load.pop(0))

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
            self.children = set()  # they are the zygote's
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self.woken)
            os.close(self.wake)
            self.control.close()
            return become_context(request, fds, self.flush_c)
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self.forked = True
            self.children.add(pid)
            self.control.send({"type": "forked", "context": request["context"], "pid": pid})
        return None

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

    @staticmethod
    def load(name):
        try:
            __import__(name)
        except Exception:
            pass


def main(control_fd):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = Channel(socket.socket(fileno=control_fd))
    null = os.open(os.devnull, os.O_RDWR)
    zygote = Zygote(control)
    os.dup2(null, 2)  # from here on failures travel as messages
    os.close(null)
    try:
        context = zygote.serve()
    except OSError:  # execd is gone
        zygote.end()
        return
    if context is not None:
        context.serve()


if __name__ == "osb_worker":
    main(3)
