"""How to reach a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .connection import ConnectionConfig as ConnectionConfig
    from .connection_sync import ConnectionConfigSync as ConnectionConfigSync

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(
        __name__, {"connection": ("ConnectionConfig",), "connection_sync": ("ConnectionConfigSync",)}
    )
