"""What the async client needs of an event loop. `_io_sync` has the same names for threads; everything else is written once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from ._readable import readable

T = TypeVar("T")

Lock = asyncio.Lock
Event = asyncio.Event
sleep = asyncio.sleep
Cancelled = asyncio.CancelledError

_HIGH = 256 * 1024  # bytes that may wait to be read before the peer is made to wait
_PIECE = 65536


def place() -> object:
    """What connections are bound to: the running loop."""
    return asyncio.get_running_loop()


class Connection(asyncio.Protocol):
    """A TCP connection, for one reader and one writer at a time. Reads and writes take a limit in seconds, None for none.

    Raises:
        TimeoutError: the limit is over; the connection is not usable any more.
        OSError: the connection failed.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._eof = False
        self._error: Exception | None = None
        self._paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._full = False
        self.idle_since: float = 0.0

    @classmethod
    async def open(cls, host: str, port: int, timeout: float | None, tls: Any = None) -> Connection:
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(cls, host, port, ssl=tls, server_hostname=host if tls else None)
        try:
            _, connection = await (opening if timeout is None else asyncio.wait_for(opening, timeout))
        except asyncio.TimeoutError:
            raise TimeoutError(f"no connection within {timeout:g} s") from None
        return connection

    @property
    def usable(self) -> bool:
        """Whether it can carry another request: open, and nothing came unasked."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._eof or self._pieces or self._error:
            return False
        sock = transport.get_extra_info("socket")
        try:
            return not readable(sock.fileno())
        except (OSError, ValueError):
            return False

    async def read(self, timeout: float | None) -> bytes:
        """Some bytes; none at the end."""
        if not self._pieces and not self._eof:
            if self._error is not None:
                raise self._error
            self._reader = self._loop.create_future()
            await self._wait(self._reader, timeout, "nothing came")
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            if self._paused and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
            return data
        if self._error is not None:
            raise self._error
        return b""

    async def write(self, data: bytes, timeout: float | None) -> None:
        if self._error is not None:
            raise self._error
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)
        if self._full:
            self._writer = self._loop.create_future()
            await self._wait(self._writer, timeout, "the peer takes nothing")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self, waiter: asyncio.Future[None], timeout: float | None, what: str) -> None:
        if timeout is None:
            await waiter
            return

        def late() -> None:
            if not waiter.done():
                waiter.set_exception(TimeoutError(f"{what} for {timeout:g} s"))

        timer = self._loop.call_later(timeout, late)
        try:
            await waiter
        finally:
            timer.cancel()

    # -- called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._eof = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = True
        self._error = exc
        _wake(self._reader)
        if self._writer is not None and not self._writer.done():
            self._writer.set_exception(exc or ConnectionResetError("the connection is closed"))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


class Task:
    """Work in the background. What it raises is kept, not shown."""

    def __init__(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        self._task = asyncio.get_running_loop().create_task(work, name=name)
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def done(self) -> bool:
        return self._task.done()

    def cancel(self) -> None:
        self._task.cancel()

    async def join(self, timeout: float | None = None) -> bool:
        """Wait for its end, however it ends; whether it has ended."""
        await asyncio.wait({self._task}, timeout=timeout)
        return self._task.done()


def spawn(work: Callable[..., Coroutine[Any, Any, Any]], *args: Any, name: str = "opensandbox") -> Task:
    return Task(work(*args), name)


async def gather(work: Callable[[T], Awaitable[Any]], items: Iterable[T], at_once: int) -> list[Any]:
    """`work` for every item, so many at once; results in order, exceptions in place of results."""
    gate = asyncio.Semaphore(max(1, at_once))

    async def one(item: T) -> Any:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items), return_exceptions=True)


async def wait_event(event: asyncio.Event, timeout: float) -> bool:
    """Wait for it at most so long; whether it is set."""
    try:
        await asyncio.wait_for(event.wait(), timeout)
    except asyncio.TimeoutError:
        return False
    return True


async def apply(handler: Callable[[Any], Awaitable[None]], value: Any) -> None:
    """Call a user's handler."""
    await handler(value)
