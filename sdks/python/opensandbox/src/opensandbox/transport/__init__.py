"""Retries, and httpx transports that carry them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .httpx_retry import RetryAsyncTransport as RetryAsyncTransport
    from .httpx_retry import RetrySyncTransport as RetrySyncTransport
    from .httpx_retry import unwrap_retry_transport as unwrap_retry_transport
    from .retry import JitterMode as JitterMode
    from .retry import RetryCause as RetryCause
    from .retry import RetryEvent as RetryEvent
    from .retry import RetryPolicy as RetryPolicy

_NAMES = {
    "httpx_retry": ("RetryAsyncTransport", "RetrySyncTransport", "unwrap_retry_transport"),
    "retry": ("JitterMode", "RetryCause", "RetryEvent", "RetryPolicy"),
}

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(__name__, _NAMES)
