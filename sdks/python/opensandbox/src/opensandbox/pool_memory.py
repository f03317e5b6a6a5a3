"""Stores of pools that live in one process."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from .exceptions import PoolDestroyedException
from .pool_types import AsyncPoolStateStore, IdleEntry, PoolDestroyState, PoolStateStore, StoreCounters, TakeIdleResult

_DAY = 86400.0


@dataclass
class _Pool:
    idle: deque[str] = field(default_factory=deque[str])
    expires: dict[str, float] = field(default_factory=dict[str, float])  # id -> Unix seconds
    ttl: float = _DAY
    max_idle: int | None = None
    lock: tuple[str, float] | None = None  # owner, monotonic end
    destroy: PoolDestroyState = PoolDestroyState.ACTIVE
    tombstone_end: float | None = None


class InMemoryPoolStateStore(PoolStateStore):
    """A store for blocking pools of one process; may be shared by threads.

    Example:
        >>> from opensandbox import InMemoryPoolStateStore
        >>> store = InMemoryPoolStateStore()
        >>> store.put_idle("p", "a")
        >>> store.try_take_idle("p"), store.try_take_idle("p")
        ('a', None)
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}
        self._guard = threading.RLock()

    def _pool(self, name: str) -> _Pool:
        pool = self._pools.setdefault(name, _Pool())
        if pool.tombstone_end is not None and time.monotonic() >= pool.tombstone_end:
            pool.destroy, pool.tombstone_end = PoolDestroyState.ACTIVE, None
        return pool

    def _alive(self, name: str) -> _Pool:
        pool = self._pool(name)
        if pool.destroy is not PoolDestroyState.ACTIVE:
            raise PoolDestroyedException(f"pool {name} is {pool.destroy.value.lower()}")
        return pool

    def try_take_idle(self, pool_name: str) -> str | None:
        return self.try_take_idle_min_ttl(pool_name, timedelta(0)).sandbox_id

    def try_take_idle_min_ttl(self, pool_name: str, min_remaining_ttl: timedelta) -> TakeIdleResult:
        """As `try_take_idle`, with more than that time left; those passed over are forgotten and told."""
        with self._guard:
            pool, now = self._pool(pool_name), time.time()
            passed: list[str] = []
            while pool.idle:
                sandbox_id = pool.idle.popleft()
                left = pool.expires.pop(sandbox_id, 0.0) - now
                if left > min_remaining_ttl.total_seconds():
                    return TakeIdleResult(sandbox_id, tuple(passed))
                if left > 0:
                    passed.append(sandbox_id)
            return TakeIdleResult(None, tuple(passed))

    def put_idle(self, pool_name: str, sandbox_id: str) -> None:
        with self._guard:
            pool = self._alive(pool_name)
            if sandbox_id not in pool.expires:
                pool.idle.append(sandbox_id)
                pool.expires[sandbox_id] = time.time() + pool.ttl

    def remove_idle(self, pool_name: str, sandbox_id: str) -> None:
        with self._guard:
            pool = self._pool(pool_name)
            if pool.expires.pop(sandbox_id, None) is not None:
                pool.idle.remove(sandbox_id)

    def try_acquire_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        with self._guard:
            pool, now = self._alive(pool_name), time.monotonic()
            if pool.lock is not None and pool.lock[0] != owner_id and pool.lock[1] > now:
                return False
            pool.lock = (owner_id, now + ttl.total_seconds())
            return True

    def renew_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        with self._guard:
            pool, now = self._pool(pool_name), time.monotonic()
            mine = pool.lock is not None and pool.lock[0] == owner_id and pool.lock[1] > now
            if not mine or pool.destroy is not PoolDestroyState.ACTIVE:
                return False
            pool.lock = (owner_id, now + ttl.total_seconds())
            return True

    def release_primary_lock(self, pool_name: str, owner_id: str) -> None:
        with self._guard:
            pool = self._pool(pool_name)
            if pool.lock is not None and pool.lock[0] == owner_id:
                pool.lock = None

    def reap_expired_idle(self, pool_name: str, now: datetime) -> None:
        self.reap_expired_idle_min_ttl(pool_name, now, timedelta(0))

    def reap_expired_idle_min_ttl(self, pool_name: str, now: datetime, min_remaining_ttl: timedelta) -> tuple[str, ...]:
        """Forget sandboxes with no more than that time left; gives those that are still alive."""
        with self._guard:
            pool, at = self._pool(pool_name), now.timestamp()
            old = [s for s, end in pool.expires.items() if end - at <= min_remaining_ttl.total_seconds()]
            alive = tuple(s for s in old if pool.expires[s] > at)
            for sandbox_id in old:
                self.remove_idle(pool_name, sandbox_id)
            return alive

    def snapshot_counters(self, pool_name: str) -> StoreCounters:
        with self._guard:
            return StoreCounters(len(self._pool(pool_name).idle))

    def snapshot_idle_entries(self, pool_name: str) -> list[IdleEntry]:
        with self._guard:
            pool = self._pool(pool_name)
            return [IdleEntry(s, datetime.fromtimestamp(pool.expires[s], timezone.utc)) for s in pool.idle]

    def get_max_idle(self, pool_name: str) -> int | None:
        with self._guard:
            return self._pool(pool_name).max_idle

    def set_max_idle(self, pool_name: str, max_idle: int) -> None:
        with self._guard:
            self._alive(pool_name).max_idle = max_idle

    def set_idle_entry_ttl(self, pool_name: str, idle_ttl: timedelta) -> None:
        with self._guard:
            self._alive(pool_name).ttl = idle_ttl.total_seconds()

    def get_destroy_state(self, pool_name: str) -> PoolDestroyState:
        with self._guard:
            return self._pool(pool_name).destroy

    def begin_destroy(self, pool_name: str, owner_id: str) -> None:
        with self._guard:
            pool = self._pool(pool_name)
            if pool.destroy is PoolDestroyState.ACTIVE:
                pool.destroy = PoolDestroyState.DESTROYING

    def mark_destroyed(self, pool_name: str, owner_id: str, tombstone_ttl: timedelta | None) -> None:
        with self._guard:
            pool = self._pool(pool_name)
            pool.destroy = PoolDestroyState.DESTROYED
            pool.tombstone_end = None if tombstone_ttl is None else time.monotonic() + tombstone_ttl.total_seconds()

    def clear_pool_state(self, pool_name: str) -> None:
        with self._guard:
            old = self._pool(pool_name)
            self._pools[pool_name] = _Pool(destroy=old.destroy, tombstone_end=old.tombstone_end)


class InMemoryAsyncPoolStateStore(AsyncPoolStateStore):
    """A store for async pools of one process. Nothing of it waits, so it may be shared with threads, too."""

    def __init__(self) -> None:
        self._store = InMemoryPoolStateStore()

    async def try_take_idle(self, pool_name: str) -> str | None:
        return self._store.try_take_idle(pool_name)

    async def try_take_idle_min_ttl(self, pool_name: str, min_remaining_ttl: timedelta) -> TakeIdleResult:
        """As `try_take_idle`, with more than that time left; those passed over are forgotten and told."""
        return self._store.try_take_idle_min_ttl(pool_name, min_remaining_ttl)

    async def put_idle(self, pool_name: str, sandbox_id: str) -> None:
        self._store.put_idle(pool_name, sandbox_id)

    async def remove_idle(self, pool_name: str, sandbox_id: str) -> None:
        self._store.remove_idle(pool_name, sandbox_id)

    async def try_acquire_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        return self._store.try_acquire_primary_lock(pool_name, owner_id, ttl)

    async def renew_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        return self._store.renew_primary_lock(pool_name, owner_id, ttl)

    async def release_primary_lock(self, pool_name: str, owner_id: str) -> None:
        self._store.release_primary_lock(pool_name, owner_id)

    async def reap_expired_idle(self, pool_name: str, now: datetime) -> None:
        self._store.reap_expired_idle(pool_name, now)

    async def reap_expired_idle_min_ttl(
        self, pool_name: str, now: datetime, min_remaining_ttl: timedelta
    ) -> tuple[str, ...]:
        """Forget sandboxes with no more than that time left; gives those that are still alive."""
        return self._store.reap_expired_idle_min_ttl(pool_name, now, min_remaining_ttl)

    async def snapshot_counters(self, pool_name: str) -> StoreCounters:
        return self._store.snapshot_counters(pool_name)

    async def snapshot_idle_entries(self, pool_name: str) -> list[IdleEntry]:
        return self._store.snapshot_idle_entries(pool_name)

    async def get_max_idle(self, pool_name: str) -> int | None:
        return self._store.get_max_idle(pool_name)

    async def set_max_idle(self, pool_name: str, max_idle: int) -> None:
        self._store.set_max_idle(pool_name, max_idle)

    async def set_idle_entry_ttl(self, pool_name: str, idle_ttl: timedelta) -> None:
        self._store.set_idle_entry_ttl(pool_name, idle_ttl)

    async def get_destroy_state(self, pool_name: str) -> PoolDestroyState:
        return self._store.get_destroy_state(pool_name)

    async def begin_destroy(self, pool_name: str, owner_id: str) -> None:
        self._store.begin_destroy(pool_name, owner_id)

    async def mark_destroyed(self, pool_name: str, owner_id: str, tombstone_ttl: timedelta | None) -> None:
        self._store.mark_destroyed(pool_name, owner_id, tombstone_ttl)

    async def clear_pool_state(self, pool_name: str) -> None:
        self._store.clear_pool_state(pool_name)
