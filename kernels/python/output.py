"""What code prints: descriptors 1 and 2 as text streams, and flushing everything that may hold some of it back."""

import io
import sys

from osb_worker.channel import PART_BYTES

try:
    import ctypes
except ImportError:  # interpreters built without libffi
    ctypes = None


def open_output(fd):
    """Text output on a descriptor that leaves the process at every end of line."""
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw, PART_BYTES), encoding="utf-8", errors="backslashreplace",
                            line_buffering=True)


def c_library_flush():
    """fflush(NULL) of the C library: extension modules print through buffers that Python does not know."""
    try:
        function = ctypes.CDLL(None).fflush
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_int
        return lambda: function(None)
    except Exception:
        return lambda: None


flush_c_library = c_library_flush()


def flush():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:
            pass  # replaced or closed by user code
    flush_c_library()
