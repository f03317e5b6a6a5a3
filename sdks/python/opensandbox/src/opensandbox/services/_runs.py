"""Follows a stream of events to its end, whatever happens to connections meanwhile. Written once for both clients.

A daemon that numbers its events keeps them: when the connection breaks, the rest is asked for behind the newest number, and the
program goes on undisturbed. A daemon that does not is not asked twice; what was not answered then is an error.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from .. import _io_async as io
from .._client import Client, Failure, Stream, drain, network_error
from .._wire import execd
from .._wire.address import Target
from .._wire.errors import unexpected
from .._wire.events import Collector, EventReader, EventTooLarge
from .._wire.message import Call, Response
from ..exceptions import SandboxApiException, SandboxConnectionException
from ..models.execd import Execution, ExecutionHandlers
from ._endpoint import Endpoint

log = logging.getLogger("opensandbox")

_SILENCE = 60.0  # seconds; a daemon that numbers its events says "ping" every three
_PATIENCE = 30.0  # seconds that a broken stream is asked for


class Run:
    """One command or code run."""

    def __init__(
        self,
        endpoint: Endpoint,
        handlers: ExecutionHandlers | None,
        *,
        code: bool = False,
        background: bool = False,
        forgiving: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._handlers = handlers
        self._background = background
        self._forgiving = forgiving  # handlers that fail are logged, and the run goes on
        keep = handlers is None or not handlers.skip_accumulation
        self._events = Collector(keep_output=keep, code=code)
        self._reader = EventReader()

    async def follow(self, call: Call[None]) -> Execution:
        """
        Raises:
            SandboxApiException: the daemon refused.
            SandboxConnectionException, SandboxTimeoutException: the stream broke off and could not be found again.
        """
        target = await self._endpoint.target()
        client = self._endpoint.client
        try:
            stream = await client.stream(target, call)
        except Failure as failure:
            stream = await self._first_again(client, target, call, failure)
        pause, lost = 0.1, 0.0
        while True:
            seen = self._events.eid
            try:
                await self._read(client, target, call, stream)
                return self._events.finish(self._background)
            except Failure as failure:
                if not self._events.resumable:
                    raise network_error(failure, call.doing, target) from failure.error
                if self._events.eid > seen or not lost:
                    pause, lost = 0.1, time.monotonic()
                stream, pause = await self._again(client, target, call, failure, pause, lost)

    async def _first_again(self, client: Client, target: Target, call: Call[None], failure: Failure) -> Stream:
        """No answer at all: the same request under the same key, if the daemon is known to honour keys."""
        if target.url in client.numbered and "Idempotency-Key" in call.request.headers:
            try:
                return await client.stream(target, call)
            except Failure as second:
                failure = second
        raise network_error(failure, call.doing, target) from failure.error

    async def _again(
        self, client: Client, target: Target, call: Call[None], failure: Failure, pause: float, lost: float
    ) -> tuple[Stream, float]:
        rest = execd.resume(self._events.execution_id or "", self._events.eid, self._events.resume_kind)
        log.info("the stream of execution %s broke off after event %d: %s", self._events.execution_id, self._events.eid, failure)
        while True:
            if time.monotonic() - lost > _PATIENCE:
                raise network_error(failure, call.doing, target) from failure.error
            await io.sleep(pause)
            pause = min(2.0, pause * 2)
            self._reader = EventReader()
            try:
                return await client.stream(target, rest), pause
            except Failure as again:
                failure = again
            except SandboxApiException as error:
                message = f"{call.doing}: the stream broke off and is not kept: {error}"
                raise SandboxConnectionException(message, error) from error

    async def _read(self, client: Client, target: Target, call: Call[None], stream: Stream) -> None:
        """Until the last event, or the end of the body."""
        try:
            kind = stream.headers.get("content-type", "")
            if not kind.lower().startswith(execd.EVENTS):
                response = await stream.body(client.timeout)
                raise unexpected(response, call.doing, f"a stream of events was expected, not {kind or 'this'}")
            while True:
                data = await stream.read(_SILENCE if self._events.eid else None)
                if not data:
                    await self._tell(self._reader.end())
                    return
                try:
                    events = self._reader.feed(data)
                except EventTooLarge as error:
                    raise unexpected(Response(stream.status, stream.headers), call.doing, str(error), error) from error
                await self._tell(events)
                if self._events.eid and target.url not in client.numbered:
                    client.numbered.add(target.url)
                if self._events.ended:
                    rest = await drain(stream)
                    await self._tell([*self._reader.feed(rest), *self._reader.end()])
                    return
        finally:
            await stream.close()

    async def _tell(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            told = self._events.take(event)
            if told is None or self._handlers is None:
                continue
            handler = getattr(self._handlers, told[0])
            if handler is None:
                continue
            try:
                await io.apply(handler, told[1])
            except Exception:
                if not self._forgiving:
                    raise
                log.exception("the handler %s of a code run failed", told[0])
