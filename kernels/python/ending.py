"""How a context ends: everything that Python does at the end of a program but for taking its modules apart. Most of what
a context has it shares with its parent, and that would copy all of it: 40 ms for nothing.
"""

import atexit
import gc
import io
import sys

from osb_worker import output

try:
    from ctypes import PyDLL
except ImportError:  # interpreters built without libffi
    PyDLL = None


def end(namespace):
    """Threads are waited for, exit handlers run, objects of the cells are deleted, files flushed, libraries told. Returns
    where that cannot be done: Python's own end does it then."""
    if PyDLL is None:
        return
    wait_for_threads()
    atexit._run_exitfuncs()
    delete(namespace)
    flush_files()
    output.flush()
    PyDLL(None).exit(0)  # not os._exit(): exit handlers of libraries run


def wait_for_threads():
    shutdown = getattr(sys.modules.get("threading"), "_shutdown", None)
    if shutdown is not None:
        shutdown()


def delete(namespace):
    # The last ones first, so that __del__ finds what was imported before.
    for name in list(namespace)[::-1]:
        if name != "__builtins__":
            namespace.pop(name, None)
    gc.collect()


def flush_files():
    """Of modules, and whatever else holds them."""
    for thing in gc.get_objects():
        if isinstance(thing, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)):
            try:
                thing.flush()
            except Exception:
                pass  # closed, or its descriptor is
