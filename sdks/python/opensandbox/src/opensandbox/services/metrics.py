"""What a sandbox uses. The blocking client is made from this text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._wire import execd

if TYPE_CHECKING:
    from ..models.sandboxes import SandboxMetrics
    from ._endpoint import Endpoint


class Metrics:
    """CPU and memory; `sandbox.metrics`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def get_metrics(self, sandbox_id: str) -> SandboxMetrics:
        """What the sandbox uses now.

        Args:
            sandbox_id: of the sandbox that this service belongs to.
        """
        return await self._endpoint.call(execd.metrics())
