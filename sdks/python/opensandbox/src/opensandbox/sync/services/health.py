"""Whether a sandbox answers. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._client import Failure
from ..._wire import execd
from ..._wire.message import Response
from ..._wire.reading import read_answer

if TYPE_CHECKING:
    from ._endpoint import Endpoint


class HealthSync:
    """The built-in health check."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def ask(self, timeout: float | None = None) -> Response:
        """One ping, not repeated.

        Raises:
            SandboxApiException: the daemon, or somebody in its place, refuses.
            Failure: no answer.
        """
        client = self._endpoint.client
        call = execd.ping()
        limit = client.timeout if timeout is None else min(timeout, client.timeout)
        stream = client.open(self._endpoint.target(), call.request, limit)
        try:
            response = stream.body(limit)
        finally:
            stream.close()
        read_answer(call, response)
        return response

    def ping(self, sandbox_id: str) -> bool:
        """Whether the daemon of the sandbox answers; False for any failure.

        Args:
            sandbox_id: of the sandbox that this service belongs to.
        """
        from ...exceptions import SandboxException

        try:
            self.ask()
        except (Failure, SandboxException):
            return False
        return True
