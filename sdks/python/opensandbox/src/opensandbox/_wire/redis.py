"""What pools write into Redis: names of keys, scripts, and what their replies mean. No I/O.

The layout is shared with pools of other languages, so it is fixed: below `PREFIX:{NAME}` (NAME is base64, the braces keep a pool in one
slot of a cluster) a list of idle ids, oldest first; a hash id -> Unix milliseconds of its end; the lock with its owner; the two settings;
the state of a destroyed pool. Every step is one script, so nobody sees half of it, and Redis's clock is the only one.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..exceptions import PoolDestroyedException
from ..pool_types import IdleEntry, PoolDestroyState, TakeIdleResult

DAY_MILLIS = 86_400_000

_CLOCK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# Every script has the keys of `Keys.all` and gives an array; a script that a destroyed pool refuses gives its state.
_ALIVE = "local gone = redis.call('GET', KEYS[6]) if gone then return {gone} end\n"

PUT = _ALIVE + _CLOCK + """
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before then
  if tonumber(before) > now then return {} end
  redis.call('LREM', KEYS[1], 0, ARGV[1])
end
local ttl = tonumber(redis.call('GET', KEYS[5]) or ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now + ttl))
redis.call('RPUSH', KEYS[1], ARGV[1])
return {}
"""

TAKE = _CLOCK + """
local passed = {}
while true do
  local id = redis.call('LPOP', KEYS[1])
  if not id then return {'', passed} end
  local left = tonumber(redis.call('HGET', KEYS[2], id) or '0') - now
  redis.call('HDEL', KEYS[2], id)
  if left > tonumber(ARGV[1]) then return {id, passed} end
  if left > 0 then passed[#passed + 1] = id end
end
"""

REMOVE = """
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('LREM', KEYS[1], 0, ARGV[1])
return {}
"""

REAP = _CLOCK + """
local alive = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local left = tonumber(redis.call('HGET', KEYS[2], id) or '0') - now
  if left <= tonumber(ARGV[1]) then
    redis.call('LREM', KEYS[1], 1, id)
    redis.call('HDEL', KEYS[2], id)
    if left > 0 then alive[#alive + 1] = id end
  end
end
return alive
"""

ENTRIES = """
local entries = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  entries[#entries + 1] = id
  entries[#entries + 1] = redis.call('HGET', KEYS[2], id) or '0'
end
return entries
"""

LOCK = """
if redis.call('EXISTS', KEYS[6]) == 1 then return {0} end
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return {1}
"""

RENEW = """
if redis.call('EXISTS', KEYS[6]) == 1 or redis.call('GET', KEYS[3]) ~= ARGV[1] then return {0} end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return {1}
"""

RELEASE = """
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
return {}
"""

# ARGV[1] is the key's place: 4 for how many are wanted, 5 for how long they live.
SET = _ALIVE + """
redis.call('SET', KEYS[tonumber(ARGV[1])], ARGV[2])
return {}
"""

COUNT = "return {redis.call('LLEN', KEYS[1])}"
WANTED = "return {redis.call('GET', KEYS[4]) or ''}"
STATE = "return {redis.call('GET', KEYS[6]) or 'ACTIVE'}"

BEGIN_DESTROY = """
if redis.call('GET', KEYS[6]) == 'DESTROYED' then return {'DESTROYED'} end
redis.call('SET', KEYS[6], 'DESTROYING')
redis.call('SET', KEYS[7], ARGV[1])
return {}
"""

# ARGV[2] is how many milliseconds the name stays blocked; empty: for ever.
MARK_DESTROYED = """
redis.call('SET', KEYS[6], 'DESTROYED')
redis.call('SET', KEYS[7], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('PEXPIRE', KEYS[6], ARGV[2])
  redis.call('PEXPIRE', KEYS[7], ARGV[2])
end
return {}
"""

CLEAR = "redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]) return {}"

_PLACES = (":idle:list", ":idle:expires", ":lock", ":maxIdle", ":idleTtlMillis", ":destroy:state", ":destroy:owner")


def keys(prefix: str, pool_name: str) -> list[str]:
    """The keys of a pool, in the order in which scripts count them.

    Raises:
        ValueError: the name is blank.
    """
    if not pool_name.strip():
        raise ValueError("the name of the pool is blank")
    name = base64.urlsafe_b64encode(pool_name.encode()).decode().rstrip("=")
    return [f"{prefix}:{{{name}}}{place}" for place in _PLACES]


def millis(time: timedelta, what: str) -> int:
    """Whole milliseconds, at least one.

    Raises:
        ValueError: not more than nothing.
    """
    if time <= timedelta(0):
        raise ValueError(f"{what} must be more than 0")
    return max(1, round(time / timedelta(milliseconds=1)))


def named(value: str, what: str) -> str:
    """A text that is not blank.

    Raises:
        ValueError: it is.
    """
    if not value.strip():
        raise ValueError(f"{what} is blank")
    return value


def text(value: object) -> str:
    """A reply, whether the client decodes or not."""
    return value.decode() if isinstance(value, bytes) else str(value)


def alive(reply: Sequence[object], pool_name: str) -> None:
    """Refuse to go on when the script found the pool destroyed."""
    if reply:
        raise PoolDestroyedException(f"pool {pool_name} is {text(reply[0]).lower()}")


def taken(reply: Sequence[Any]) -> TakeIdleResult:
    sandbox_id, passed = reply
    return TakeIdleResult(text(sandbox_id) or None, tuple(map(text, passed)))


def entries(reply: Sequence[Any]) -> list[IdleEntry]:
    return [
        IdleEntry(text(sandbox_id), datetime.fromtimestamp(int(end) / 1000, timezone.utc))
        for sandbox_id, end in zip(reply[::2], reply[1::2])
    ]


def state(reply: Sequence[object]) -> PoolDestroyState:
    return PoolDestroyState(text(reply[0]))


@dataclass(frozen=True)
class Call:
    """One step: what it is called in errors, its script, and the script's arguments."""

    name: str
    script: str
    arguments: tuple[str | int, ...] = ()
