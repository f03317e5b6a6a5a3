"""What a log may show of headers: names, and no secrets."""

from __future__ import annotations

from collections.abc import Mapping

_PLAIN = frozenset({
    "accept", "allow", "cache-control", "connection", "content-length", "content-range", "content-type", "date", "etag",
    "execd-commands-tail-cursor", "host", "idempotent-replayed", "last-modified", "range", "retry-after", "server",
    "transfer-encoding", "user-agent", "vary", "x-request-id",
})  # fmt: skip


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Values of headers that are known to be harmless; of all others only that they are there.

    Example:
        >>> from opensandbox._wire.masking import masked_headers
        >>> masked_headers({"Accept": "*/*", "X-Execd-Access-Token": "secret"})
        {'Accept': '*/*', 'X-Execd-Access-Token': '***'}
    """
    return {name: value if name.lower() in _PLAIN else "***" for name, value in headers.items()}
