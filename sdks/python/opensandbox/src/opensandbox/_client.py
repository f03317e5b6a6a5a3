"""Carries requests out: connections, time limits, retries, and what to do when the network fails.

Plain http goes over connections of our own: there is no TLS context, and httpx need not even be loaded. Everything else (https, a
transport of the user's, event hooks, redirects) goes through httpx. Both give a `Stream`, so nothing above knows the difference.

Written once: the blocking client is made from this text by tools/unasync.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar

from . import _io_async as io
from ._wire.address import Target, parse_target
from ._wire.http1 import IncompleteError, ProtocolError, ResponseReader, encode_head
from ._wire.masking import masked_headers
from ._wire.message import Call, Form, Headers, Request, Response
from ._wire.reading import read_answer
from .exceptions import SandboxConnectionException, SandboxInternalException, SandboxTimeoutException
from .transport.retry import Retries, RetryCause

if TYPE_CHECKING:
    from .config import ConnectionConfig

T = TypeVar("T")
log = logging.getLogger("opensandbox")

_IDLE = 30.0  # seconds that a connection is kept for the next request
_KEPT = 64  # idle connections per address
_DRAIN = 1.0  # seconds that a finished stream may take to say so


class Failure(Exception):
    """The network failed. `cause` says where, for the retry policy."""

    def __init__(self, cause: RetryCause, error: BaseException) -> None:
        super().__init__(str(error))
        self.cause = cause
        self.error = error


class Stream:
    """An answer whose body is still to come. `read` gives its pieces, b"" at the end; `close` must be called."""

    status: int
    headers: Headers

    async def read(self, timeout: float | None) -> bytes:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def body(self, timeout: float | None) -> Response:
        """All of the rest."""
        pieces: list[bytes] = []
        while piece := await self.read(timeout):
            pieces.append(piece)
        return Response(self.status, self.headers, b"".join(pieces))


class PlainStream(Stream):
    """Over a connection of the pool, which gets it back when the answer is complete."""

    def __init__(self, pool: Pool, target: Target, connection: io.Connection, reader: ResponseReader, ready: list[bytes]):
        self._pool = pool
        self._target = target
        self._connection: io.Connection | None = connection
        self._reader = reader
        self._ready = ready
        self.status: int = reader.status
        self.headers: Headers = reader.headers

    async def read(self, timeout: float | None) -> bytes:
        while not self._ready:
            if self._reader.complete or self._connection is None:
                return b""
            try:
                data = await self._connection.read(timeout)
                if data:
                    self._ready += self._reader.feed(data)
                else:
                    self._reader.end()
            except TimeoutError as error:
                raise Failure(RetryCause.READ_TIMEOUT, error) from error
            except (OSError, ProtocolError) as error:
                raise Failure(RetryCause.UNEXPECTED_EOF, error) from error
        piece = self._ready[0] if len(self._ready) == 1 else b"".join(self._ready)
        self._ready.clear()
        return piece

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._reader.complete and self._reader.keep_alive and not self._reader.rest:
            self._pool.give(self._target, connection)
        else:
            self._pool.drop(connection)

    def take_connection(self) -> tuple[io.Connection, bytes]:
        """For a protocol that was switched to: the connection is the caller's now, with the bytes that came already."""
        assert self._connection is not None
        connection, self._connection = self._connection, None
        self._pool.forget(connection)
        return connection, self._reader.rest


class Pool:
    """Connections by address. Idle ones are kept for half a minute; the newest is used first."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[io.Connection]] = {}
        self._open: set[io.Connection] = set()
        self._closed = False

    async def open(
        self, target: Target, request: Request, timeout: float | None, patient: bool, fresh: bool = False
    ) -> Stream:
        """Send a request and wait for the head of its answer, without limit if `patient`."""
        connection = None if fresh else self._take(target)
        reused = connection is not None
        if connection is None:
            try:
                connection = await io.Connection.open(target.host, target.port, timeout)
            except OSError as error:
                raise Failure(RetryCause.PRE_SEND, error) from error
            self._open.add(connection)
        reader = ResponseReader(request.method)
        try:
            ready = await self._exchange(connection, reader, target, request, timeout, patient)
        except BaseException as error:
            self.drop(connection)
            stale = reused and not reader.started and isinstance(error, (ConnectionError, IncompleteError))
            if stale and request.idempotent and replayable(request):
                return await self.open(target, request, timeout, patient, fresh=True)
            if isinstance(error, TimeoutError):
                raise Failure(RetryCause.READ_TIMEOUT, error) from error
            if isinstance(error, (OSError, ProtocolError)):
                raise Failure(RetryCause.UNEXPECTED_EOF, error) from error
            raise
        return PlainStream(self, target, connection, reader, ready)

    async def begin(self, connection: io.Connection, target: Target, request: Request, timeout: float) -> PlainStream:
        """Use a connection that the caller opened."""
        reader = ResponseReader(request.method)
        self._open.add(connection)
        try:
            ready = await self._exchange(connection, reader, target, request, timeout, False)
        except (OSError, ProtocolError) as error:
            self.drop(connection)
            late = isinstance(error, TimeoutError)
            raise Failure(RetryCause.READ_TIMEOUT if late else RetryCause.UNEXPECTED_EOF, error) from error
        return PlainStream(self, target, connection, reader, ready)

    async def _exchange(
        self,
        connection: io.Connection,
        reader: ResponseReader,
        target: Target,
        request: Request,
        timeout: float | None,
        patient: bool,
    ) -> list[bytes]:
        body = request.body
        headers = dict(request.headers)
        if isinstance(body, Form):
            if body.length is not None:
                headers["Content-Length"] = str(body.length)
            chunked = body.length is None
            head = encode_head(request.method, target.path + request.path, target.authority, headers, None if chunked else b"", chunked)
            await connection.write(head, timeout)
            for piece in body.pieces():
                await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece, timeout)
            if chunked:
                await connection.write(b"0\r\n\r\n", timeout)
        else:
            head = encode_head(request.method, target.path + request.path, target.authority, headers, body, False)
            await connection.write(head + (body or b""), timeout)
        ready: list[bytes] = []
        while not reader.head:
            data = await connection.read(None if patient else timeout)
            if not data:
                reader.end()
                raise IncompleteError("the connection ended before the answer", reader.started)
            ready += reader.feed(data)
        return ready

    def _take(self, target: Target) -> io.Connection | None:
        idle = self._idle.get((target.host, target.port))
        while idle:
            connection = idle.pop()
            if connection.usable and time.monotonic() - connection.idle_since < _IDLE:
                return connection
            self.drop(connection)
        return None

    def give(self, target: Target, connection: io.Connection) -> None:
        """A connection that may carry another request."""
        idle = self._idle.setdefault((target.host, target.port), [])
        if self._closed or len(idle) >= _KEPT:
            self.drop(connection)
            return
        connection.idle_since = time.monotonic()
        idle.append(connection)

    def drop(self, connection: io.Connection) -> None:
        self._open.discard(connection)
        connection.close()

    def forget(self, connection: io.Connection) -> None:
        self._open.discard(connection)

    async def close(self) -> None:
        self._closed = True
        self._idle.clear()
        for connection in list(self._open):
            self.drop(connection)


def replayable(request: Request) -> bool:
    return not isinstance(request.body, Form) or request.body.replayable


class HttpxStream(Stream):
    """An answer of httpx."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = Headers.of(response.headers.multi_items())
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()

    async def read(self, timeout: float | None) -> bytes:
        try:
            while True:
                try:
                    piece = await self._pieces.__anext__()
                except StopAsyncIteration:
                    return b""
                if piece:
                    return piece
        except Exception as error:
            raise httpx_failure(error) from error

    async def close(self) -> None:
        await self._response.aclose()


def httpx_failure(error: Exception) -> Exception:
    """A `Failure` for what httpx raises; anything else as it is."""
    import httpx

    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return Failure(RetryCause.PRE_SEND, error)
    if isinstance(error, httpx.WriteTimeout):
        return Failure(RetryCause.WRITE_TIMEOUT, error)
    if isinstance(error, httpx.TimeoutException):
        return Failure(RetryCause.READ_TIMEOUT, error)
    if isinstance(error, (httpx.TransportError, OSError)):
        return Failure(RetryCause.UNEXPECTED_EOF, error)
    return error


class Httpx:
    """Requests by way of httpx."""

    def __init__(self, config: ConnectionConfig) -> None:
        import httpx

        from .transport.redirects import keep_secrets_home_async

        self._owned = None
        transport = config.transport
        if transport is None:
            limits = httpx.Limits(max_connections=1000, max_keepalive_connections=_KEPT, keepalive_expiry=_IDLE)
            transport = self._owned = httpx.AsyncHTTPTransport(limits=limits)
        hooks = {name: list(functions) for name, functions in config.event_hooks.items()}
        hooks.setdefault("request", []).append(keep_secrets_home_async)
        self._client = httpx.AsyncClient(transport=transport, event_hooks=hooks, follow_redirects=config.follow_redirects)

    async def open(self, target: Target, request: Request, timeout: float | None, patient: bool) -> Stream:
        import httpx

        body, headers = request.body, dict(request.headers)
        content: Any = body
        follow: Any = httpx.USE_CLIENT_DEFAULT
        if isinstance(body, Form):
            pieces = body.pieces()

            async def feed() -> AsyncIterator[bytes]:
                for piece in pieces:
                    yield piece

            content, follow = feed(), False
            if body.length is not None:
                headers["Content-Length"] = str(body.length)
        built = self._client.build_request(
            request.method, target.url + request.path, headers=headers, content=content,
            timeout=httpx.Timeout(timeout, read=None if patient else timeout),
            extensions={"opensandbox.origin": (target.scheme, target.authority)})
        try:
            return HttpxStream(await self._client.send(built, stream=True, follow_redirects=follow))
        except Exception as error:
            raise httpx_failure(error) from error

    async def close(self) -> None:
        """The transport of a user stays open."""
        if self._owned is not None:
            await self._client.aclose()


class Client:
    """All requests of the sandboxes and managers that share one configuration."""

    def __init__(self, config: ConnectionConfig) -> None:
        self._config = config
        self._pool = Pool()
        self._httpx: Httpx | None = None
        self._lock = io.Lock()
        self.place: object = io.place()
        self.users: int = 0
        self.numbered: set[str] = set()  # daemons that number their events, and so know Idempotency-Key

    # -- one configuration, one client

    @staticmethod
    def of(config: ConnectionConfig) -> Client:
        """The client of a configuration, made when there is none that works here. `release` it."""
        client = config._client
        if not isinstance(client, Client) or client.place is not io.place() or client._config is not config:
            client = Client(config)
            config._client = client
        client.users += 1
        return client

    async def release(self) -> None:
        """A user is done; the last one closes the connections."""
        self.users -= 1
        if self.users <= 0:
            if self._config._client is self:
                self._config._client = None
            await self._pool.close()
            if self._httpx is not None:
                await self._httpx.close()

    # -- requests

    @property
    def timeout(self) -> float:
        return self._config.request_timeout.total_seconds()

    def lifecycle(self) -> Target:
        """The server."""
        headers = self.headers()
        key = self._config.get_api_key()
        if key:
            headers["OPEN-SANDBOX-API-KEY"] = key
        return parse_target(self._config.get_base_url(), headers)

    def endpoint(self, address: str, headers: dict[str, str]) -> Target:
        """A program in a sandbox. It gets the key only by way of the server, which keeps it."""
        mine = self.headers()
        if self._config.use_server_proxy and self._config.get_api_key():
            mine["OPEN-SANDBOX-API-KEY"] = self._config.get_api_key()
        return parse_target(f"{self._config.endpoint_scheme()}://{address}", {**mine, **headers})

    def headers(self) -> dict[str, str]:
        return {"User-Agent": self._config.user_agent, **self._config.headers_with_client_ip()}

    async def call(self, target: Target, call: Call[T], timeout: float | None = None) -> T:
        """Send it, again if need be, and read the answer.

        Raises:
            SandboxApiException: the server refused.
            SandboxTimeoutException, SandboxConnectionException: no answer.
        """
        request = call.request
        policy = self._config.retry_policy
        retries = None
        limit: float | None = self.timeout if timeout is None else timeout
        if self._config.transport is None and policy.wraps_transport():
            retries = Retries(policy, request.method, target.url + request.path)
        while True:
            try:
                stream = await self.open(target, request, limit if retries is None else retries.timeout(limit))
                try:
                    response = await stream.body(limit)
                finally:
                    await stream.close()
            except Failure as failure:
                again = None if retries is None else retries.after_failure(failure.cause, failure.error, replayable(request))
                if again is None:
                    raise network_error(failure, call.doing, target) from failure.error
            else:
                self._log(target, request, response)
                again = None if retries is None or not replayable(request) else retries.after_answer(response)
                if again is None:
                    return read_answer(call, response)
            await io.sleep(again)

    async def stream(self, target: Target, call: Call[Any], timeout: float | None = None) -> Stream:
        """The answer of a request, as it comes; one that is not as hoped for is raised.

        Raises:
            SandboxApiException: the server refused.
            Failure: the network failed.
        """
        limit = self.timeout if timeout is None else timeout
        stream = await self.open(target, call.request, limit, patient=True)
        if not call.accepts(stream.status):
            try:
                read_answer(call, await stream.body(limit))
            finally:
                await stream.close()
        return stream

    async def open(self, target: Target, request: Request, timeout: float | None, patient: bool = False) -> Stream:
        """The head of an answer; the body is read from the stream.

        Raises:
            Failure: the network failed.
        """
        request = Request(request.method, request.path, {**target.headers, **request.headers}, request.body)
        if self._config.debug:
            log.debug("> %s %s %s", request.method, target.url + request.path, masked_headers(request.headers))
        try:
            if not self._through_httpx(target):
                return await self._pool.open(target, request, timeout, patient)
            if self._httpx is None:
                self._httpx = Httpx(self._config)
            return await self._httpx.open(target, request, timeout, patient)
        except ValueError as error:
            raise SandboxInternalException(f"{request.method} {target.url}: {error}", error) from error

    def _through_httpx(self, target: Target) -> bool:
        config = self._config
        return target.scheme != "http" or config.transport is not None or config.follow_redirects or bool(config.event_hooks)

    def _log(self, target: Target, request: Request, response: Response) -> None:
        if self._config.debug:
            log.debug("< %s %s: %d, %d bytes, %s", request.method, target.url + request.path, response.status,
                      len(response.body), masked_headers(response.headers))


def network_error(failure: Failure, doing: str, target: Target) -> SandboxInternalException:
    """The exception that tells of a failure, with the address that was tried."""
    error = failure.error if isinstance(failure.error, Exception) else None
    what = str(failure.error) or type(failure.error).__name__
    before = failure.cause is RetryCause.PRE_SEND
    message = f"{doing}: {target.scheme}://{target.authority} {'cannot be reached' if before else 'gave no answer'}: {what}"
    late = failure.cause in (RetryCause.READ_TIMEOUT, RetryCause.WRITE_TIMEOUT) or isinstance(failure.error, TimeoutError)
    kind = SandboxTimeoutException if late else SandboxConnectionException
    return kind(message, error, is_retryable=before)


async def drain(stream: Stream) -> bytes:
    """What still comes after the last event, so that the connection can be used again. Slow peers are left."""
    rest: list[bytes] = []
    try:
        while piece := await stream.read(_DRAIN):
            rest.append(piece)
    except Failure:
        pass
    return b"".join(rest)
