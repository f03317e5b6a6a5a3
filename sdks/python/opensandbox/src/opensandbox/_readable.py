"""Whether a socket has something to read, without reading it."""

from __future__ import annotations

import select


def readable(descriptor: int) -> bool:
    """
    Raises:
        OSError, ValueError: the descriptor is closed.
    """
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
