"""Stores that several processes share; need the extra `pool-redis`."""

from .async_redis_pool_store import AsyncRedisPoolStateStore
from .redis_pool_store import RedisPoolStateStore

__all__ = ["AsyncRedisPoolStateStore", "RedisPoolStateStore"]
