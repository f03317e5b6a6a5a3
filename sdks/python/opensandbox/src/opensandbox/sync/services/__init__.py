"""What a sandbox can do, one class for each topic, for the blocking client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy

if TYPE_CHECKING:
    from .command import CommandsSync as CommandsSync
    from .diagnostics import DiagnosticsSync as DiagnosticsSync
    from .egress import CredentialVaultSync as CredentialVaultSync
    from .egress import EgressSync as EgressSync
    from .filesystem import FilesystemSync as FilesystemSync
    from .health import HealthSync as HealthSync
    from .isolated import IsolationServiceSync as IsolationServiceSync
    from .isolated import IsolationSessionSync as IsolationSessionSync
    from .metrics import MetricsSync as MetricsSync
    from .pty import PtySessionSync as PtySessionSync
    from .pty import TerminalsSync as TerminalsSync
    from .sandbox import SandboxesSync as SandboxesSync
    from .watch import FileWatchSync as FileWatchSync

_NAMES = {
    "command": ("CommandsSync",),
    "diagnostics": ("DiagnosticsSync",),
    "egress": ("CredentialVaultSync", "EgressSync"),
    "filesystem": ("FilesystemSync",),
    "health": ("HealthSync",),
    "isolated": ("IsolationServiceSync", "IsolationSessionSync"),
    "metrics": ("MetricsSync",),
    "pty": ("PtySessionSync", "TerminalsSync"),
    "sandbox": ("SandboxesSync",),
    "watch": ("FileWatchSync",),
}

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(__name__, _NAMES)
