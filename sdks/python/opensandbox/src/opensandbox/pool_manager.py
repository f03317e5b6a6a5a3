"""Ends pools by name."""

from .pool_manager_async import SandboxPoolManagerAsync
from .sync.pool_manager import SandboxPoolManagerSync

SandboxPoolManager = SandboxPoolManagerSync

__all__ = ["SandboxPoolManager", "SandboxPoolManagerAsync", "SandboxPoolManagerSync"]
