"""Terminals. The blocking client is made from this text.

A terminal session outlives its clients: one that lost its connection, or was closed, comes back with `connect` and gets what was
printed meanwhile. The WebSocket is ours; it needs no further package.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _io_async as io
from .._client import Failure, PlainStream, Pool, network_error
from .._wire import execd
from .._wire import websocket as ws
from .._wire.address import Target
from .._wire.message import Call, Request, nothing, query, segment
from .._wire.reading import read_answer
from ..exceptions import InvalidArgumentException, SandboxConflictException, SandboxConnectionException, SandboxException, SandboxInternalException
from ..transport.retry import RetryCause

if TYPE_CHECKING:
    from ._endpoint import Endpoint

_SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL", "SIGQUIT", "SIGHUP")


@dataclass(slots=True)
class PtyOutput:
    """Output of a terminal.

    Attributes:
        data: bytes as they were printed.
        error: True for standard error of a shell on pipes.
    """

    data: bytes
    error: bool = False


class PtySession:
    """A connection to a terminal session: an async iterator over `PtyOutput` that ends with the shell; made by `Terminals`.

    Attributes:
        session_id: for `Terminals.connect`.
        offset: bytes that were printed so far, for `Terminals.connect(since=...)`.
        exit_code: when the shell has ended; -1 if a signal ended it.
        role: `holder` or `viewer`.
    """

    def __init__(self, connection: io.Connection, pool: Pool, first: bytes, session_id: str) -> None:
        self._connection = connection
        self._pool = pool
        self._reader = ws.FrameReader()
        self._ready: deque[PtyOutput] = deque()
        self._first = first
        self._over = False
        self.session_id = session_id
        self.offset: int = 0
        self.exit_code: int | None = None
        self.role: str = ""

    # -- output

    def __aiter__(self) -> PtySession:
        return self

    async def __anext__(self) -> PtyOutput:
        output = await self.read()
        if output is None:
            raise StopAsyncIteration
        return output

    async def read(self, timeout: float | None = None) -> PtyOutput | None:
        """Some output; None when the shell has ended.

        Args:
            timeout: seconds to wait; default: any time.

        Raises:
            TimeoutError: nothing was printed in that time.
            SandboxConnectionException: the connection broke; the session lives on.
            SandboxConflictException: another client took the session.
        """
        while not self._ready and not self._over:
            await self._more(timeout)
        return self._ready.popleft() if self._ready else None

    async def wait(self) -> int:
        """Read to the end and give the exit status of the shell."""
        while await self.read() is not None:
            pass
        return -1 if self.exit_code is None else self.exit_code

    async def _more(self, timeout: float | None) -> None:
        data, self._first = self._first, b""
        try:
            if not data:
                data = await self._connection.read(timeout)
        except TimeoutError:
            raise
        except OSError as error:
            raise SandboxConnectionException(f"terminal {self.session_id}: {error}", error) from error
        if not data:
            self._over = True
            if self.exit_code is None:
                raise SandboxConnectionException(f"terminal {self.session_id}: the connection ended; the session lives on")
            return
        try:
            messages = self._reader.feed(data)
        except ws.WebSocketError as error:
            raise SandboxInternalException(f"terminal {self.session_id}: {error}", error) from error
        for message in messages:
            await self._take(message)

    async def _take(self, message: ws.Message) -> None:
        if message.kind == ws.PING:
            await self._send(ws.PONG, message.data)
        elif message.kind == ws.BINARY:
            self._output(message.data)
        elif message.kind == ws.TEXT:
            self._told(json.loads(message.data))
        elif message.kind == ws.CLOSE:
            self._over = True
            if message.close_code == 4001:
                raise SandboxConflictException(f"terminal {self.session_id}: another client took the session")
            if message.close_code not in (None, 1000) and self.exit_code is None:
                raise SandboxConnectionException(f"terminal {self.session_id}: closed with {message.close_code}")

    def _output(self, data: bytes) -> None:
        channel, rest = data[:1], data[1:]
        if channel == b"\x03":
            self.offset = int.from_bytes(rest[:8], "big")
            rest = rest[8:]
        elif channel not in (b"\x01", b"\x02"):
            return
        self.offset += len(rest)
        if rest:
            self._ready.append(PtyOutput(rest, channel == b"\x02"))

    def _told(self, value: dict[str, Any]) -> None:
        kind = value.get("type")
        if kind == "connected":
            self.role = str(value.get("role", ""))
        elif kind == "exit":
            code = value.get("exit_code")
            self.exit_code = code if isinstance(code, int) else -1
        elif kind == "error" and value.get("code") in ("START_FAILED", "SESSION_GONE"):
            raise SandboxInternalException(f"terminal {self.session_id}: {value.get('error')}")

    # -- input

    async def write(self, data: str | bytes) -> None:
        """Type something. A line ends with `\\n` or `\\r`.

        Args:
            data: text goes as UTF-8.
        """
        raw = data.encode() if isinstance(data, str) else data
        for at in range(0, len(raw), 65536):
            await self._send(ws.BINARY, b"\0" + raw[at : at + 65536])

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size, 1 to 65535 each."""
        if not (0 < columns < 65536 and 0 < rows < 65536):
            raise InvalidArgumentException("columns and rows must be from 1 to 65535")
        await self._say(type="resize", cols=columns, rows=rows)

    async def signal(self, name: str) -> None:
        """Send a signal to what runs in the foreground.

        Args:
            name: SIGINT, SIGTERM, SIGKILL, SIGQUIT or SIGHUP.
        """
        if name not in _SIGNALS:
            raise InvalidArgumentException(f"not one of {', '.join(_SIGNALS)}: {name}")
        await self._say(type="signal", signal=name)

    async def end_input(self) -> None:
        """End of input: on pipes for good, in a terminal as Ctrl-D does."""
        await self._say(type="eof")

    async def _say(self, **message: Any) -> None:
        await self._send(ws.TEXT, json.dumps(message).encode())

    async def _send(self, kind: int, data: bytes) -> None:
        try:
            await self._connection.write(ws.encode(kind, data), 30.0)
        except OSError as error:
            raise SandboxConnectionException(f"terminal {self.session_id}: {error}", error) from error

    async def close(self) -> None:
        """Let go of the session, which lives on. A second call does nothing."""
        if not self._over:
            self._over = True
            try:
                await self._send(ws.CLOSE, (1000).to_bytes(2, "big"))
            except SandboxException:
                pass
        self._connection.close()

    async def __aenter__(self) -> PtySession:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()


class Terminals:
    """Terminal sessions of a sandbox; `sandbox.pty`. Needs a daemon that has them, as ours does.

    Example:
        >>> async with await sandbox.pty.open("echo $TERM; exit 3") as terminal:
        ...     output = b"".join([piece.data async for piece in terminal])
        >>> output, terminal.exit_code
        (b'xterm-256color\\r\\n', 3)
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def open(
        self,
        command: str | None = None,
        *,
        working_directory: str | None = None,
        columns: int = 80,
        rows: int = 24,
        terminal: bool = True,
    ) -> PtySession:
        """Make a session and connect to it.

        Args:
            command: shell text; default: an interactive shell.
            working_directory: where it begins; made if it is missing.
            columns, rows: size of the terminal; default 80 and 24.
            terminal: False gives the shell pipes in place of a terminal.

        Raises:
            SandboxRateLimitException: too many sessions.
        """
        session_id = await self.create(command, working_directory=working_directory)
        session = await self.connect(session_id, terminal=terminal)
        if (columns, rows) != (80, 24):
            await session.resize(columns, rows)
        return session

    async def create(self, command: str | None = None, *, working_directory: str | None = None) -> str:
        """Make a session; its shell starts when the first client connects. Gives its id."""
        return await self._endpoint.call(execd.create_pty(working_directory, command, execd.new_key()))

    async def connect(
        self, session_id: str, *, since: int = 0, takeover: bool = False, viewer: bool = False, terminal: bool = True
    ) -> PtySession:
        """Connect to a session.

        Args:
            session_id: of `create`, or of a `PtySession`.
            since: first byte of output that is wanted; the newest 1 MiB is kept.
            takeover: take the session from the client that holds it.
            viewer: look on only.
            terminal: False gives a shell that is started now pipes in place of a terminal.

        Raises:
            SandboxNotFoundException: no such session.
            SandboxConflictException: another client holds it.
        """
        client = self._endpoint.client
        target = await self._endpoint.target()
        key = ws.new_key()
        pairs: list[tuple[str, object]] = [
            ("since", since or None),
            ("pty", None if terminal else 0),
            ("takeover", 1 if takeover else None),
            ("mode", "viewer" if viewer else None),
        ]
        request = Request("GET", f"/pty/{segment(session_id)}/ws{query(pairs)}", {**target.headers, **ws.handshake_headers(key)})
        call = Call(request, nothing, f"connect to terminal session {session_id}", (101,))
        pool = Pool()
        try:
            stream = await _open(pool, target, request, client.timeout)
        except Failure as failure:
            raise network_error(failure, call.doing, target) from failure.error
        if stream.status != 101:
            try:
                read_answer(call, await stream.body(client.timeout))
            finally:
                await stream.close()
                await pool.close()
        if stream.headers.get("sec-websocket-accept") != ws.accept_of(key):
            await pool.close()
            raise SandboxInternalException(f"{call.doing}: the answer to the handshake is wrong")
        connection, first = stream.take_connection()
        return PtySession(connection, pool, first, session_id)

    async def get(self, session_id: str) -> dict[str, Any]:
        """State of a session: `running`, `output_offset`, `exit_code` when no shell runs."""
        return await self._endpoint.call(execd.get_pty(session_id))

    async def delete(self, session_id: str) -> None:
        """End a session: its shell and everything that it started."""
        await self._endpoint.call(execd.delete_pty(session_id))


async def _open(pool: Pool, target: Target, request: Request, timeout: float) -> PlainStream:
    """The answer to a handshake, on a connection of its own."""
    tls = None
    if target.scheme == "https":
        import httpx

        tls = httpx.create_ssl_context()
    try:
        connection = await io.Connection.open(target.host, target.port, timeout, tls)
    except OSError as error:
        raise Failure(RetryCause.PRE_SEND, error) from error
    return await pool.begin(connection, target, request, timeout)


__all__ = ["PtyOutput", "PtySession", "Terminals"]
