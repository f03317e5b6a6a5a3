"""What a sandbox can do, one class for each topic. Useful as type hints; instances come from a `Sandbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .command import Commands as Commands
    from .diagnostics import Diagnostics as Diagnostics
    from .egress import CredentialVault as CredentialVault
    from .egress import Egress as Egress
    from .filesystem import Filesystem as Filesystem
    from .health import Health as Health
    from .isolated import IsolationService as IsolationService
    from .isolated import IsolationSession as IsolationSession
    from .metrics import Metrics as Metrics
    from .pty import PtySession as PtySession
    from .pty import Terminals as Terminals
    from .sandbox import Sandboxes as Sandboxes
    from .watch import FileWatch as FileWatch

_NAMES = {
    "command": ("Commands",),
    "diagnostics": ("Diagnostics",),
    "egress": ("CredentialVault", "Egress"),
    "filesystem": ("Filesystem",),
    "health": ("Health",),
    "isolated": ("IsolationService", "IsolationSession"),
    "metrics": ("Metrics",),
    "pty": ("PtySession", "Terminals"),
    "sandbox": ("Sandboxes",),
    "watch": ("FileWatch",),
}

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(__name__, _NAMES)
