"""`SandboxManager`, the async face. The blocking one is made from this text by tools/unasync.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ._client import Client
from .config.connection import ConnectionConfig
from .services.diagnostics import Diagnostics
from .services.sandbox import Sandboxes

if TYPE_CHECKING:
    from .models.diagnostics import DiagnosticContent
    from .models.sandboxes import (
        PagedSandboxInfos,
        PagedSnapshotInfos,
        SandboxFilter,
        SandboxInfo,
        SandboxRenewResponse,
        SnapshotFilter,
        SnapshotInfo,
    )
    from .models.templates import CreateTemplateRequest, PagedTemplateInfos, TemplateFilter, TemplateInfo


class SandboxManager:
    """Looks after sandboxes, snapshots and templates by id, without connecting to any.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the server refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.

    Example:
        >>> from opensandbox import SandboxManager
        >>> from opensandbox.models.sandboxes import SandboxFilter
        >>> async with await SandboxManager.create() as manager:
        ...     page = await manager.list_sandbox_infos(SandboxFilter(states=["Running"]))
        ...     found = sandbox.id in [info.id for info in page.sandbox_infos]
        >>> found
        True
    """

    def __init__(
        self,
        sandbox_service: Sandboxes,
        connection_config: ConnectionConfig,
        diagnostics_service: Diagnostics | None = None,
    ) -> None:
        self._sandboxes = sandbox_service
        self._config = connection_config
        self._diagnostics = diagnostics_service or Diagnostics(sandbox_service)
        self._client: Client | None = None

    @classmethod
    async def create(cls, connection_config: ConnectionConfig | None = None) -> SandboxManager:
        """A manager. Nothing is sent yet.

        Args:
            connection_config: how to reach the server; default: from the environment.
        """
        config = connection_config or ConnectionConfig()
        client = Client.of(config)
        cached = not config.endpoint_cache_disabled
        manager = cls(Sandboxes(client, config.endpoint_cache_ttl, config.endpoint_cache_size, cached), config)
        manager._client = client
        return manager

    @property
    def connection_config(self) -> ConnectionConfig:
        """The configuration that it was made with."""
        return self._config

    async def list_sandbox_infos(self, filter: SandboxFilter) -> PagedSandboxInfos:
        """One page of sandboxes, newest first.

        Args:
            filter: states, labels, page.
        """
        return await self._sandboxes.list_sandboxes(filter)

    async def iterate_sandbox_infos(self, filter: SandboxFilter | None = None) -> AsyncIterator[SandboxInfo]:
        """All sandboxes that a filter names, page by page.

        Args:
            filter: states and labels; `page` is where to begin.
        """
        from .models.sandboxes import SandboxFilter

        wanted = filter or SandboxFilter()
        page = wanted.page or 1
        while True:
            found = await self._sandboxes.list_sandboxes(wanted.model_copy(update={"page": page}))
            for info in found.sandbox_infos:
                yield info
            if not found.pagination.has_next_page:
                return
            page += 1

    async def get_sandbox_info(self, sandbox_id: str) -> SandboxInfo:
        """A sandbox as the server sees it."""
        return await self._sandboxes.get_sandbox_info(sandbox_id)

    async def patch_sandbox_metadata(self, sandbox_id: str, patch: dict[str, str | None]) -> SandboxInfo:
        """Set labels; None removes one."""
        return await self._sandboxes.patch_sandbox_metadata(sandbox_id, patch)

    async def kill_sandbox(self, sandbox_id: str) -> None:
        """End a sandbox, at once and for good.

        Raises:
            SandboxNotFoundException: there is none.
        """
        await self._sandboxes.kill_sandbox(sandbox_id)

    async def renew_sandbox(self, sandbox_id: str, timeout: timedelta) -> SandboxRenewResponse:
        """Let a sandbox live so long from now on."""
        return await self._sandboxes.renew_sandbox_expiration(sandbox_id, datetime.now(timezone.utc) + timeout)

    async def pause_sandbox(self, sandbox_id: str) -> None:
        """Freeze a sandbox."""
        await self._sandboxes.pause_sandbox(sandbox_id)

    async def resume_sandbox(self, sandbox_id: str) -> None:
        """Let a paused sandbox run again."""
        await self._sandboxes.resume_sandbox(sandbox_id)

    async def get_diagnostic_logs(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Logs that the server has."""
        return await self._diagnostics.get_logs(sandbox_id, scope)

    async def get_diagnostic_events(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Events that the server has."""
        return await self._diagnostics.get_events(sandbox_id, scope)

    async def create_snapshot(self, sandbox_id: str, name: str | None = None) -> SnapshotInfo:
        """Keep the files of a sandbox."""
        from .models.sandboxes import CreateSnapshotRequest

        return await self._sandboxes.create_snapshot(sandbox_id, CreateSnapshotRequest(name=name))

    async def get_snapshot(self, snapshot_id: str) -> SnapshotInfo:
        """A snapshot as the server sees it."""
        return await self._sandboxes.get_snapshot(snapshot_id)

    async def list_snapshots(self, filter: SnapshotFilter) -> PagedSnapshotInfos:
        """One page of snapshots."""
        return await self._sandboxes.list_snapshots(filter)

    async def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot."""
        await self._sandboxes.delete_snapshot(snapshot_id)

    async def create_template(self, request: CreateTemplateRequest) -> TemplateInfo:
        """Begin to make a template."""
        return await self._sandboxes.create_template(request)

    async def get_template(self, template_id: str) -> TemplateInfo:
        """A template as the server sees it."""
        return await self._sandboxes.get_template(template_id)

    async def list_templates(self, filter: TemplateFilter) -> PagedTemplateInfos:
        """One page of templates."""
        return await self._sandboxes.list_templates(filter)

    async def delete_template(self, template_id: str) -> None:
        """Remove a template."""
        await self._sandboxes.delete_template(template_id)

    async def close(self) -> None:
        """Let go of connections; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            await client.release()

    async def __aenter__(self) -> SandboxManager:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: object
    ) -> None:
        await self.close()
