"""Isolated sessions: shells inside a sandbox that are walled off once more."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .base import Model


class IsolatedWorkspaceSpec(Model):
    """The directory that a session works in. `mode`: `rw`, `overlay` or `ro`."""

    path: str
    mode: str | None = None


class IsolatedOverlaySpec(Model):
    """A directory over which a session writes on its own. `persist`: whether that stays."""

    path: str
    mode: str | None = None
    persist: bool | None = None


class BindMount(Model):
    """A directory that a session sees. `dest`: under another name."""

    source: str
    dest: str | None = None
    readonly: bool | None = None


class EnvPassthroughSpec(Model):
    """Which variables a session gets: `allow` only `keys`, or `deny` those."""

    mode: str = "deny"
    keys: list[str] = Field(default_factory=list)


class CreateIsolatedSessionRequest(Model):
    """How a session is walled off; `workspace` or `overlays` must be there.

    Attributes:
        profile: `strict` or `balanced`.
        extra_writable: more directories that it may write.
        share_net: whether it shares the network of the sandbox.
        uid, gid, uid_mode: as whom it runs (`setpriv` or `userns`).
        idle_timeout_seconds: it ends after so long without a run.
    """

    workspace: IsolatedWorkspaceSpec | None = None
    overlays: list[IsolatedOverlaySpec] | None = None
    profile: str | None = None
    extra_writable: list[str] | None = None
    binds: list[BindMount] | None = None
    share_net: bool | None = None
    env_passthrough: EnvPassthroughSpec | None = None
    uid: int | None = None
    gid: int | None = None
    uid_mode: str | None = None
    idle_timeout_seconds: int | None = None


class IsolatedSessionInfo(Model):
    """A session as it was made."""

    session_id: str
    created_at: datetime | None = None
    profile: str | None = None
    workspace: IsolatedWorkspaceSpec | None = None
    overlays: list[IsolatedOverlaySpec] | None = None
    extra_writable: list[str] | None = None
    binds: list[BindMount] | None = None
    share_net: bool | None = None
    env_passthrough: EnvPassthroughSpec | None = None
    uid: int | None = None
    gid: int | None = None
    uid_mode: str | None = None
    idle_timeout_seconds: int | None = None


class IsolatedSessionState(Model):
    """A session as it is. `status`: `active`, `dead` or `destroyed`."""

    status: str
    created_at: datetime | None = None
    last_run_at: datetime | None = None
    idle_remaining_seconds: int | None = None
    profile: str | None = None
    workspace: IsolatedWorkspaceSpec | None = None
    overlays: list[IsolatedOverlaySpec] | None = None
    extra_writable: list[str] | None = None
    binds: list[BindMount] | None = None
    share_net: bool | None = None
    env_passthrough: EnvPassthroughSpec | None = None
    uid: int | None = None
    gid: int | None = None
    uid_mode: str | None = None
    idle_timeout_seconds: int | None = None


class IsolatedSessionSummary(Model):
    """A session in a list."""

    session_id: str
    status: str
    created_at: datetime
    last_run_at: datetime
    idle_remaining_seconds: int | None = None


class IsolatedRunOpts(Model):
    """Variables and time limit of a run."""

    envs: dict[str, str] | None = None
    timeout_seconds: int | None = None


class IsolatedBackgroundRun(Model):
    """A run that goes on by itself."""

    session_id: str
    run_id: str
    started_at: datetime | None = None


class IsolatedRunStatus(Model):
    """What became of a background run."""

    session_id: str
    run_id: str
    running: bool
    exit_code: int | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class IsolatedRunLogs(Model):
    """Output of a background run; `cursor` (bytes) goes into the next call."""

    text: str
    cursor: int


class HardeningLayerState(Model):
    """`active`, `degraded`, `disabled` or `unsupported`."""

    state: str | None = None
    message: str | None = None


class HardeningStatus(Model):
    """Which walls stand."""

    init_mode: str | None = None
    signal_shield: bool = False
    cap_drop: HardeningLayerState | None = None
    seccomp: HardeningLayerState | None = None
    landlock: HardeningLayerState | None = None
    ebpf: HardeningLayerState | None = None


class IsolatedCapabilities(Model):
    """Whether there are isolated sessions, and of which kind."""

    available: bool = False
    isolator: str | None = None
    version: str | None = None
    message: str | None = None
    setpriv_available: bool = False
    userns_available: bool = False
    commit_supported: bool = False
    diff_supported: bool = False
    hardening: HardeningStatus | None = None
