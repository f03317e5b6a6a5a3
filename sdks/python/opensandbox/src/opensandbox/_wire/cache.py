"""Addresses of ports that were asked for lately."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from .lifecycle import Place

Key = tuple[str, int, bool]


class PlaceCache:
    """Sandbox, port and whether by proxy → address. The least lately used entry makes room; entries grow old."""

    def __init__(self, ttl: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._size = size if size > 0 else 1024
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, Place]] = OrderedDict()

    def get(self, key: Key) -> Place | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock() - entry[0] >= self._ttl:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Key, place: Place) -> None:
        self._entries[key] = (self._clock(), place)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, sandbox_id: str) -> None:
        for key in [key for key in self._entries if key[0] == sandbox_id]:
            del self._entries[key]
