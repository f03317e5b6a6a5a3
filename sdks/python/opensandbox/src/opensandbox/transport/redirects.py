"""Redirects must not carry keys to strangers. httpx itself strips Authorization; this strips ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

_OURS = ("open-sandbox-", "opensandbox-", "x-execd-")


def keep_secrets_home(request: httpx.Request) -> None:
    """Called for each hop: away from the address that was asked first, our headers go."""
    origin = request.extensions.get("opensandbox.origin")
    if origin is None:
        return
    authority = request.headers.get("host", "")
    if (request.url.scheme, authority) != tuple(origin):
        for name in list(request.headers):
            if name.lower().startswith(_OURS):
                del request.headers[name]


async def keep_secrets_home_async(request: httpx.Request) -> None:
    """The same for async clients."""
    keep_secrets_home(request)
