"""A program in a sandbox, found when it is first needed. Written once for both clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from .._client import Client, Stream
from .._wire.address import Target
from .._wire.lifecycle import Place
from .._wire.message import Call

T = TypeVar("T")

Find = Callable[[], Awaitable[Place]]


class Endpoint:
    """Where requests of a service go."""

    def __init__(self, client: Client, find: Find) -> None:
        self.client = client
        self._find = find
        self._target: Target | None = None

    async def target(self) -> Target:
        if self._target is None:
            place = await self._find()
            self._target = self.client.endpoint(place.endpoint, place.headers)
        return self._target

    def forget(self) -> None:
        """The sandbox may have moved."""
        self._target = None

    async def call(self, call: Call[T], timeout: float | None = None) -> T:
        return await self.client.call(await self.target(), call, timeout)

    async def stream(self, call: Call[None]) -> Stream:
        return await self.client.stream(await self.target(), call)
