"""The released Python client as its users run it. Arguments: address, number in sequence, number at once. Prints JSON."""
import asyncio
import json
import sys
import time
from datetime import timedelta

from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync

address, sequence, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
clock = time.perf_counter


def in_sequence():
    first, commands, kills = [], [], []
    for _ in range(sequence):
        begin = clock()
        sandbox = SandboxSync.create("host", connection_config=ConnectionConfigSync(domain=address))
        with sandbox:
            assert sandbox.commands.run("true").exit_code == 0
            first.append(clock() - begin)
            for _ in range(20):
                begin = clock()
                assert sandbox.commands.run("true").exit_code == 0
                commands.append(clock() - begin)
            begin = clock()
            sandbox.kill()
            kills.append(clock() - begin)
    return {"first": first, "commands": commands, "kills": kills}


async def all_at_once():
    times, failures = [], []

    async def one():
        begin = clock()
        try:
            sandbox = await Sandbox.create("host", resource={"cpu": "1", "memory": "128Mi"},
                                           connection_config=ConnectionConfig(domain=address, request_timeout=timedelta(seconds=30)))
            async with sandbox:
                assert (await sandbox.commands.run("true")).exit_code == 0
                times.append(clock() - begin)
                await sandbox.kill()
        except Exception as error:
            failures.append(repr(error)[:200])

    begin = clock()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return {"times": times, "failures": failures, "total": clock() - begin}


result = in_sequence()
if at_once:
    result["concurrent"] = asyncio.run(all_at_once())
print(json.dumps(result))
