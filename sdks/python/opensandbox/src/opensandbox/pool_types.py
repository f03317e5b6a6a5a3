"""What pools are made of: settings, states, and what a store must be able to do."""

from __future__ import annotations

import math
import uuid
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from .config.connection import ConnectionConfig
    from .config.connection_sync import ConnectionConfigSync
    from .models.sandboxes import NetworkPolicy, PlatformSpec, SandboxImageSpec, Volume
    from .sandbox import Sandbox
    from .sync.sandbox import SandboxSync

_ZERO = timedelta(0)


class AcquirePolicy(Enum):
    """What `acquire` does when the first idle sandbox cannot be used, or there is none.

    FAIL_FAST: raise. DIRECT_CREATE: create. RETRY_NEXT_IDLE: try other idle ones, then raise. RETRY_NEXT_IDLE_THEN_CREATE: try other
    idle ones, then create.
    """

    FAIL_FAST = "FAIL_FAST"
    DIRECT_CREATE = "DIRECT_CREATE"
    RETRY_NEXT_IDLE = "RETRY_NEXT_IDLE"
    RETRY_NEXT_IDLE_THEN_CREATE = "RETRY_NEXT_IDLE_THEN_CREATE"


class PoolState(Enum):
    """How well a pool does. DEGRADED: creates keep failing, the pool waits longer and longer between them."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DRAINING = "DRAINING"
    STOPPED = "STOPPED"


class PoolLifecycleState(Enum):
    """Where a pool is between start and end."""

    NOT_STARTED = "NOT_STARTED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    DRAINING = "DRAINING"
    STOPPED = "STOPPED"


class PoolDestroyState(Enum):
    """Whether a pool of that name may be used."""

    ACTIVE = "ACTIVE"
    DESTROYING = "DESTROYING"
    DESTROYED = "DESTROYED"


class PoolDestroyStrategy(Enum):
    """How a pool is destroyed. FORCE: whatever uses it."""

    FORCE = "FORCE"


class PooledSandboxCreateReason(Enum):
    """Why a pool creates a sandbox."""

    WARMUP = "WARMUP"
    DIRECT_CREATE = "DIRECT_CREATE"


@dataclass(frozen=True)
class PoolDestroyOptions:
    """How a pool is destroyed.

    Attributes:
        strategy: FORCE is the only one.
        tombstone_ttl: how long its name stays blocked; None: for ever. Default 7 days.
        drain_timeout: how long to look for idle sandboxes to kill; default 30 s.
    """

    strategy: PoolDestroyStrategy = PoolDestroyStrategy.FORCE
    tombstone_ttl: timedelta | None = timedelta(days=7)
    drain_timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True)
class PoolDestroyResult:
    """What destroying a pool did."""

    pool_name: str
    state: PoolDestroyState
    drained_idle_count: int
    killed_idle_count: int
    persistent_state_cleared: bool


@dataclass(frozen=True)
class PoolCreationSpec:
    """How sandboxes of a pool are made; fields as in `Sandbox.create`."""

    image: SandboxImageSpec | str
    entrypoint: list[str] | None = None
    resource: dict[str, str] | None = None
    env: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    extensions: dict[str, str] | None = None
    network_policy: NetworkPolicy | None = None
    platform: PlatformSpec | None = None
    secure_access: bool = False
    volumes: list[Volume] | None = None

    def create_options(self) -> dict[str, Any]:
        """Keyword arguments for `Sandbox.create`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class IdleEntry:
    """A sandbox that waits, and until when it may be handed out."""

    sandbox_id: str
    expires_at: datetime


@dataclass(frozen=True)
class StoreCounters:
    """What a store counts."""

    idle_count: int


@dataclass(frozen=True)
class TakeIdleResult:
    """A sandbox to use, or none; and those that were passed over because their time is nearly up."""

    sandbox_id: str | None
    discarded_alive_sandbox_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class PoolSnapshot:
    """A pool at one moment."""

    state: PoolState
    lifecycle_state: PoolLifecycleState
    idle_count: int
    max_idle: int
    failure_count: int
    backoff_active: bool
    last_error: str | None
    in_flight_operations: int


@dataclass(frozen=True)
class PooledSandboxCreateContext:
    """What a `sandbox_creator` is told."""

    pool_name: str
    owner_id: str
    idle_timeout: timedelta
    reason: PooledSandboxCreateReason
    ready_timeout: timedelta
    health_check_polling_interval: timedelta
    skip_health_check: bool
    health_check: Callable[[SandboxSync], bool] | Callable[[Sandbox], Awaitable[bool]] | None
    connection_config: ConnectionConfigSync | ConnectionConfig


class PooledSandboxCreator(Protocol):
    """A function that makes a sandbox for a blocking pool."""

    def __call__(self, context: PooledSandboxCreateContext) -> SandboxSync: ...


class AsyncPooledSandboxCreator(Protocol):
    """An async function that makes a sandbox for an async pool."""

    async def __call__(self, context: PooledSandboxCreateContext) -> Sandbox: ...


class PoolStateStore(Protocol):
    """Where blocking pools keep what they share. All methods raise `PoolStateStoreUnavailableException` when it cannot be reached."""

    def try_take_idle(self, pool_name: str) -> str | None:
        """Take the sandbox that waits longest; None if there is none. Nobody else gets it."""
        ...
    def put_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Let a sandbox wait; nothing happens if it waits already. Raises PoolDestroyedException."""
        ...
    def remove_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Forget a sandbox; nothing happens if it does not wait."""
        ...
    def try_acquire_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Take the lock for that time, or hold it longer; False if it is another's."""
        ...
    def renew_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Hold the lock longer; False if it is not the owner's any more."""
        ...
    def release_primary_lock(self, pool_name: str, owner_id: str) -> None:
        """Give the lock back; nothing happens if it is another's."""
        ...
    def reap_expired_idle(self, pool_name: str, now: datetime) -> None:
        """Forget sandboxes whose time is up."""
        ...
    def snapshot_counters(self, pool_name: str) -> StoreCounters:
        """How many wait."""
        ...
    def snapshot_idle_entries(self, pool_name: str) -> list[IdleEntry]:
        """Those that wait, longest first, and until when."""
        ...
    def get_max_idle(self, pool_name: str) -> int | None:
        """How many shall wait; None if nobody has said."""
        ...
    def set_max_idle(self, pool_name: str, max_idle: int) -> None:
        """Say how many shall wait. Raises PoolDestroyedException."""
        ...
    def set_idle_entry_ttl(self, pool_name: str, idle_ttl: timedelta) -> None:
        """Say how long a sandbox that is put from now on may wait. Raises PoolDestroyedException."""
        ...
    def get_destroy_state(self, pool_name: str) -> PoolDestroyState:
        """Whether a pool of that name may be used."""
        ...
    def begin_destroy(self, pool_name: str, owner_id: str) -> None:
        """From now on nothing is put, and nobody gets the lock."""
        ...
    def mark_destroyed(self, pool_name: str, owner_id: str, tombstone_ttl: timedelta | None) -> None:
        """Block the name for that time; None: for ever."""
        ...
    def clear_pool_state(self, pool_name: str) -> None:
        """Forget everything of the pool except that it is being destroyed."""
        ...


class AsyncPoolStateStore(Protocol):
    """Where async pools keep what they share; see `PoolStateStore`."""

    async def try_take_idle(self, pool_name: str) -> str | None:
        """Take the sandbox that waits longest; None if there is none. Nobody else gets it."""
        ...
    async def put_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Let a sandbox wait; nothing happens if it waits already. Raises PoolDestroyedException."""
        ...
    async def remove_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Forget a sandbox; nothing happens if it does not wait."""
        ...
    async def try_acquire_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Take the lock for that time, or hold it longer; False if it is another's."""
        ...
    async def renew_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Hold the lock longer; False if it is not the owner's any more."""
        ...
    async def release_primary_lock(self, pool_name: str, owner_id: str) -> None:
        """Give the lock back; nothing happens if it is another's."""
        ...
    async def reap_expired_idle(self, pool_name: str, now: datetime) -> None:
        """Forget sandboxes whose time is up."""
        ...
    async def snapshot_counters(self, pool_name: str) -> StoreCounters:
        """How many wait."""
        ...
    async def snapshot_idle_entries(self, pool_name: str) -> list[IdleEntry]:
        """Those that wait, longest first, and until when."""
        ...
    async def get_max_idle(self, pool_name: str) -> int | None:
        """How many shall wait; None if nobody has said."""
        ...
    async def set_max_idle(self, pool_name: str, max_idle: int) -> None:
        """Say how many shall wait. Raises PoolDestroyedException."""
        ...
    async def set_idle_entry_ttl(self, pool_name: str, idle_ttl: timedelta) -> None:
        """Say how long a sandbox that is put from now on may wait. Raises PoolDestroyedException."""
        ...
    async def get_destroy_state(self, pool_name: str) -> PoolDestroyState:
        """Whether a pool of that name may be used."""
        ...
    async def begin_destroy(self, pool_name: str, owner_id: str) -> None:
        """From now on nothing is put, and nobody gets the lock."""
        ...
    async def mark_destroyed(self, pool_name: str, owner_id: str, tombstone_ttl: timedelta | None) -> None:
        """Block the name for that time; None: for ever."""
        ...
    async def clear_pool_state(self, pool_name: str) -> None:
        """Forget everything of the pool except that it is being destroyed."""
        ...


_Config = TypeVar("_Config", "PoolConfig", "AsyncPoolConfig")


def checked(config: _Config) -> _Config:
    """Settings with what follows from others filled in.

    Raises:
        ValueError: a setting makes no sense.
    """
    if not config.pool_name.strip():
        raise ValueError("pool_name must not be blank")
    if config.max_idle < 0:
        raise ValueError("max_idle must not be negative")
    for name in ("warmup_create_qps", "warmup_concurrency", "degraded_threshold"):
        if getattr(config, name) <= 0:
            raise ValueError(f"{name} must be more than 0")
    if config.max_acquire_retries < 0:
        raise ValueError("max_acquire_retries must not be negative")
    for name in ("primary_lock_ttl", "acquire_ready_timeout", "warmup_ready_timeout", "idle_timeout",
                 "warmup_post_prepare_health_check_timeout"):
        if getattr(config, name) <= _ZERO:
            raise ValueError(f"{name} must be more than 0")
    for name in ("drain_timeout", "acquire_health_check_polling_interval", "warmup_health_check_polling_interval",
                 "warmup_health_check_initial_delay"):
        if getattr(config, name) < _ZERO:
            raise ValueError(f"{name} must not be negative")
    least = config.acquire_min_remaining_ttl
    if least is None:
        least = min(timedelta(seconds=60), config.idle_timeout / 2)
    if not _ZERO <= least < config.idle_timeout:
        raise ValueError("acquire_min_remaining_ttl must be less than idle_timeout, and not negative")
    owner = config.owner_id or f"pool-owner-{uuid.uuid4()}"
    return replace(config, acquire_min_remaining_ttl=least, owner_id=owner)


@dataclass(frozen=True)
class PoolConfig:
    """Settings of a blocking pool; described with `SandboxPoolAsync`."""

    pool_name: str
    max_idle: int
    state_store: PoolStateStore
    connection_config: ConnectionConfigSync
    creation_spec: PoolCreationSpec
    owner_id: str | None = None
    warmup_create_qps: int = 10
    warmup_concurrency: int = 128
    primary_lock_ttl: timedelta = timedelta(seconds=60)
    degraded_threshold: int = 3
    acquire_ready_timeout: timedelta = timedelta(seconds=30)
    acquire_health_check_polling_interval: timedelta = timedelta(milliseconds=200)
    acquire_health_check: Callable[[SandboxSync], bool] | None = None
    acquire_skip_health_check: bool = False
    warmup_ready_timeout: timedelta = timedelta(seconds=30)
    warmup_health_check_initial_delay: timedelta = _ZERO
    warmup_health_check_polling_interval: timedelta = timedelta(milliseconds=500)
    warmup_health_check: Callable[[SandboxSync], bool] | None = None
    warmup_sandbox_preparer: Callable[[SandboxSync], None] | None = None
    warmup_post_prepare_health_check: Callable[[SandboxSync], bool] | None = None
    warmup_post_prepare_health_check_timeout: timedelta = timedelta(seconds=30)
    warmup_skip_health_check: bool = False
    idle_timeout: timedelta = timedelta(hours=24)
    drain_timeout: timedelta = timedelta(seconds=30)
    acquire_min_remaining_ttl: timedelta | None = None
    sandbox_creator: PooledSandboxCreator | None = None
    max_acquire_retries: int = 3

    def with_max_idle(self, max_idle: int) -> PoolConfig:
        """The same with another size."""
        return replace(self, max_idle=max_idle)


@dataclass(frozen=True)
class AsyncPoolConfig:
    """Settings of an async pool; described with `SandboxPoolAsync`."""

    pool_name: str
    max_idle: int
    state_store: AsyncPoolStateStore
    connection_config: ConnectionConfig
    creation_spec: PoolCreationSpec
    owner_id: str | None = None
    warmup_create_qps: int = 10
    warmup_concurrency: int = 128
    primary_lock_ttl: timedelta = timedelta(seconds=60)
    degraded_threshold: int = 3
    acquire_ready_timeout: timedelta = timedelta(seconds=30)
    acquire_health_check_polling_interval: timedelta = timedelta(milliseconds=200)
    acquire_health_check: Callable[[Sandbox], Awaitable[bool]] | None = None
    acquire_skip_health_check: bool = False
    warmup_ready_timeout: timedelta = timedelta(seconds=30)
    warmup_health_check_initial_delay: timedelta = _ZERO
    warmup_health_check_polling_interval: timedelta = timedelta(milliseconds=500)
    warmup_health_check: Callable[[Sandbox], Awaitable[bool]] | None = None
    warmup_sandbox_preparer: Callable[[Sandbox], Awaitable[None]] | None = None
    warmup_post_prepare_health_check: Callable[[Sandbox], Awaitable[bool]] | None = None
    warmup_post_prepare_health_check_timeout: timedelta = timedelta(seconds=30)
    warmup_skip_health_check: bool = False
    idle_timeout: timedelta = timedelta(hours=24)
    drain_timeout: timedelta = timedelta(seconds=30)
    acquire_min_remaining_ttl: timedelta | None = None
    sandbox_creator: AsyncPooledSandboxCreator | None = None
    max_acquire_retries: int = 3

    def with_max_idle(self, max_idle: int) -> AsyncPoolConfig:
        """The same with another size."""
        return replace(self, max_idle=max_idle)


def effective_max_idle_attempts(policy: AcquirePolicy, max_acquire_retries: int) -> int:
    """How many idle sandboxes an acquire tries.

    Example:
        >>> from opensandbox.pool_types import AcquirePolicy, effective_max_idle_attempts
        >>> effective_max_idle_attempts(AcquirePolicy.FAIL_FAST, 3), effective_max_idle_attempts(AcquirePolicy.RETRY_NEXT_IDLE, 3)
        (1, 4)
    """
    more = policy in (AcquirePolicy.RETRY_NEXT_IDLE, AcquirePolicy.RETRY_NEXT_IDLE_THEN_CREATE)
    return 1 + max_acquire_retries if more else 1


def policy_falls_through_to_direct_create(policy: AcquirePolicy) -> bool:
    """Whether an acquire creates when no idle sandbox can be used."""
    return policy in (AcquirePolicy.DIRECT_CREATE, AcquirePolicy.RETRY_NEXT_IDLE_THEN_CREATE)


def drop_old_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of 0.1 that have no meaning any more: accepted with a warning."""
    if settings.pop("reconcile_interval", None) is not None:
        warnings.warn("reconcile_interval has no effect any more; pools look after themselves every second",
                      DeprecationWarning, stacklevel=4)
    if "warmup_concurrency" in settings and settings["warmup_concurrency"] is None:
        settings["warmup_concurrency"] = max(1, math.ceil(0.2 * settings["max_idle"]))
        warnings.warn("warmup_concurrency=None is the default of 0.1; leave it out", DeprecationWarning, stacklevel=4)
    return settings


# Stores may offer these two beyond the protocol: `try_take_idle_min_ttl` and `reap_expired_idle_min_ttl`.


def try_take_idle_with_min_ttl(store: PoolStateStore, pool_name: str, min_remaining_ttl: timedelta | None) -> TakeIdleResult:
    """Take an idle sandbox that has that much time left, if the store can tell."""
    take = getattr(store, "try_take_idle_min_ttl", None)
    if take is None or min_remaining_ttl is None:
        return TakeIdleResult(store.try_take_idle(pool_name))
    result: TakeIdleResult = take(pool_name, min_remaining_ttl)
    return result


async def try_take_idle_with_min_ttl_async(
    store: AsyncPoolStateStore, pool_name: str, min_remaining_ttl: timedelta | None
) -> TakeIdleResult:
    """Take an idle sandbox that has that much time left, if the store can tell."""
    take = getattr(store, "try_take_idle_min_ttl", None)
    if take is None or min_remaining_ttl is None:
        return TakeIdleResult(await store.try_take_idle(pool_name))
    result: TakeIdleResult = await take(pool_name, min_remaining_ttl)
    return result


def reap_expired_idle_with_min_ttl(
    store: PoolStateStore, pool_name: str, now: datetime, min_remaining_ttl: timedelta | None
) -> tuple[str, ...]:
    """Forget idle sandboxes whose time is nearly up; gives those that are still alive."""
    reap = getattr(store, "reap_expired_idle_min_ttl", None)
    if reap is None or min_remaining_ttl is None:
        store.reap_expired_idle(pool_name, now)
        return ()
    return tuple(reap(pool_name, now, min_remaining_ttl))


async def reap_expired_idle_with_min_ttl_async(
    store: AsyncPoolStateStore, pool_name: str, now: datetime, min_remaining_ttl: timedelta | None
) -> tuple[str, ...]:
    """Forget idle sandboxes whose time is nearly up; gives those that are still alive."""
    reap = getattr(store, "reap_expired_idle_min_ttl", None)
    if reap is None or min_remaining_ttl is None:
        await store.reap_expired_idle(pool_name, now)
        return ()
    return tuple(await reap(pool_name, now, min_remaining_ttl))
