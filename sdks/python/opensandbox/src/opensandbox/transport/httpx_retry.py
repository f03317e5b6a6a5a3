"""httpx transports that send again what failed, by the same rules as the rest of this package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar, cast

import httpx

from .._wire.message import Headers, Response
from .retry import Retries, RetryCause, RetryPolicy

_T = TypeVar("_T")

_BEFORE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_STREAM = "text/event-stream"


def _cause(error: httpx.TransportError) -> RetryCause:
    if isinstance(error, _BEFORE):
        return RetryCause.PRE_SEND
    if isinstance(error, httpx.WriteTimeout):
        return RetryCause.WRITE_TIMEOUT
    if isinstance(error, httpx.TimeoutException):
        return RetryCause.READ_TIMEOUT
    return RetryCause.UNEXPECTED_EOF


def _replayable(request: httpx.Request) -> bool:
    """Bodies that are bytes can be sent twice; streams of events are resumed, not asked for again."""
    return isinstance(request.stream, httpx.ByteStream) and _STREAM not in request.headers.get("accept", "")


class _Attempts:
    def __init__(self, policy: RetryPolicy, request: httpx.Request) -> None:
        self.retries = Retries(policy, request.method, str(request.url))
        self._request = request

    def after_error(self, error: httpx.TransportError) -> float | None:
        return self.retries.after_failure(_cause(error), error, _replayable(self._request))

    def after_answer(self, response: httpx.Response) -> float | None:
        if not _replayable(self._request):
            return None
        return self.retries.after_answer(Response(response.status_code, Headers.of(response.headers.multi_items())))

    def prepare(self) -> httpx.Request:
        limit = self.retries.timeout(None)
        if limit is None:
            return self._request
        request = self._request
        given: dict[str, float | None] = request.extensions.get("timeout") or {}
        phases = {phase: min(limit, given.get(phase) or limit) for phase in ("connect", "read", "write", "pool")}
        request.extensions = {**request.extensions, "timeout": phases}
        return request


class RetryAsyncTransport(httpx.AsyncBaseTransport):
    """Retries around another async transport, which it closes.

    Example:
        >>> import httpx
        >>> from opensandbox.transport import RetryAsyncTransport, RetryPolicy
        >>> transport = RetryAsyncTransport(httpx.AsyncHTTPTransport(), RetryPolicy(max_retries=5))
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, policy: RetryPolicy | None = None) -> None:
        self.wrapped = transport
        self.policy: RetryPolicy = policy or RetryPolicy()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attempts = _Attempts(self.policy, request)
        while True:
            try:
                response = await self.wrapped.handle_async_request(attempts.prepare())
            except httpx.TransportError as error:
                pause = attempts.after_error(error)
                if pause is None:
                    raise
            else:
                pause = attempts.after_answer(response)
                if pause is None:
                    return response
                await response.aclose()
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        await self.wrapped.aclose()


class RetrySyncTransport(httpx.BaseTransport):
    """Retries around another transport, which it closes."""

    def __init__(
        self,
        transport: httpx.BaseTransport,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.wrapped = transport
        self.policy: RetryPolicy = policy or RetryPolicy()
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        attempts = _Attempts(self.policy, request)
        while True:
            try:
                response = self.wrapped.handle_request(attempts.prepare())
            except httpx.TransportError as error:
                pause = attempts.after_error(error)
                if pause is None:
                    raise
            else:
                pause = attempts.after_answer(response)
                if pause is None:
                    return response
                response.close()
            self._sleep(pause)

    def close(self) -> None:
        self.wrapped.close()


def unwrap_retry_transport(transport: _T) -> _T:
    """The transport inside, or the same one if it has no retries around it."""
    if isinstance(transport, (RetryAsyncTransport, RetrySyncTransport)):
        return cast("_T", transport.wrapped)
    return transport
