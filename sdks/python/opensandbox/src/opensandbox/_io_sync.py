"""What the blocking client needs of threads and sockets. The names are those of `_io_async`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ._readable import readable

T = TypeVar("T")

Lock = threading.Lock
Event = threading.Event
sleep = time.sleep


class Cancelled(BaseException):
    """Never raised: threads are not cancelled."""


def place() -> object:
    """What connections are bound to: nothing, they may change threads."""
    return None


class Connection:
    """A TCP connection, for one reader and one writer at a time. See `_io_async.Connection`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.idle_since: float = 0.0

    @classmethod
    def open(cls, host: str, port: int, timeout: float | None, tls: Any = None) -> Connection:
        try:
            sock = socket.create_connection((host, port), timeout)
        except TimeoutError:
            raise TimeoutError(f"no connection within {timeout or 0:g} s") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host)
        return cls(sock)

    @property
    def usable(self) -> bool:
        """Whether it can carry another request: open, and nothing came unasked."""
        try:
            return not readable(self._socket.fileno())
        except (OSError, ValueError):
            return False

    def read(self, timeout: float | None) -> bytes:
        """Some bytes; none at the end."""
        self._socket.settimeout(timeout)
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            raise TimeoutError(f"nothing came for {timeout:g} s") from None

    def write(self, data: bytes, timeout: float | None) -> None:
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise TimeoutError(f"the peer takes nothing for {timeout:g} s") from None

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # a reader in another thread wakes up
        except OSError:
            pass
        self._socket.close()


class Task:
    """Work in a thread that does not keep the program alive. What it raises is kept, not shown."""

    def __init__(self, work: Callable[..., Any], args: tuple[Any, ...], name: str) -> None:
        self.error: BaseException | None = None

        def run() -> None:
            try:
                work(*args)
            except BaseException as error:
                self.error = error

        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """A thread cannot be cancelled; it is told by an event what to do."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end; whether it has ended."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()


def spawn(work: Callable[..., Any], *args: Any, name: str = "opensandbox") -> Task:
    return Task(work, args, name)


def gather(work: Callable[[T], Any], items: Iterable[T], at_once: int) -> list[Any]:
    """`work` for every item, so many at once; results in order, exceptions in place of results."""
    from concurrent.futures import ThreadPoolExecutor

    def one(item: T) -> Any:
        try:
            return work(item)
        except Exception as error:
            return error

    items = list(items)
    if len(items) < 2:
        return [one(item) for item in items]
    with ThreadPoolExecutor(max_workers=max(1, min(at_once, len(items)))) as threads:
        return list(threads.map(one, items))


def wait_event(event: threading.Event, timeout: float) -> bool:
    """Wait for it at most so long; whether it is set."""
    return event.wait(timeout)


def apply(handler: Callable[[Any], None], value: Any) -> None:
    """Call a user's handler."""
    handler(value)
