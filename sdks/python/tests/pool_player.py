"""A process that holds a pool in Redis: `pool_player.py KIND SOCKET OWNER OPTIONS`. A word a line in, a line of JSON out."""

import asyncio
import inspect
import json
import sys
import time
from datetime import timedelta

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from opensandbox import PoolCreationSpec, SandboxPoolAsync, SandboxPoolSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.exceptions import SandboxException
from opensandbox.pool_redis import AsyncRedisPoolStateStore, RedisPoolStateStore


def say(value):
    print(json.dumps(value), flush=True)


async def done(value):
    return await value if inspect.isawaitable(value) else value


async def main(kind, socket, owner, options):
    if kind == "sync":
        store, Pool, config = RedisPoolStateStore(redis.Redis(unix_socket_path=socket, retry=Retry(NoBackoff(), 0))), SandboxPoolSync, ConnectionConfigSync()
    else:
        store = AsyncRedisPoolStateStore(redis.asyncio.Redis(unix_socket_path=socket, retry=AsyncRetry(NoBackoff(), 0)))
        Pool, config = SandboxPoolAsync, ConnectionConfig()
    slow = options.pop("slow", 0)
    pool = Pool(
        pool_name="shared", max_idle=options.pop("max_idle", 3), state_store=store, connection_config=config, owner_id=owner,
        creation_spec=PoolCreationSpec(image="host", metadata={"pool": "shared"}), primary_lock_ttl=timedelta(seconds=options.pop("ttl", 1.5)),
        warmup_sandbox_preparer=(lambda box: time.sleep(slow)) if slow else None)  # fmt: skip
    await done(pool.start())
    say("started")
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            if word == "acquire":
                box = await done(pool.acquire())
                await done(box.commands.run("true"))
                await done(box.destroy())
                say(box.id)
            elif word == "release":
                await done(pool.resize(0))
                say(await done(pool.release_all_idle()))
            elif word == "end":
                await done(pool.shutdown())
                say("ended")
                return
        except SandboxException as error:
            say(type(error).__name__)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))
