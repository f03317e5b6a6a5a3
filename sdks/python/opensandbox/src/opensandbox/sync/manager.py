"""`SandboxManagerSync`, the blocking face. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ._client import Client
from ..config.connection_sync import ConnectionConfigSync
from .services.diagnostics import DiagnosticsSync
from .services.sandbox import SandboxesSync

if TYPE_CHECKING:
    from ..models.diagnostics import DiagnosticContent
    from ..models.sandboxes import (
        PagedSandboxInfos,
        PagedSnapshotInfos,
        SandboxFilter,
        SandboxInfo,
        SandboxRenewResponse,
        SnapshotFilter,
        SnapshotInfo,
    )
    from ..models.templates import CreateTemplateRequest, PagedTemplateInfos, TemplateFilter, TemplateInfo


class SandboxManagerSync:
    """Looks after sandboxes, snapshots and templates by id, without connecting to any.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the server refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.

    Example:
        >>> from opensandbox import SandboxManagerSync
        >>> from opensandbox.models.sandboxes import SandboxFilter
        >>> with SandboxManagerSync.create() as manager:
        ...     page = manager.list_sandbox_infos(SandboxFilter(states=["Running"]))
        ...     found = sandbox.id in [info.id for info in page.sandbox_infos]
        >>> found
        True
    """

    def __init__(
        self,
        sandbox_service: SandboxesSync,
        connection_config: ConnectionConfigSync,
        diagnostics_service: DiagnosticsSync | None = None,
    ) -> None:
        self._sandboxes = sandbox_service
        self._config = connection_config
        self._diagnostics = diagnostics_service or DiagnosticsSync(sandbox_service)
        self._client: Client | None = None

    @classmethod
    def create(cls, connection_config: ConnectionConfigSync | None = None) -> SandboxManagerSync:
        """A manager. Nothing is sent yet.

        Args:
            connection_config: how to reach the server; default: from the environment.
        """
        config = connection_config or ConnectionConfigSync()
        client = Client.of(config)
        cached = not config.endpoint_cache_disabled
        manager = cls(SandboxesSync(client, config.endpoint_cache_ttl, config.endpoint_cache_size, cached), config)
        manager._client = client
        return manager

    @property
    def connection_config(self) -> ConnectionConfigSync:
        """The configuration that it was made with."""
        return self._config

    def list_sandbox_infos(self, filter: SandboxFilter) -> PagedSandboxInfos:
        """One page of sandboxes, newest first.

        Args:
            filter: states, labels, page.
        """
        return self._sandboxes.list_sandboxes(filter)

    def iterate_sandbox_infos(self, filter: SandboxFilter | None = None) -> Iterator[SandboxInfo]:
        """All sandboxes that a filter names, page by page.

        Args:
            filter: states and labels; `page` is where to begin.
        """
        from ..models.sandboxes import SandboxFilter

        wanted = filter or SandboxFilter()
        page = wanted.page or 1
        while True:
            found = self._sandboxes.list_sandboxes(wanted.model_copy(update={"page": page}))
            for info in found.sandbox_infos:
                yield info
            if not found.pagination.has_next_page:
                return
            page += 1

    def get_sandbox_info(self, sandbox_id: str) -> SandboxInfo:
        """A sandbox as the server sees it."""
        return self._sandboxes.get_sandbox_info(sandbox_id)

    def patch_sandbox_metadata(self, sandbox_id: str, patch: dict[str, str | None]) -> SandboxInfo:
        """Set labels; None removes one."""
        return self._sandboxes.patch_sandbox_metadata(sandbox_id, patch)

    def kill_sandbox(self, sandbox_id: str) -> None:
        """End a sandbox, at once and for good.

        Raises:
            SandboxNotFoundException: there is none.
        """
        self._sandboxes.kill_sandbox(sandbox_id)

    def renew_sandbox(self, sandbox_id: str, timeout: timedelta) -> SandboxRenewResponse:
        """Let a sandbox live so long from now on."""
        return self._sandboxes.renew_sandbox_expiration(sandbox_id, datetime.now(timezone.utc) + timeout)

    def pause_sandbox(self, sandbox_id: str) -> None:
        """Freeze a sandbox."""
        self._sandboxes.pause_sandbox(sandbox_id)

    def resume_sandbox(self, sandbox_id: str) -> None:
        """Let a paused sandbox run again."""
        self._sandboxes.resume_sandbox(sandbox_id)

    def get_diagnostic_logs(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Logs that the server has."""
        return self._diagnostics.get_logs(sandbox_id, scope)

    def get_diagnostic_events(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Events that the server has."""
        return self._diagnostics.get_events(sandbox_id, scope)

    def create_snapshot(self, sandbox_id: str, name: str | None = None) -> SnapshotInfo:
        """Keep the files of a sandbox."""
        from ..models.sandboxes import CreateSnapshotRequest

        return self._sandboxes.create_snapshot(sandbox_id, CreateSnapshotRequest(name=name))

    def get_snapshot(self, snapshot_id: str) -> SnapshotInfo:
        """A snapshot as the server sees it."""
        return self._sandboxes.get_snapshot(snapshot_id)

    def list_snapshots(self, filter: SnapshotFilter) -> PagedSnapshotInfos:
        """One page of snapshots."""
        return self._sandboxes.list_snapshots(filter)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot."""
        self._sandboxes.delete_snapshot(snapshot_id)

    def create_template(self, request: CreateTemplateRequest) -> TemplateInfo:
        """Begin to make a template."""
        return self._sandboxes.create_template(request)

    def get_template(self, template_id: str) -> TemplateInfo:
        """A template as the server sees it."""
        return self._sandboxes.get_template(template_id)

    def list_templates(self, filter: TemplateFilter) -> PagedTemplateInfos:
        """One page of templates."""
        return self._sandboxes.list_templates(filter)

    def delete_template(self, template_id: str) -> None:
        """Remove a template."""
        self._sandboxes.delete_template(template_id)

    def close(self) -> None:
        """Let go of connections; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            client.release()

    def __enter__(self) -> SandboxManagerSync:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: object
    ) -> None:
        self.close()
