"""Configuration of the blocking client. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from .base import Connection

if TYPE_CHECKING:
    import httpx

    Transport = httpx.BaseTransport
else:
    Transport = Any


class ConnectionConfigSync(Connection):
    """How the blocking client reaches a server.

    Attributes:
        api_key: sent to the server only, as `OPEN-SANDBOX-API-KEY`; default: environment `OPEN_SANDBOX_API_KEY`.
        domain: `host`, `host:port`, or an address with scheme and path; default: environment `OPEN_SANDBOX_DOMAIN`, else
            `localhost:8080`.
        protocol: `http` or `https`; a scheme in `domain` wins for the server.
        request_timeout: of every request, and of every silence in one; more than 0. Streams of events may be silent longer.
        debug: log requests and answers to the logger `opensandbox` at level DEBUG, secrets masked.
        user_agent: the header of that name.
        headers: sent with every request, also to programs in sandboxes.
        follow_redirects: default False. Our own headers do not leave the server's address.
        event_hooks: of httpx: `{"request": [...], "response": [...]}`, functions.
        transport: an httpx transport for all requests; whoever made it closes it. Default: connections of our own.
        retry_policy: what is sent again when it fails; not applied to a `transport` of yours.
        use_server_proxy: reach sandboxes by way of the server, where their own addresses cannot be reached.
        endpoint_cache_ttl, endpoint_cache_size, endpoint_cache_disabled: of addresses of sandboxes.
        disable_metrics: do not tell the server how long creates take; also environment `OPENSANDBOX_DISABLE_METRICS=1`.
        enable_tracing: spans of the client-side pool, if OpenTelemetry is installed.

    Raises:
        pydantic.ValidationError: for another protocol, or a timeout that is not more than 0.

    Example:
        >>> from datetime import timedelta
        >>> from opensandbox.config import ConnectionConfigSync
        >>> config = ConnectionConfigSync(domain="api.example", api_key="k", request_timeout=timedelta(seconds=60))
        >>> config.get_base_url()
        'http://api.example/v1'
    """

    event_hooks: dict[str, list[Callable[..., None]]] = Field(default_factory=dict)
    transport: Transport | None = None

    @field_validator("transport")
    @classmethod
    def _transport_must_be_async(cls, v: Any) -> Any:
        if v is not None and not hasattr(v, "handle_request"):
            raise ValueError("transport must be an httpx transport of the right kind, async or blocking")
        return v

    def new_owned_transport(
        self, *, max_connections: int | None = 100, max_keepalive_connections: int = 20, keepalive_expiry: float = 30.0
    ) -> httpx.BaseTransport:
        """An httpx transport that retries as `retry_policy` says. The caller closes it.

        Args:
            max_connections: at a time; None: no limit.
            max_keepalive_connections: idle ones that are kept.
            keepalive_expiry: seconds that they are kept.
        """
        import httpx

        from ..transport import RetrySyncTransport

        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_keepalive_connections,
                              keepalive_expiry=keepalive_expiry)
        transport = httpx.HTTPTransport(limits=limits)
        return RetrySyncTransport(transport, self.retry_policy) if self.retry_policy.wraps_transport() else transport

    def with_transport_if_missing(
        self, *, max_connections: int | None = 100, max_keepalive_connections: int = 20, keepalive_expiry: float = 30.0
    ) -> ConnectionConfigSync:
        """This configuration if it has a transport, else a copy with a new one; see `new_owned_transport`."""
        if self.transport is not None:
            return self
        transport = self.new_owned_transport(max_connections=max_connections, keepalive_expiry=keepalive_expiry,
                                             max_keepalive_connections=max_keepalive_connections)
        copy = self.model_copy(update={"transport": transport})
        copy._client = None
        copy._owns_transport = True
        return copy

    def close_transport_if_owned(self) -> None:
        """Close a transport that `with_transport_if_missing` made; nothing otherwise."""
        if self._owns_transport and self.transport is not None:
            self.transport.close()
