"""Stores of pools in a real Redis: what they write, who may do what, what happens when Redis is away; pools in two processes."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry
from support_redis import redis_server as redis_server

from opensandbox.exceptions import PoolDestroyedException, PoolStateStoreUnavailableException
from opensandbox.pool_redis import AsyncRedisPoolStateStore, RedisPoolStateStore
from opensandbox.pool_types import PoolDestroyState

# A client's own attempts would only make the tests wait.
ONCE, ASYNC_ONCE = Retry(NoBackoff(), 0), AsyncRetry(NoBackoff(), 0)
SECOND = timedelta(seconds=1)
NOW = datetime.now(timezone.utc)


class Both:
    """Calls a store of either kind and waits for it."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        async def call(*args):
            value = getattr(self.store, name)(*args)
            return await value if inspect.isawaitable(value) else value

        return call


@pytest.fixture(params=["async", "sync", "sync-decoding"])
def play(request, redis_server):
    """Runs `test(store, look)`; `look` is a plain client for the tests' eyes. Everything is wiped before."""
    look = redis.Redis(unix_socket_path=str(redis_server.socket), decode_responses=True)
    look.flushall()

    def play(test):
        async def main():
            if request.param == "async":
                async with redis.asyncio.Redis(unix_socket_path=str(redis_server.socket), retry=ASYNC_ONCE) as client:
                    await test(Both(AsyncRedisPoolStateStore(client)), look)
            else:
                decode = request.param == "sync-decoding"
                with redis.Redis(unix_socket_path=str(redis_server.socket), decode_responses=decode, retry=ONCE) as client:
                    await test(Both(RedisPoolStateStore(client)), look)

        asyncio.run(main())

    yield play
    look.close()


def test_what_is_written_is_what_pools_of_other_languages_read(play):
    async def test(store, look):
        await store.set_idle_entry_ttl("p é/", timedelta(seconds=100))
        await store.set_max_idle("p é/", 3)
        await store.put_idle("p é/", "a")
        await store.put_idle("p é/", "b")
        await store.try_acquire_primary_lock("p é/", "me", 5 * SECOND)
        base = "opensandbox:pool:{cCDDqS8}:"
        assert sorted(look.keys()) == [base + end for end in ("idle:expires", "idle:list", "idleTtlMillis", "lock", "maxIdle")]
        assert look.lrange(base + "idle:list", 0, -1) == ["a", "b"]
        ends = look.hgetall(base + "idle:expires")
        assert set(ends) == {"a", "b"} and 99_000 < int(ends["a"]) - time.time() * 1000 <= 100_000
        assert (look.get(base + "idleTtlMillis"), look.get(base + "maxIdle"), look.get(base + "lock")) == ("100000", "3", "me")
        assert 4000 < look.pttl(base + "lock") <= 5000
        await store.begin_destroy("p é/", "destroyer")
        await store.clear_pool_state("p é/")
        assert sorted(look.keys()) == [base + "destroy:owner", base + "destroy:state"]
        assert look.mget(base + "destroy:state", base + "destroy:owner") == ["DESTROYING", "destroyer"]
        await store.mark_destroyed("p é/", "destroyer", 50 * SECOND)
        assert look.get(base + "destroy:state") == "DESTROYED" and 49_000 < look.pttl(base + "destroy:owner") <= 50_000
        await store.mark_destroyed("p é/", "destroyer", None)
        assert look.pttl(base + "destroy:state") == -1

    play(test)


def test_idle_sandboxes_come_out_in_order_and_once(play):
    async def test(store, look):
        for name in ("a", "b", "a", "c"):
            await store.put_idle("p", name)
        assert (await store.snapshot_counters("p")).idle_count == 3
        entries = await store.snapshot_idle_entries("p")
        assert [entry.sandbox_id for entry in entries] == ["a", "b", "c"]
        assert abs(entries[0].expires_at - datetime.now(timezone.utc) - timedelta(hours=24)) < 5 * SECOND
        await store.remove_idle("p", "b")
        await store.remove_idle("p", "unknown")
        assert [await store.try_take_idle("p") for _ in range(3)] == ["a", "c", None]
        assert look.keys() == []

    play(test)


def test_sandboxes_with_little_time_left_are_passed_over(play):
    async def test(store, look):
        await store.set_idle_entry_ttl("p", timedelta(milliseconds=1))
        await store.put_idle("p", "dead")
        await store.set_idle_entry_ttl("p", 50 * SECOND)
        await store.put_idle("p", "short")
        await store.set_idle_entry_ttl("p", 500 * SECOND)
        await store.put_idle("p", "long")
        await asyncio.sleep(0.01)
        taken = await store.try_take_idle_min_ttl("p", 100 * SECOND)
        assert (taken.sandbox_id, taken.discarded_alive_sandbox_ids) == ("long", ("short",))
        taken = await store.try_take_idle_min_ttl("p", timedelta(0))
        assert (taken.sandbox_id, taken.discarded_alive_sandbox_ids) == (None, ())

    play(test)


def test_reaping_tells_who_is_still_alive(play):
    async def test(store, look):
        for name, ttl in (("dead", timedelta(milliseconds=1)), ("short", 50 * SECOND), ("long", 500 * SECOND)):
            await store.set_idle_entry_ttl("p", ttl)
            await store.put_idle("p", name)
        look.rpush("opensandbox:pool:{cA}:idle:list", "without-end")
        await asyncio.sleep(0.01)
        assert await store.reap_expired_idle_min_ttl("p", NOW, 100 * SECOND) == ("short",)
        await store.reap_expired_idle("p", NOW)
        assert [entry.sandbox_id for entry in await store.snapshot_idle_entries("p")] == ["long"]

    play(test)


def test_an_expired_sandbox_may_be_put_again(play):
    async def test(store, look):
        await store.set_idle_entry_ttl("p", timedelta(milliseconds=1))
        await store.put_idle("p", "a")
        await asyncio.sleep(0.01)
        await store.set_idle_entry_ttl("p", 50 * SECOND)
        await store.put_idle("p", "a")
        assert [await store.try_take_idle("p") for _ in range(2)] == ["a", None]

    play(test)


def test_the_lock_has_one_owner_who_may_renew_it(play):
    async def test(store, look):
        assert await store.try_acquire_primary_lock("p", "me", timedelta(milliseconds=300))
        assert await store.try_acquire_primary_lock("p", "me", timedelta(milliseconds=300))
        assert not await store.try_acquire_primary_lock("p", "you", 5 * SECOND)
        assert not await store.renew_primary_lock("p", "you", 5 * SECOND)
        for _ in range(4):  # longer than the lock would last
            await asyncio.sleep(0.1)
            assert await store.renew_primary_lock("p", "me", timedelta(milliseconds=300))
        await store.release_primary_lock("p", "you")
        assert look.get("opensandbox:pool:{cA}:lock") == "me"
        await asyncio.sleep(0.35)
        assert not await store.renew_primary_lock("p", "me", 5 * SECOND)
        assert await store.try_acquire_primary_lock("p", "you", 5 * SECOND)
        await store.release_primary_lock("p", "you")
        assert await store.try_acquire_primary_lock("p", "me", 5 * SECOND)

    play(test)


def test_a_destroyed_pool_refuses(play):
    async def test(store, look):
        assert await store.get_destroy_state("p") is PoolDestroyState.ACTIVE
        await store.put_idle("p", "a")
        await store.begin_destroy("p", "d")
        for _ in range(2):
            assert await store.get_destroy_state("p") in (PoolDestroyState.DESTROYING, PoolDestroyState.DESTROYED)
            for call in (store.put_idle("p", "b"), store.set_max_idle("p", 1), store.set_idle_entry_ttl("p", SECOND)):
                with pytest.raises(PoolDestroyedException, match="pool p is destroy"):
                    await call
            assert not await store.try_acquire_primary_lock("p", "me", SECOND)
            assert not await store.renew_primary_lock("p", "me", SECOND)
            await store.mark_destroyed("p", "d", timedelta(milliseconds=200))
        assert await store.try_take_idle("p") == "a"  # whoever destroys takes what is left
        with pytest.raises(PoolDestroyedException):
            await store.begin_destroy("p", "d")
        await asyncio.sleep(0.25)
        assert await store.get_destroy_state("p") is PoolDestroyState.ACTIVE

    play(test)


def test_what_makes_no_sense_is_refused_before_redis_hears_of_it(play):
    async def test(store, look):
        look.config_resetstat()
        for call in (
            store.put_idle("", "a"), store.put_idle("p", " "), store.set_max_idle("p", -1), store.set_idle_entry_ttl("p", timedelta(0)),
            store.try_acquire_primary_lock("p", "me", -SECOND), store.renew_primary_lock("p", "", SECOND), store.mark_destroyed("p", "d", -SECOND),
        ):  # fmt: skip
            with pytest.raises(ValueError):
                await call
        assert "cmdstat_evalsha" not in look.info("commandstats")

    play(test)


def test_the_other_kind_of_client_is_refused():
    with pytest.raises(TypeError, match="redis.client.Redis, not redis.asyncio"):
        RedisPoolStateStore(redis.asyncio.Redis())
    with pytest.raises(TypeError, match="redis.asyncio.client.Redis, not builtins.NoneType"):
        AsyncRedisPoolStateStore(None)


def test_redis_that_goes_and_comes_back(play, redis_server):
    async def test(store, look):
        await store.set_max_idle("p", 2)
        redis_server.kill()
        with pytest.raises(PoolStateStoreUnavailableException, match="get_max_idle for pool p: ") as caught:
            await store.get_max_idle("p")
        assert caught.value.error.code == "POOL_STATE_STORE_UNAVAILABLE" and isinstance(caught.value.__cause__, redis.RedisError)
        redis_server.start()
        await store.set_max_idle("p", 3)  # the script is not known to the new one
        assert await store.get_max_idle("p") == 3

    play(test)


def test_redis_that_refuses(play):
    async def test(store, look):
        look.set("opensandbox:pool:{cA}:idle:list", "not a list")
        with pytest.raises(PoolStateStoreUnavailableException, match="WRONGTYPE"):
            await store.try_take_idle("p")

    play(test)


# -- pools

PLAYER = Path(__file__).with_name("pool_player.py")


class Player:
    """A process with a pool, told what to do line by line."""

    def __init__(self, kind, socket, name, **options):
        command = [sys.executable, PLAYER, kind, str(socket), name, json.dumps(options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        assert self.hear() == "started"

    def hear(self):
        return json.loads(self.process.stdout.readline() or '"nothing more"')

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self, how=None):
        if how is not None:
            self.process.send_signal(how)
        else:
            assert self.tell("end") == "ended"
        self.process.communicate(timeout=30)


def until(condition, what):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited for {what}")


@pytest.mark.parametrize("kinds", [("sync", "async"), ("async", "sync")])
def test_two_processes_share_a_pool(server, redis_server, kinds):
    from opensandbox import SandboxManagerSync, SandboxPoolManager

    with redis.Redis(unix_socket_path=str(redis_server.socket), decode_responses=True) as look:
        look.flushall()
        idle, lock = "opensandbox:pool:{c2hhcmVk}:idle:list", "opensandbox:pool:{c2hhcmVk}:lock"
        players = {name: Player(kind, redis_server.socket, name) for name, kind in zip(("one", "two"), kinds)}
        try:
            until(lambda: look.llen(idle) == 3, "three idle sandboxes")
            got = [players[name].tell("acquire") for name in ("one", "two", "one", "two")]
            assert len(set(got)) == 4 and all(got)
            leader = look.get(lock)
            follower = "two" if leader == "one" else "one"
            players[leader].end(signal.SIGKILL)
            until(lambda: look.get(lock) == follower, "the other to lead")
            until(lambda: look.llen(idle) == 3, "the gap to be filled by the other")
            players[follower].tell("acquire")
            players[follower].end()
            assert look.get(lock) is None
            with redis.Redis(unix_socket_path=str(redis_server.socket)) as client:
                result = SandboxPoolManager(state_store=RedisPoolStateStore(client)).destroy("shared")
            assert result.drained_idle_count == result.killed_idle_count in (2, 3) and look.llen(idle) == 0
        finally:
            for player in players.values():
                if player.process.poll() is None:
                    player.end(signal.SIGKILL)
        from opensandbox.models.sandboxes import SandboxFilter

        with SandboxManagerSync.create() as manager:
            for info in manager.list_sandbox_infos(SandboxFilter(metadata={"pool": "shared"}, page_size=100)).sandbox_infos:
                manager.kill_sandbox(info.id)


def test_the_leader_keeps_the_lock_while_making_a_sandbox_takes_longer(server, redis_server):
    with redis.Redis(unix_socket_path=str(redis_server.socket), decode_responses=True) as look:
        look.flushall()
        lock = "opensandbox:pool:{c2hhcmVk}:lock"
        player = Player("sync", redis_server.socket, "slow", max_idle=1, slow=2.0, ttl=0.6)
        try:
            until(lambda: look.get(lock) == "slow", "the lock")
            end = time.monotonic() + 1.8  # three times as long as the lock lasts
            while time.monotonic() < end:
                assert look.get(lock) == "slow"
                time.sleep(0.02)
            until(lambda: look.llen("opensandbox:pool:{c2hhcmVk}:idle:list") == 1, "the slow one")
        finally:
            assert player.tell("release") == 1
            player.end()


def test_a_pool_whose_redis_goes_away_says_so_and_goes_on(server, redis_server):
    player = Player("async", redis_server.socket, "only", max_idle=1)
    try:
        assert player.tell("acquire")
        redis_server.kill()
        assert player.tell("acquire") == "PoolStateStoreUnavailableException"
        redis_server.start()
        with redis.Redis(unix_socket_path=str(redis_server.socket)) as look:
            until(lambda: look.llen("opensandbox:pool:{c2hhcmVk}:idle:list") == 1, "the pool to be filled again")
        assert player.tell("acquire")
        player.tell("release")
    finally:
        player.end()
