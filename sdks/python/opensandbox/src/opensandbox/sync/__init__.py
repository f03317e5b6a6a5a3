"""The blocking client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .manager import SandboxManagerSync as SandboxManagerSync
    from .pool import SandboxPoolSync as SandboxPoolSync
    from .sandbox import SandboxSync as SandboxSync

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(
        __name__, {"manager": ("SandboxManagerSync",), "pool": ("SandboxPoolSync",), "sandbox": ("SandboxSync",)}
    )
