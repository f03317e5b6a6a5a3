"""Changes of files, as a stream. The blocking client is made from this text."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .. import _io_async as io
from .._client import Failure, Stream, network_error
from .._wire.events import EventReader
from .._wire.files import FileCalls
from .._wire.message import members
from ..exceptions import SandboxException, SandboxInternalException
from ..models.filesystem import FileChange

if TYPE_CHECKING:
    from ._endpoint import Endpoint

_KINDS = frozenset({"created", "modified", "attributes", "deleted", "moved", "overflow"})
_SILENCE = 60.0
_PATIENCE = 30.0


class FileWatch:
    """An iterator over `FileChange`; made by `files.watch`. It ends when the watch does."""

    def __init__(self, endpoint: Endpoint, calls: FileCalls, path: str, recursive: bool) -> None:
        self._endpoint = endpoint
        self._calls = calls
        self._call = calls.watch(path, recursive)
        self._stream: Stream | None = None
        self._reader = EventReader()
        self._ready: deque[FileChange] = deque()
        self._id = ""
        self._eid = 0
        self._ended = False

    async def start(self) -> None:
        """Returns when everything is watched."""
        target = await self._endpoint.target()
        try:
            self._stream = await self._endpoint.client.stream(target, self._call)
            while not self._id and not self._ended:
                await self._more()
        except Failure as failure:
            raise network_error(failure, self._call.doing, target) from failure.error

    def __aiter__(self) -> FileWatch:
        return self

    async def __anext__(self) -> FileChange:
        lost = 0.0
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            try:
                if self._stream is None:
                    target = await self._endpoint.target()
                    self._stream = await self._endpoint.client.stream(target, self._calls.resume_watch(self._id, self._eid))
                await self._more()
            except Failure as failure:
                await self._leave()
                lost = lost or time.monotonic()
                if time.monotonic() - lost > _PATIENCE:
                    raise network_error(failure, self._call.doing, await self._endpoint.target()) from failure.error
                await io.sleep(0.2)
        return self._ready.popleft()

    async def stop(self) -> None:
        """End the watch; made by leaving the `with` block."""
        await self._leave()
        if self._id and not self._ended:
            self._ended = True
            try:
                await self._endpoint.call(self._calls.end_watch(self._id))
            except SandboxException:
                pass  # it ends by itself when nobody reads it

    async def _leave(self) -> None:
        stream, self._stream = self._stream, None
        self._reader = EventReader()
        if stream is not None:
            await stream.close()

    async def _more(self) -> None:
        assert self._stream is not None
        data = await self._stream.read(_SILENCE)
        events = self._reader.feed(data) if data else self._reader.end()
        for event in events:
            self._take(event)
        if not data and not self._ended:
            await self._leave()
            if not self._id:
                self._ended = True

    def _take(self, event: dict[str, Any]) -> None:
        eid, kind = event.get("eid"), event.get("type")
        if isinstance(eid, int):
            if eid <= self._eid:
                return
            self._eid = eid
        if kind == "init":
            self._id = str(event.get("execution_id") or event.get("text") or "")
        elif kind in _KINDS:
            self._ready.append(FileChange.model_validate(event))
        elif kind == "gap":
            self._ready.append(FileChange(type="overflow", reason="queue", timestamp=event.get("timestamp") or 0))
        elif kind == "execution_complete":
            self._ended = True
        elif kind == "error":
            self._ended = True
            error = members(event.get("error")) or {}
            raise SandboxInternalException(f"{self._call.doing}: {error.get('evalue') or error.get('ename')}")
