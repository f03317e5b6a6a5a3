"""What the server knows for finding faults. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._wire import lifecycle

if TYPE_CHECKING:
    from ...models.diagnostics import DiagnosticContent
    from .sandbox import SandboxesSync


class DiagnosticsSync:
    """Logs and events; `sandbox.diagnostics`."""

    def __init__(self, sandboxes: SandboxesSync) -> None:
        self._sandboxes = sandboxes

    def get_logs(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Logs of a sandbox.

        Args:
            sandbox_id: of any sandbox.
            scope: `container` or `all`.

        Raises:
            SandboxApiException: 400 for another scope, 501 where the server has none.
        """
        content: DiagnosticContent = self._sandboxes.call(lifecycle.diagnostics(sandbox_id, "logs", scope))
        return content

    def get_events(self, sandbox_id: str, scope: str) -> DiagnosticContent:
        """Events of a sandbox.

        Args:
            sandbox_id: of any sandbox.
            scope: `runtime` or `all`.
        """
        content: DiagnosticContent = self._sandboxes.call(lifecycle.diagnostics(sandbox_id, "events", scope))
        return content
