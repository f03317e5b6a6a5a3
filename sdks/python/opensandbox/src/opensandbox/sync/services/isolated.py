"""Isolated sessions: shells inside a sandbox that are walled off once more. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

import builtins
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..._wire import isolated as wire
from ...exceptions import InvalidArgumentException, SandboxException
from ...models.execd import Execution
from ...models.execd_sync import ExecutionHandlersSync
from ...models.isolated import (
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
    from .filesystem import FilesystemSync


class IsolationSessionSync:
    """One isolated session; made by `IsolationService`."""

    def __init__(self, endpoint: Endpoint, info: IsolatedSessionInfo) -> None:
        self._endpoint = endpoint
        self._info = info
        self._files: FilesystemSync | None = None

    @property
    def session_id(self) -> str:
        """Its id."""
        return self._info.session_id

    @property
    def info(self) -> IsolatedSessionInfo:
        """How it was made."""
        return self._info

    @property
    def files(self) -> FilesystemSync:
        """Files as the session sees them.

        Raises:
            InvalidArgumentException: the id of the session is no UUID.
        """
        if self._files is None:
            from uuid import UUID

            from ..._wire.files import FileCalls
            from .filesystem import FilesystemSync

            try:
                name = str(UUID(self.session_id))
            except ValueError as error:
                raise InvalidArgumentException(f"not the id of an isolated session: {self.session_id}", error) from error
            self._files = FilesystemSync(self._endpoint, FileCalls(f"{wire.PATH}/session/{name}"))
        return self._files

    def get(self) -> IsolatedSessionState:
        """How it is now."""
        return self._endpoint.call(wire.get(self.session_id))

    def run(
        self, code: str, *, opts: IsolatedRunOpts | None = None, handlers: ExecutionHandlersSync | None = None
    ) -> Execution:
        """Run a shell text to its end.

        Args:
            code: not blank.
            opts: variables and time limit.
            handlers: hear of output while it comes.
        """
        return Run(self._endpoint, handlers).follow(wire.run(self.session_id, code, opts))

    def run_background(self, code: str, *, opts: IsolatedRunOpts | None = None) -> IsolatedBackgroundRun:
        """Start a shell text and return.

        Args:
            code: not blank.
            opts: variables; a time limit is refused.
        """
        return self._endpoint.call(wire.run_background(self.session_id, code, opts))

    def run_status(self, run_id: str) -> IsolatedRunStatus:
        """What became of a background run."""
        return self._endpoint.call(wire.run_status(self.session_id, run_id))

    def run_logs(self, run_id: str, cursor: int = 0) -> IsolatedRunLogs:
        """What a background run printed.

        Args:
            run_id: of the run.
            cursor: `IsolatedRunLogs.cursor` of the call before; 0: from the beginning.
        """
        return self._endpoint.call(wire.run_logs(self.session_id, run_id, cursor))

    def delete(self) -> None:
        """End it."""
        self._endpoint.call(wire.delete(self.session_id))


class IsolationServiceSyncMixin:
    """What can be put together from the other calls."""

    def create(self, request: CreateIsolatedSessionRequest) -> IsolationSessionSync:
        """Make a session."""
        raise NotImplementedError

    @contextmanager
    def session(self, request: CreateIsolatedSessionRequest) -> Generator[IsolationSessionSync, None, None]:
        """A session for the length of a `with` block."""
        session = self.create(request)
        try:
            yield session
        finally:
            try:
                session.delete()
            except SandboxException:
                pass  # it has ended already, or ends by itself

    def run_once(
        self,
        code: str,
        *,
        workspace: str,
        workspace_mode: str | None = None,
        opts: IsolatedRunOpts | None = None,
        handlers: ExecutionHandlersSync | None = None,
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
        with self.session(request) as session:
            return session.run(code, opts=opts, handlers=handlers)


class IsolationServiceSync(IsolationServiceSyncMixin):
    """Isolated sessions of a sandbox; `sandbox.isolation`. Ask `capabilities` whether there are any."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def create(self, request: CreateIsolatedSessionRequest) -> IsolationSessionSync:
        """Make a session.

        Raises:
            InvalidArgumentException: neither workspace nor overlays.
            SandboxApiException: 503 `NOT_SUPPORTED` where there are none.
        """
        return IsolationSessionSync(self._endpoint, self._endpoint.call(wire.create(request)))

    def attach(self, session_id: str) -> IsolationSessionSync:
        """Use a session that there is already.

        Raises:
            SandboxNotFoundException: there is none.
        """
        state = self._endpoint.call(wire.get(session_id))
        known = state.model_dump(exclude={"status", "last_run_at", "idle_remaining_seconds"})
        return IsolationSessionSync(self._endpoint, IsolatedSessionInfo(session_id=session_id, **known))

    def list(self) -> list[IsolatedSessionSummary]:
        """All sessions."""
        return self._endpoint.call(wire.list_sessions())

    def capabilities(self) -> IsolatedCapabilities:
        """Whether there are isolated sessions, and of which kind.

        Example:
            >>> (sandbox.isolation.capabilities()).available
            False
        """
        return self._endpoint.call(wire.capabilities())
