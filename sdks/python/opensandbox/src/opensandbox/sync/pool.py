"""Pools of sandboxes that wait to be used. Made by tools/unasync.py; edit the async text.

Several pools, also in several processes, may share a name through their store. One of them at a time holds the lock, is the leader,
and keeps the number of idle sandboxes right; all of them hand out. A sandbox belongs to whoever took its id from the store.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from typing import Any

from .. import _io_sync as io
from .._tracing import span
from ..config.connection_sync import ConnectionConfigSync
from ..exceptions import (
    PoolAcquireFailedException,
    PoolDestroyedException,
    PoolEmptyException,
    PoolNotRunningException,
    SandboxException,
    SandboxNotFoundException,
    SandboxReadyTimeoutException,
)
from .manager import SandboxManagerSync
from ..pool_types import (
    AcquirePolicy,
    PoolConfig,
    PooledSandboxCreator,
    PoolStateStore,
    IdleEntry,
    PoolCreationSpec,
    PoolDestroyState,
    PooledSandboxCreateContext,
    PooledSandboxCreateReason,
    PoolLifecycleState,
    PoolSnapshot,
    PoolState,
    checked,
    drop_old_settings,
    effective_max_idle_attempts,
    policy_falls_through_to_direct_create,
    reap_expired_idle_with_min_ttl,
    try_take_idle_with_min_ttl,
)
from .sandbox import SandboxSync

log: logging.Logger = logging.getLogger("opensandbox")

WARMUP_CREATE_SPAN = "pool.warmup.create"
WARMUP_READINESS_CHECK_SPAN = "pool.warmup.readiness"
WARMUP_PREPARE_SPAN = "pool.warmup.prepare"
WARMUP_POST_PREPARE_CHECK_SPAN = "pool.warmup.post_prepare_readiness"
WARMUP_RENEW_SPAN = "pool.warmup.renew"
WARMUP_COMMIT_SPAN = "pool.warmup.commit"

_TICK = 1.0
_FIRST_BACKOFF, _LONGEST_BACKOFF = 30.0, 86400.0


class SandboxPoolSync:
    """Keeps sandboxes ready, so that `acquire` need not wait for one.

    Args:
        pool_name: pools of one name share their idle sandboxes.
        max_idle: how many wait at most.
        state_store: where that is kept; `InMemoryPoolStateStore` for one process.
        connection_config: how to reach the server.
        creation_spec: how sandboxes are made.
        owner_id: of this pool among those of its name; default: a new one.
        warmup_create_qps: creates per second at most; default 10.
        warmup_concurrency: sandboxes that are being made ready at a time; default 128.
        primary_lock_ttl: after this time without a sign of the leader another takes over; default 60 s.
        degraded_threshold: failures in a row after which the pool waits longer and longer; default 3.
        acquire_ready_timeout, acquire_health_check_polling_interval, acquire_health_check, acquire_skip_health_check: of `acquire`.
        warmup_ready_timeout, warmup_health_check_initial_delay, warmup_health_check_polling_interval, warmup_health_check,
            warmup_skip_health_check: of new sandboxes.
        warmup_sandbox_preparer: is called with each new sandbox before it waits.
        warmup_post_prepare_health_check, warmup_post_prepare_health_check_timeout: must say yes after that.
        idle_timeout: how long a sandbox may wait; default 24 h.
        drain_timeout: how long a graceful `shutdown` waits for work that has begun; default 30 s.
        acquire_min_remaining_ttl: idle sandboxes with less time left are not handed out; default 60 s, at most half of `idle_timeout`.
        max_acquire_retries: further idle sandboxes that the RETRY policies try; default 3.
        sandbox_manager_factory, sandbox_factory, sandbox_creator: in place of our own, for tests and special cases.

    Raises:
        ValueError: a setting makes no sense.

    Example:
        >>> from opensandbox import InMemoryPoolStateStore, PoolCreationSpec, SandboxPoolSync
        >>> from opensandbox.config import ConnectionConfigSync
        >>> pool = SandboxPoolSync(
        ...     pool_name="doc", max_idle=1, state_store=InMemoryPoolStateStore(),
        ...     connection_config=ConnectionConfigSync(), creation_spec=PoolCreationSpec(image="host"))
        >>> with pool:
        ...     box = pool.acquire()
        ...     run = box.commands.run("echo pooled")
        ...     box.destroy()
        ...     _ = pool.release_all_idle()
        >>> run.text
        'pooled'
    """

    def __init__(
        self,
        *,
        pool_name: str,
        max_idle: int,
        state_store: PoolStateStore,
        connection_config: ConnectionConfigSync,
        creation_spec: PoolCreationSpec,
        owner_id: str | None = None,
        warmup_create_qps: int = 10,
        warmup_concurrency: int = 128,
        primary_lock_ttl: timedelta = timedelta(seconds=60),
        degraded_threshold: int = 3,
        acquire_ready_timeout: timedelta = timedelta(seconds=30),
        acquire_health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        acquire_health_check: Callable[[SandboxSync], bool] | None = None,
        acquire_skip_health_check: bool = False,
        warmup_ready_timeout: timedelta = timedelta(seconds=30),
        warmup_health_check_initial_delay: timedelta = timedelta(0),
        warmup_health_check_polling_interval: timedelta = timedelta(milliseconds=500),
        warmup_health_check: Callable[[SandboxSync], bool] | None = None,
        warmup_sandbox_preparer: Callable[[SandboxSync], None] | None = None,
        warmup_post_prepare_health_check: Callable[[SandboxSync], bool] | None = None,
        warmup_post_prepare_health_check_timeout: timedelta = timedelta(seconds=30),
        warmup_skip_health_check: bool = False,
        idle_timeout: timedelta = timedelta(hours=24),
        drain_timeout: timedelta = timedelta(seconds=30),
        acquire_min_remaining_ttl: timedelta | None = None,
        max_acquire_retries: int = 3,
        sandbox_manager_factory: Callable[[ConnectionConfigSync], SandboxManagerSync] = SandboxManagerSync.create,
        sandbox_factory: type[SandboxSync] = SandboxSync,
        sandbox_creator: PooledSandboxCreator | None = None,
        **old: Any,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "old", "sandbox_manager_factory", "sandbox_factory")}
        unknown = set(old) - {"reconcile_interval"}
        if unknown:
            raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
        self._config = checked(PoolConfig(**drop_old_settings({**given, **old})))
        self._name = pool_name
        self._store: PoolStateStore = state_store
        self._owner = str(self._config.owner_id)
        self._new_manager = sandbox_manager_factory
        self._sandboxes = sandbox_factory
        self._manager: SandboxManagerSync | None = None
        self._lifecycle = PoolLifecycleState.NOT_STARTED
        self._loop: io.Task | None = None
        self._heart: io.Task | None = None
        self._leading = False
        self._wake: io.Event | None = None
        self._end: io.Event | None = None
        self._busy = 0
        self._failures = 0
        self._backoff_until = 0.0
        self._last_error: str | None = None
        self._guard = io.Lock()

    # -- from start to end

    def start(self) -> None:
        """Begin to make sandboxes. A second call does nothing.

        Raises:
            PoolDestroyedException: a pool of that name was destroyed.
            PoolNotRunningException: it has been shut down.
            PoolStateStoreUnavailableException: the store does not answer.
        """
        if self._lifecycle is PoolLifecycleState.RUNNING:
            return
        if self._lifecycle is not PoolLifecycleState.NOT_STARTED:
            raise PoolNotRunningException(f"pool {self._name} is {self._lifecycle.value.lower()} and does not start again")
        self._lifecycle = PoolLifecycleState.STARTING
        try:
            if self._store.get_destroy_state(self._name) is not PoolDestroyState.ACTIVE:
                raise PoolDestroyedException(f"pool {self._name} was destroyed")
            self._store.set_idle_entry_ttl(self._name, self._config.idle_timeout)
            if self._store.get_max_idle(self._name) is None:
                self._store.set_max_idle(self._name, self._config.max_idle)
            self._manager = self._new_manager(self._config.connection_config)
        except BaseException:
            self._lifecycle = PoolLifecycleState.NOT_STARTED
            raise
        self._wake, self._end = io.Event(), io.Event()
        self._lifecycle = PoolLifecycleState.RUNNING
        self._loop = io.spawn(self._run, name=f"pool-{self._name}")
        self._heart = io.spawn(self._hold, name=f"pool-{self._name}-lock")

    def shutdown(self, graceful: bool = True) -> None:
        """Stop. Idle sandboxes stay for other pools of that name; `release_all_idle` ends them.

        Args:
            graceful: wait for work that has begun, up to `drain_timeout`; default True.
        """
        if self._lifecycle in (PoolLifecycleState.NOT_STARTED, PoolLifecycleState.STOPPED):
            self._lifecycle = PoolLifecycleState.STOPPED
            return
        self._lifecycle = PoolLifecycleState.DRAINING
        if self._wake is not None:
            self._wake.set()
        if self._loop is not None:
            limit = self._config.drain_timeout.total_seconds() if graceful else 0.0
            if not self._loop.join(limit):
                self._loop.cancel()
                self._loop.join(5.0)
        if self._end is not None and self._heart is not None:
            self._end.set()
            self._heart.join(5.0)
        self._lifecycle = PoolLifecycleState.STOPPED
        try:
            self._store.release_primary_lock(self._name, self._owner)
        except SandboxException as error:
            log.warning("pool %s: the lock was not released: %s", self._name, error)
        if self._manager is not None:
            self._manager.close()

    def __enter__(self) -> SandboxPoolSync:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: object
    ) -> None:
        self.shutdown()

    # -- handing out

    def acquire(
        self, sandbox_timeout: timedelta | None = None, policy: AcquirePolicy = AcquirePolicy.DIRECT_CREATE
    ) -> SandboxSync:
        """A sandbox for the caller alone, who also ends it.

        Args:
            sandbox_timeout: it lives so long from now on; default: what is left of `idle_timeout`.
            policy: what to do when no idle one can be used.

        Raises:
            PoolNotRunningException: the pool does not run.
            PoolEmptyException: nothing idle, and the policy forbids creating.
            PoolAcquireFailedException: no idle one could be used, and the policy forbids creating.
            PoolStateStoreUnavailableException: the store does not answer.
        """
        self._check_running()
        failure: Exception | None = None
        passed: list[str] = []
        try:
            for _ in range(effective_max_idle_attempts(policy, self._config.max_acquire_retries)):
                least = self._config.acquire_min_remaining_ttl
                taken = try_take_idle_with_min_ttl(self._store, self._name, least)
                passed += taken.discarded_alive_sandbox_ids
                if taken.sandbox_id is None:
                    break
                self._nudge()
                try:
                    return self._use(taken.sandbox_id, sandbox_timeout)
                except SandboxException as error:
                    failure = error
                    log.info("pool %s: idle sandbox %s could not be used: %s", self._name, taken.sandbox_id, error)
                    passed.append(taken.sandbox_id)
        finally:
            if passed:
                io.spawn(self._kill_all, passed, name=f"pool-{self._name}-kill")
        if not policy_falls_through_to_direct_create(policy):
            if failure is not None:
                raise PoolAcquireFailedException(cause=failure)
            raise PoolEmptyException(f"pool {self._name} has no idle sandbox and policy is {policy.value}")
        sandbox = self._make(PooledSandboxCreateReason.DIRECT_CREATE)
        return self._with_timeout(sandbox, sandbox_timeout)

    def _use(self, sandbox_id: str, timeout: timedelta | None) -> SandboxSync:
        config = self._config
        sandbox = self._sandboxes.connect(
            sandbox_id, config.connection_config, config.acquire_health_check, config.acquire_ready_timeout,
            config.acquire_health_check_polling_interval, config.acquire_skip_health_check)
        return self._with_timeout(sandbox, timeout, kill=False)

    def _with_timeout(self, sandbox: SandboxSync, timeout: timedelta | None, kill: bool = True) -> SandboxSync:
        if timeout is None:
            return sandbox
        try:
            sandbox.renew(timeout)
        except BaseException:
            if kill:
                self._kill(sandbox.id)
            sandbox.close()
            raise
        return sandbox

    def _check_running(self) -> None:
        if self._lifecycle is not PoolLifecycleState.RUNNING:
            raise PoolNotRunningException(f"pool {self._name} is {self._lifecycle.value.lower()}")

    def resize(self, max_idle: int) -> None:
        """Keep another number of sandboxes ready, in all pools of that name.

        Raises:
            ValueError: a negative number.
        """
        if max_idle < 0:
            raise ValueError("max_idle must not be negative")
        self._store.set_max_idle(self._name, max_idle)
        self._nudge()

    def release_all_idle(self) -> int:
        """End all idle sandboxes; gives their number."""
        return self.release_all_idle_parallel(1)

    def release_all_idle_parallel(self, max_workers: int = 50) -> int:
        """End all idle sandboxes, so many at a time; gives their number."""
        if max_workers <= 0:
            raise ValueError("max_workers must be more than 0")
        taken: list[str] = []
        while (sandbox_id := self._store.try_take_idle(self._name)) is not None:
            taken.append(sandbox_id)
        io.gather(self._kill, taken, max_workers)
        return len(taken)

    # -- looking

    def snapshot(self) -> PoolSnapshot:
        """State and numbers."""
        idle = (self._store.snapshot_counters(self._name)).idle_count
        return PoolSnapshot(
            state=self._state(), lifecycle_state=self._lifecycle, idle_count=idle, max_idle=self._wanted(),
            failure_count=self._failures, backoff_active=self._backoff_until > time.monotonic(), last_error=self._last_error,
            in_flight_operations=self._busy)

    def snapshot_idle_entries(self) -> list[IdleEntry]:
        """The idle sandboxes, and until when each may be handed out."""
        return self._store.snapshot_idle_entries(self._name)

    def _state(self) -> PoolState:
        if self._lifecycle is PoolLifecycleState.DRAINING:
            return PoolState.DRAINING
        if self._lifecycle in (PoolLifecycleState.STOPPED, PoolLifecycleState.NOT_STARTED):
            return PoolState.STOPPED
        return PoolState.DEGRADED if self._failures >= self._config.degraded_threshold else PoolState.HEALTHY

    def _wanted(self) -> int:
        wanted = self._store.get_max_idle(self._name)
        return self._config.max_idle if wanted is None else wanted

    # -- keeping the number right

    def _nudge(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def _run(self) -> None:
        assert self._wake is not None
        while self._lifecycle is PoolLifecycleState.RUNNING:
            self._wake.clear()
            pause = _TICK
            try:
                pause = self._tick()
            except PoolDestroyedException as error:
                self._last_error = str(error)
                self._leading = False
                log.warning("pool %s: %s", self._name, error)
                return
            except Exception as error:
                self._last_error = str(error)
                log.warning("pool %s: %s", self._name, error)
            if self._lifecycle is PoolLifecycleState.RUNNING:
                io.wait_event(self._wake, pause)

    def _hold(self) -> None:
        """Hold the lock: making sandboxes may take longer than it lasts."""
        assert self._end is not None
        ttl = self._config.primary_lock_ttl
        while not io.wait_event(self._end, min(_TICK, ttl.total_seconds() / 3)):
            if not self._leading:
                continue
            try:
                self._leading = self._store.renew_primary_lock(self._name, self._owner, ttl)
            except Exception as error:
                log.warning("pool %s: the lock was not renewed: %s", self._name, error)

    def _tick(self) -> float:
        """One look; gives the seconds until the next."""
        self._leading = self._store.try_acquire_primary_lock(self._name, self._owner, self._config.primary_lock_ttl)
        if not self._leading:
            if self._store.get_destroy_state(self._name) is not PoolDestroyState.ACTIVE:
                raise PoolDestroyedException(f"pool {self._name} was destroyed")
            return _TICK
        least = self._config.acquire_min_remaining_ttl
        self._kill_all(reap_expired_idle_with_min_ttl(self._store, self._name, datetime.now(timezone.utc), least))
        missing = self._wanted() - (self._store.snapshot_counters(self._name)).idle_count
        if missing < 0:
            self._shrink(-missing)
        if missing <= 0 or self._backoff_until > time.monotonic():
            return _TICK
        now = min(missing, self._config.warmup_create_qps, self._config.warmup_concurrency)
        begun = time.monotonic()
        io.gather(self._warm, range(now), now)
        return max(0.0, now / self._config.warmup_create_qps - (time.monotonic() - begun))

    def _shrink(self, number: int) -> None:
        for _ in range(min(number, self._config.warmup_concurrency)):
            sandbox_id = self._store.try_take_idle(self._name)
            if sandbox_id is None:
                return
            self._kill(sandbox_id)

    def _warm(self, _: int) -> None:
        """Make one and put it into the store; whatever fails, nothing is left behind."""
        if self._lifecycle is not PoolLifecycleState.RUNNING or not self._leading:
            return
        with self._guard:
            self._busy += 1
        sandbox = None
        try:
            with self._span(WARMUP_CREATE_SPAN):
                sandbox = self._make(PooledSandboxCreateReason.WARMUP)
            self._prepare(sandbox)
            with self._span(WARMUP_RENEW_SPAN):
                sandbox.renew(self._config.idle_timeout)
            with self._span(WARMUP_COMMIT_SPAN):
                if not self._store.renew_primary_lock(self._name, self._owner, self._config.primary_lock_ttl):
                    raise PoolNotRunningException("another pool has taken the lead meanwhile")
                self._store.put_idle(self._name, sandbox.id)
            self._failures, self._backoff_until = 0, 0.0
        except BaseException as error:
            if sandbox is not None:
                self._kill(sandbox.id)
            if not isinstance(error, Exception):
                raise
            self._failed(error)
        finally:
            with self._guard:
                self._busy -= 1
            if sandbox is not None:
                sandbox.close()

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._last_error = str(error)
        log.warning("pool %s: a sandbox could not be made ready: %s", self._name, error)
        over = self._failures - self._config.degraded_threshold
        if over >= 0:
            self._backoff_until = time.monotonic() + min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(over, 20))

    def _make(self, reason: PooledSandboxCreateReason) -> SandboxSync:
        config = self._config
        warm = reason is PooledSandboxCreateReason.WARMUP
        check = config.warmup_health_check if warm else config.acquire_health_check
        timeout = config.warmup_ready_timeout if warm else config.acquire_ready_timeout
        interval = config.warmup_health_check_polling_interval if warm else config.acquire_health_check_polling_interval
        skip = config.warmup_skip_health_check if warm else config.acquire_skip_health_check
        if config.sandbox_creator is not None:
            return config.sandbox_creator(PooledSandboxCreateContext(
                config.pool_name, self._owner, config.idle_timeout, reason, timeout, interval, skip, check, config.connection_config))
        delay = config.warmup_health_check_initial_delay if warm else timedelta(0)
        later = delay > timedelta(0) and not skip
        sandbox = self._sandboxes.create(
            **config.creation_spec.create_options(), timeout=config.idle_timeout, ready_timeout=timeout,
            connection_config=config.connection_config, health_check=check, health_check_polling_interval=interval,
            skip_health_check=skip or later)
        if later:
            try:
                io.sleep(delay.total_seconds())
                with self._span(WARMUP_READINESS_CHECK_SPAN):
                    sandbox.check_ready(timeout, interval)
            except BaseException:
                self._kill(sandbox.id)
                sandbox.close()
                raise
        return sandbox

    def _prepare(self, sandbox: SandboxSync) -> None:
        config = self._config
        if config.warmup_sandbox_preparer is not None:
            with self._span(WARMUP_PREPARE_SPAN):
                config.warmup_sandbox_preparer(sandbox)
        if config.warmup_post_prepare_health_check is None:
            return
        end = time.monotonic() + config.warmup_post_prepare_health_check_timeout.total_seconds()
        with self._span(WARMUP_POST_PREPARE_CHECK_SPAN):
            while not config.warmup_post_prepare_health_check(sandbox):
                if time.monotonic() >= end:
                    raise SandboxReadyTimeoutException(f"sandbox {sandbox.id} was not well after it was prepared")
                io.sleep(config.warmup_health_check_polling_interval.total_seconds())

    def _span(self, name: str) -> AbstractContextManager[None]:
        return span(self._config.connection_config.enable_tracing, name, self._name)

    def _kill_all(self, sandbox_ids: Any) -> None:
        io.gather(self._kill, list(sandbox_ids), 16)

    def _kill(self, sandbox_id: str) -> None:
        if self._manager is None:
            return
        try:
            self._manager.kill_sandbox(sandbox_id)
        except SandboxNotFoundException:
            pass
        except SandboxException as error:
            log.warning("pool %s: sandbox %s could not be killed: %s", self._name, sandbox_id, error)
