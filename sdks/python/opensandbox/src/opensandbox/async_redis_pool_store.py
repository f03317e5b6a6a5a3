"""Pools that several processes and machines share. Written once: the blocking client is made from this text by tools/unasync.py.

The keys and what is done with them are in `_wire/redis.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from ._wire import redis as wire
from ._wire.redis import Call
from .exceptions import PoolStateStoreUnavailableException
from .pool_types import IdleEntry, PoolDestroyState, StoreCounters, TakeIdleResult

if TYPE_CHECKING:
    from redis.asyncio import Redis


class AsyncRedisPoolStateStore:
    """A store for async pools in Redis 5 or newer; needs `pip install 'opensandbox[pool-redis]'`.

    Pools of one name in any number of processes share their idle sandboxes, and one of them makes new ones. When Redis is away, every
    call raises; pools go on when it is back. The client stays the caller's, who closes it.

    Args:
        redis: a `redis.asyncio.Redis`, whether it decodes replies or not; give it a `socket_timeout`, since nothing else limits a wait.
        key_prefix: all keys begin with it; default "opensandbox:pool".

    Raises:
        TypeError: `redis` is another kind of client.

    Every method also raises:
        PoolStateStoreUnavailableException: Redis cannot be reached, or refuses.
        ValueError: a blank name, or a time or number that makes no sense.
    """

    DEFAULT_KEY_PREFIX = "opensandbox:pool"

    def __init__(self, redis: Redis, key_prefix: str = DEFAULT_KEY_PREFIX) -> None:
        from redis.asyncio import Redis as Client
        from redis.exceptions import RedisError

        if not isinstance(redis, Client):
            raise TypeError(f"needs a client of class {Client.__module__}.{Client.__name__}, not {type(redis).__module__}.{type(redis).__name__}")
        self._redis = redis
        self._prefix = key_prefix
        self._failures = (RedisError, OSError)
        self._scripts: dict[str, Any] = {}

    async def _do(self, pool_name: str, call: Call) -> list[Any]:
        """Run a script; Redis keeps it, so its text is sent once."""
        script = self._scripts.get(call.name)
        if script is None:
            script = self._scripts[call.name] = self._redis.register_script(call.script)
        try:
            reply = cast("list[Any]", await script(keys=wire.keys(self._prefix, pool_name), args=list(call.arguments)))
        except self._failures as error:
            message = f"Redis did not do {call.name} for pool {pool_name}: {error}"
            raise PoolStateStoreUnavailableException(message, error if isinstance(error, Exception) else None) from error
        return list(reply)

    async def try_take_idle(self, pool_name: str) -> str | None:
        """Take the sandbox that waits longest; None if there is none."""
        return (await self.try_take_idle_min_ttl(pool_name, timedelta(0))).sandbox_id

    async def try_take_idle_min_ttl(self, pool_name: str, min_remaining_ttl: timedelta) -> TakeIdleResult:
        """Take the sandbox that waits longest and has more than that time left; those passed over are forgotten and told."""
        least = round(min_remaining_ttl / timedelta(milliseconds=1))
        return wire.taken(await self._do(pool_name, Call("try_take_idle", wire.TAKE, (least,))))

    async def put_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Let a sandbox wait; nothing happens if it waits already.

        Raises:
            PoolDestroyedException: the pool is being destroyed, or was.
        """
        call = Call("put_idle", wire.PUT, (wire.named(sandbox_id, "the sandbox's id"), wire.DAY_MILLIS))
        wire.alive(await self._do(pool_name, call), pool_name)

    async def remove_idle(self, pool_name: str, sandbox_id: str) -> None:
        """Forget a sandbox; nothing happens if it does not wait."""
        await self._do(pool_name, Call("remove_idle", wire.REMOVE, (wire.named(sandbox_id, "the sandbox's id"),)))

    async def try_acquire_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Take the lock, or hold it longer; False if it is another's or the pool was destroyed."""
        call = Call("try_acquire_primary_lock", wire.LOCK, (wire.named(owner_id, "the owner"), wire.millis(ttl, "ttl")))
        return bool((await self._do(pool_name, call))[0])

    async def renew_primary_lock(self, pool_name: str, owner_id: str, ttl: timedelta) -> bool:
        """Hold the lock longer; False if it is not the owner's any more."""
        call = Call("renew_primary_lock", wire.RENEW, (wire.named(owner_id, "the owner"), wire.millis(ttl, "ttl")))
        return bool((await self._do(pool_name, call))[0])

    async def release_primary_lock(self, pool_name: str, owner_id: str) -> None:
        """Give the lock back; nothing happens if it is another's."""
        await self._do(pool_name, Call("release_primary_lock", wire.RELEASE, (wire.named(owner_id, "the owner"),)))

    async def reap_expired_idle(self, pool_name: str, now: datetime) -> None:
        """Forget sandboxes whose time is up by Redis's clock; `now` is not used, since clocks of machines differ."""
        await self.reap_expired_idle_min_ttl(pool_name, now, timedelta(0))

    async def reap_expired_idle_min_ttl(
        self, pool_name: str, now: datetime, min_remaining_ttl: timedelta
    ) -> tuple[str, ...]:
        """Forget sandboxes with no more than that time left; gives those that are still alive."""
        least = round(min_remaining_ttl / timedelta(milliseconds=1))
        reply = await self._do(pool_name, Call("reap_expired_idle", wire.REAP, (least,)))
        return tuple(map(wire.text, reply))

    async def snapshot_counters(self, pool_name: str) -> StoreCounters:
        """How many wait."""
        return StoreCounters(int((await self._do(pool_name, Call("snapshot_counters", wire.COUNT)))[0]))

    async def snapshot_idle_entries(self, pool_name: str) -> list[IdleEntry]:
        """Those that wait, longest first, and until when."""
        return wire.entries(await self._do(pool_name, Call("snapshot_idle_entries", wire.ENTRIES)))

    async def get_max_idle(self, pool_name: str) -> int | None:
        """How many shall wait; None if nobody has said."""
        number = wire.text((await self._do(pool_name, Call("get_max_idle", wire.WANTED)))[0])
        return int(number) if number else None

    async def set_max_idle(self, pool_name: str, max_idle: int) -> None:
        """Say how many shall wait.

        Raises:
            PoolDestroyedException: the pool is being destroyed, or was.
        """
        if max_idle < 0:
            raise ValueError("max_idle must not be negative")
        wire.alive(await self._do(pool_name, Call("set_max_idle", wire.SET, (4, max_idle))), pool_name)

    async def set_idle_entry_ttl(self, pool_name: str, idle_ttl: timedelta) -> None:
        """Say how long a sandbox that is put from now on may wait; 24 h if nobody has said.

        Raises:
            PoolDestroyedException: the pool is being destroyed, or was.
        """
        call = Call("set_idle_entry_ttl", wire.SET, (5, wire.millis(idle_ttl, "idle_ttl")))
        wire.alive(await self._do(pool_name, call), pool_name)

    async def get_destroy_state(self, pool_name: str) -> PoolDestroyState:
        """Whether a pool of that name may be used."""
        return wire.state(await self._do(pool_name, Call("get_destroy_state", wire.STATE)))

    async def begin_destroy(self, pool_name: str, owner_id: str) -> None:
        """From now on nothing is put, and nobody gets the lock.

        Raises:
            PoolDestroyedException: it was destroyed already.
        """
        call = Call("begin_destroy", wire.BEGIN_DESTROY, (wire.named(owner_id, "the owner"),))
        wire.alive(await self._do(pool_name, call), pool_name)

    async def mark_destroyed(self, pool_name: str, owner_id: str, tombstone_ttl: timedelta | None) -> None:
        """Block the name for that time; None: for ever."""
        ttl = "" if tombstone_ttl is None else wire.millis(tombstone_ttl, "tombstone_ttl")
        await self._do(pool_name, Call("mark_destroyed", wire.MARK_DESTROYED, (wire.named(owner_id, "the owner"), ttl)))

    async def clear_pool_state(self, pool_name: str) -> None:
        """Forget everything of the pool except that it is being destroyed."""
        await self._do(pool_name, Call("clear_pool_state", wire.CLEAR))
