"""The process of a context: its descriptors, directory, randomness and limits, right after a fork."""

import gc
import os
import sys

from osb_worker.channel import Channel
from osb_worker.output import open_output


def take_output(out, err):
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)


def become_context(request, fds):
    """In the freshly forked process. The channel of the context; None when it cannot be one, which execd was told."""
    channel, out, err = fds
    take_output(out, err)
    sys.stdout = sys.__stdout__ = open_output(1)
    sys.stderr = sys.__stderr__ = open_output(2)
    channel = Channel(channel)
    try:
        os.chdir(request["cwd"])
    except OSError as error:
        channel.send({"type": "fatal", "message": "changing to %s: %s" % (request["cwd"], error.strerror)})
        return None
    os.environ["PWD"] = request["cwd"]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, "")
    freshen()
    gc.enable()
    return channel


def freshen():
    """Contexts must not share the randomness of their parent. os.urandom, and with it secrets and uuid4, never does."""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
    ssl = sys.modules.get("_ssl")
    if ssl is not None and ssl.OPENSSL_VERSION_INFO < (1, 1, 1):  # it does not notice a fork
        ssl.RAND_add(os.urandom(32), 32.0)
    if "uuid" in sys.modules:
        sys.modules["uuid"]._last_timestamp = None
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None


def find_own_programs():
    """Code that runs `pip` or `python3` means those of the Python that runs it."""
    own = os.path.dirname(sys.executable)
    places = [os.path.join(place, "python3") for place in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    found = next((place for place in places if os.access(place, os.X_OK)), "")
    if own and os.path.realpath(found) != os.path.realpath(sys.executable):
        os.environ["PATH"] = own + os.pathsep + os.environ.get("PATH", os.defpath)
    if os.environ.get("OPENSANDBOX_IMAGE_KIND") != "host":
        # The packages of the image are the sandbox's own, also where a distribution wants to keep them to itself.
        os.environ.setdefault("PIP_BREAK_SYSTEM_PACKAGES", "1")


def limit_memory():
    """An allocation that can never be had raises MemoryError: the kernel would end the context in the middle of it.
    Inherited by the contexts of a zygote."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                limit = int(file.read())
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            if not 0 < limit < total:
                return
            import resource
            soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
            if not 0 < soft < limit:
                resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
            return
        except (OSError, ValueError, ImportError):
            continue
