"""Client of OpenSandbox servers: private machines for programs, in milliseconds.

`Sandbox` and `SandboxManager` are async, `SandboxSync` and `SandboxManagerSync` block; otherwise they are the same. Names are loaded
when they are first asked for, so `import opensandbox` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .manager import SandboxManager as SandboxManager
    from .pool import AcquirePolicy as AcquirePolicy
    from .pool import AsyncPooledSandboxCreator as AsyncPooledSandboxCreator
    from .pool import AsyncSandboxPool as AsyncSandboxPool
    from .pool import InMemoryAsyncPoolStateStore as InMemoryAsyncPoolStateStore
    from .pool import InMemoryPoolStateStore as InMemoryPoolStateStore
    from .pool import PoolCreationSpec as PoolCreationSpec
    from .pool import PoolDestroyOptions as PoolDestroyOptions
    from .pool import PoolDestroyResult as PoolDestroyResult
    from .pool import PoolDestroyState as PoolDestroyState
    from .pool import PoolDestroyStrategy as PoolDestroyStrategy
    from .pool import PooledSandboxCreateContext as PooledSandboxCreateContext
    from .pool import PooledSandboxCreateReason as PooledSandboxCreateReason
    from .pool import PooledSandboxCreator as PooledSandboxCreator
    from .pool import SandboxPool as SandboxPool
    from .pool import SandboxPoolAsync as SandboxPoolAsync
    from .pool import SandboxPoolManager as SandboxPoolManager
    from .pool import SandboxPoolManagerAsync as SandboxPoolManagerAsync
    from .pool import SandboxPoolManagerSync as SandboxPoolManagerSync
    from .pool import SandboxPoolSync as SandboxPoolSync
    from .sandbox import Sandbox as Sandbox
    from .sync.manager import SandboxManagerSync as SandboxManagerSync
    from .sync.sandbox import SandboxSync as SandboxSync

_NAMES = {
    "manager": ("SandboxManager",),
    "sandbox": ("Sandbox",),
    "sync.manager": ("SandboxManagerSync",),
    "sync.sandbox": ("SandboxSync",),
    "pool": (
        "AcquirePolicy",
        "AsyncPooledSandboxCreator",
        "AsyncSandboxPool",
        "InMemoryAsyncPoolStateStore",
        "InMemoryPoolStateStore",
        "PoolCreationSpec",
        "PoolDestroyOptions",
        "PoolDestroyResult",
        "PoolDestroyState",
        "PoolDestroyStrategy",
        "PooledSandboxCreateContext",
        "PooledSandboxCreateReason",
        "PooledSandboxCreator",
        "SandboxPool",
        "SandboxPoolAsync",
        "SandboxPoolManager",
        "SandboxPoolManagerAsync",
        "SandboxPoolManagerSync",
        "SandboxPoolSync",
    ),
}

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(__name__, _NAMES)
