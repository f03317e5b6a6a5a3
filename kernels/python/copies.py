"""Copies of an idle context: forks of its process, with everything that it holds in memory.

execd sends `copy` with the number of copies, and behind it one message `copy_into` for each, with the descriptors of
that copy: channel, stdout, stderr. A process in between makes them and ends, so that no copy is a child of the context:
user code that waits for its children never sees one, and execd (which takes orphans) is told how they end. That process
forks once for each copy, so a big context pays for its size N + 1 times.

What a fork cannot take along is refused, with a reason: threads (the copy would wait for them for ever), sockets and
devices (two processes would talk into one connection), child processes (they stay the original's).
"""

import gc
import os
import signal
import stat
import sys
import time
import warnings

from osb_worker import output, process

IN_BETWEEN_FAILED = 1


class Refused(Exception):
    pass


def make_copies(context, request, fds):
    for fd in fds:
        os.close(fd)
    count = request["count"]
    try:
        check(context)
        output.flush()
        make(context, count, request.get("fresh", False))
    except Refused as refused:
        # The descriptors are on their way; the loop of the context closes them.
        context.channel.send({"type": "copy_refused", "message": str(refused)})
    except OSError as error:
        context.channel.send({"type": "copy_refused", "message": "memory: forking: %s" % error.strerror})


def check(context):
    """Raises Refused."""
    threading = sys.modules.get("threading")
    python_threads = len(sys._current_frames())
    if python_threads > 1:
        names = [one.name for one in threading.enumerate() if one is not threading.main_thread()] if threading else []
        raise Refused("threads: %d more than the main one are alive%s" %
                      (python_threads - 1, " (%s)" % ", ".join(names[:5]) if names else ""))
    children = living_children()
    if children:
        raise Refused("processes: it has child processes (%s)" % ", ".join(map(str, children[:5])))
    check_descriptors(context)
    if native_threads() > 1:
        # Libraries that keep threads for their work and know about forks, as OpenBLAS, end them before one.
        trial()
        for _ in range(50):
            if native_threads() == 1:
                return
            time.sleep(0.001)
        raise Refused("threads: %d threads of native code are alive" % (native_threads() - 1))


def native_threads():
    return len(os.listdir("/proc/self/task"))


def trial():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer Pythons, about those very threads
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def living_children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    own, children = os.getpid(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == own and state not in "ZX":
            children.append(int(name))
    return children


def check_descriptors(context):
    ours = {context.channel.fileno()} | loop_descriptors(context.interpreter.loop)
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            link = os.readlink("/proc/self/fd/%d" % fd)
        except OSError:
            continue  # the listing itself
        if fd in ours:
            continue
        if link.startswith("socket:"):
            raise Refused("sockets: descriptor %d is one" % fd)
        if link.startswith("anon_inode:"):
            raise Refused("descriptors: %d (%s) cannot be copied" % (fd, link))
        if link.startswith("/dev/") and link not in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"):
            if stat.S_ISCHR(os.fstat(fd).st_mode):
                raise Refused("devices: descriptor %d is %s" % (fd, link))


def loop_descriptors(loop):
    """Those that an event loop of asyncio has for itself."""
    if loop is None or loop.is_closed():
        return set()
    found = set()
    for get in (lambda: loop._ssock.fileno(), lambda: loop._csock.fileno(), lambda: loop._selector.fileno()):
        try:
            found.add(get())
        except Exception:
            pass
    return found


def make(context, count, fresh):
    randomness = None if fresh else save_randomness()
    files = open_files(context.channel.fileno())
    context.copying = True
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    gc.freeze()  # collections in the copies leave the pages that they share alone
    try:
        pid = os.fork()
        if pid == 0:
            fork_copies(context, count)
            become_copy(context, randomness, files)
            return
        _, status = os.waitpid(pid, 0)
        signal.sigtimedwait({signal.SIGCHLD}, 0)  # of the process in between: nobody else's business
        gc.unfreeze()
        if status != 0:
            context.channel.send({"type": "copy_refused", "message": "memory: the copies could not be made"})
    finally:
        context.copying = False
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def fork_copies(context, count):
    """In the process in between, where it does not return; it does in each copy, which has taken its descriptors."""
    pids = []
    begun, begin = os.pipe()
    try:
        for _ in range(count):
            message, fds = context.channel.receive()
            if message is None or message["type"] != "copy_into" or len(fds) != 3:
                os._exit(IN_BETWEEN_FAILED)
            pid = os.fork()
            if pid == 0:
                os.setsid()
                os.close(begun)
                os.close(begin)
                context.channel.replace(fds[0])
                process.take_output(fds[1], fds[2])
                return
            for fd in fds:
                os.close(fd)
            pids.append(pid)
        os.close(begin)
        os.read(begun, 1)  # until each leads its own group: execd makes sure of that
        context.channel.send({"type": "copied", "pids": pids})
        os._exit(0)
    except BaseException:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        os._exit(IN_BETWEEN_FAILED)


def become_copy(context, randomness, files):
    context.pid = os.getpid()
    if randomness is None:
        process.freshen()
    else:  # what is undone must come out the same, but `random` seeds itself in a forked process
        sys.modules["random"].setstate(randomness)
    rebuild_loop(context.interpreter)
    reopen(files)
    context.is_copy = True
    leave_exit_handlers()
    context.say_ready()


def rebuild_loop(interpreter):
    """The event loop's selector and waking sockets are shared with the original after a fork: it gets others."""
    loop = interpreter.loop
    if loop is None or loop.is_closed():
        return
    try:
        import selectors
        loop._selector.close()
        loop._ssock.close()
        loop._csock.close()
        loop._selector = selectors.DefaultSelector()
        loop._internal_fds = 0
        loop._make_self_pipe()
    except Exception:
        interpreter.loop = None


def open_files(channel):
    """(descriptor, flags) of regular files."""
    found = []
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            if fd > 2 and fd != channel and stat.S_ISREG(os.fstat(fd).st_mode):
                with open("/proc/self/fdinfo/%d" % fd) as file:
                    told = dict(line.split(":", 1) for line in file)
                found.append((fd, int(told["flags"], 8) & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)))
        except (OSError, KeyError, ValueError):
            continue  # it stays shared
    return found


def reopen(files):
    """An open file has one position for all processes that inherited it: each copy goes on from there on its own."""
    for fd, flags in files:
        try:
            own = os.open("/proc/self/fd/%d" % fd, flags | os.O_CLOEXEC)
            os.lseek(own, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
            os.dup2(own, fd, os.get_inheritable(fd))
            os.close(own)
        except OSError:
            continue


def leave_exit_handlers():
    """What the original does at its end is its own business: it may remove what both use."""
    import atexit
    import weakref
    atexit._clear()
    for one in list(weakref.finalize._registry):
        one.atexit = False
    weakref.finalize._registered_with_atexit = False


def save_randomness():
    __import__("random")
    return sys.modules["random"].getstate()
