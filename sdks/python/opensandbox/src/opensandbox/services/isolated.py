"""Isolated sessions: shells inside a sandbox that are walled off once more. The blocking client is made from this text."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .._wire import isolated as wire
from ..exceptions import InvalidArgumentException, SandboxException
from ..models.execd import Execution, ExecutionHandlers
from ..models.isolated import (
    BindMount,
    CreateIsolatedSessionRequest,
    IsolatedBackgroundRun,
    IsolatedCapabilities,
    IsolatedRunLogs,
    IsolatedRunOpts,
    IsolatedRunStatus,
    IsolatedSessionInfo,
    IsolatedSessionState,
    IsolatedSessionSummary,
    IsolatedWorkspaceSpec,
)
from ._runs import Run

if TYPE_CHECKING:
    from ._endpoint import Endpoint
    from .filesystem import Filesystem


class IsolationSession:
    """One isolated session; made by `IsolationService`."""

    def __init__(self, endpoint: Endpoint, info: IsolatedSessionInfo) -> None:
        self._endpoint = endpoint
        self._info = info
        self._files: Filesystem | None = None

    @property
    def session_id(self) -> str:
        """Its id."""
        return self._info.session_id

    @property
    def info(self) -> IsolatedSessionInfo:
        """How it was made."""
        return self._info

    @property
    def files(self) -> Filesystem:
        """Files as the session sees them.

        Raises:
            InvalidArgumentException: the id of the session is no UUID.
        """
        if self._files is None:
            from uuid import UUID

            from .._wire.files import FileCalls
            from .filesystem import Filesystem

            try:
                name = str(UUID(self.session_id))
            except ValueError as error:
                raise InvalidArgumentException(f"not the id of an isolated session: {self.session_id}", error) from error
            self._files = Filesystem(self._endpoint, FileCalls(f"{wire.PATH}/session/{name}"))
        return self._files

    async def get(self) -> IsolatedSessionState:
        """How it is now."""
        return await self._endpoint.call(wire.get(self.session_id))

    async def run(
        self, code: str, *, opts: IsolatedRunOpts | None = None, handlers: ExecutionHandlers | None = None
    ) -> Execution:
        """Run a shell text to its end.

        Args:
            code: not blank.
            opts: variables and time limit.
            handlers: hear of output while it comes.
        """
        return await Run(self._endpoint, handlers).follow(wire.run(self.session_id, code, opts))

    async def run_background(self, code: str, *, opts: IsolatedRunOpts | None = None) -> IsolatedBackgroundRun:
        """Start a shell text and return.

        Args:
            code: not blank.
            opts: variables; a time limit is refused.
        """
        return await self._endpoint.call(wire.run_background(self.session_id, code, opts))

    async def run_status(self, run_id: str) -> IsolatedRunStatus:
        """What became of a background run."""
        return await self._endpoint.call(wire.run_status(self.session_id, run_id))

    async def run_logs(self, run_id: str, cursor: int = 0) -> IsolatedRunLogs:
        """What a background run printed.

        Args:
            run_id: of the run.
            cursor: `IsolatedRunLogs.cursor` of the call before; 0: from the beginning.
        """
        return await self._endpoint.call(wire.run_logs(self.session_id, run_id, cursor))

    async def delete(self) -> None:
        """End it."""
        await self._endpoint.call(wire.delete(self.session_id))


class IsolationServiceMixin:
    """What can be put together from the other calls."""

    async def create(self, request: CreateIsolatedSessionRequest) -> IsolationSession:
        """Make a session."""
        raise NotImplementedError

    @asynccontextmanager
    async def session(self, request: CreateIsolatedSessionRequest) -> AsyncGenerator[IsolationSession, None]:
        """A session for the length of a `with` block."""
        session = await self.create(request)
        try:
            yield session
        finally:
            try:
                await session.delete()
            except SandboxException:
                pass  # it has ended already, or ends by itself

    async def run_once(
        self,
        code: str,
        *,
        workspace: str,
        workspace_mode: str | None = None,
        opts: IsolatedRunOpts | None = None,
        handlers: ExecutionHandlers | None = None,
        profile: str | None = None,
        share_net: bool | None = None,
        binds: builtins.list[BindMount] | None = None,
    ) -> Execution:
        """Run a text in a session of its own.

        Args:
            code: not blank.
            workspace: directory that it works in.
            workspace_mode: `rw`, `overlay` or `ro`.
            opts, handlers: as with `IsolationSession.run`.
            profile, share_net, binds: as in `CreateIsolatedSessionRequest`.
        """
        request = CreateIsolatedSessionRequest(
            workspace=IsolatedWorkspaceSpec(path=workspace, mode=workspace_mode), profile=profile, share_net=share_net, binds=binds)
        async with self.session(request) as session:
            return await session.run(code, opts=opts, handlers=handlers)


class IsolationService(IsolationServiceMixin):
    """Isolated sessions of a sandbox; `sandbox.isolation`. Ask `capabilities` whether there are any."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def create(self, request: CreateIsolatedSessionRequest) -> IsolationSession:
        """Make a session.

        Raises:
            InvalidArgumentException: neither workspace nor overlays.
            SandboxApiException: 503 `NOT_SUPPORTED` where there are none.
        """
        return IsolationSession(self._endpoint, await self._endpoint.call(wire.create(request)))

    async def attach(self, session_id: str) -> IsolationSession:
        """Use a session that there is already.

        Raises:
            SandboxNotFoundException: there is none.
        """
        state = await self._endpoint.call(wire.get(session_id))
        known = state.model_dump(exclude={"status", "last_run_at", "idle_remaining_seconds"})
        return IsolationSession(self._endpoint, IsolatedSessionInfo(session_id=session_id, **known))

    async def list(self) -> list[IsolatedSessionSummary]:
        """All sessions."""
        return await self._endpoint.call(wire.list_sessions())

    async def capabilities(self) -> IsolatedCapabilities:
        """Whether there are isolated sessions, and of which kind.

        Example:
            >>> (await sandbox.isolation.capabilities()).available
            False
        """
        return await self._endpoint.call(wire.capabilities())
