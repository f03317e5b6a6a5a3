"""The released Python client as its users run it, with several servers in turns. Arguments: number in sequence, number at once,
addresses. Prints JSON: a result for each address."""
import asyncio
import json
import sys
import time
from datetime import timedelta

from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync

sequence, at_once, addresses = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
clock = time.perf_counter


def one_after_the_other(address, result):
    begin = clock()
    sandbox = SandboxSync.create("host", connection_config=ConnectionConfigSync(domain=address))
    with sandbox:
        assert sandbox.commands.run("true").exit_code == 0
        result["first"].append(clock() - begin)
        for _ in range(20):
            begin = clock()
            assert sandbox.commands.run("true").exit_code == 0
            result["commands"].append(clock() - begin)
        begin = clock()
        sandbox.kill()
        result["kills"].append(clock() - begin)


async def all_at_once(address):
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


results = [{"first": [], "commands": [], "kills": []} for _ in addresses]
for _ in range(sequence):
    for address, result in zip(addresses, results):
        one_after_the_other(address, result)
for address, result in zip(addresses, results):
    result["concurrent"] = asyncio.run(all_at_once(address))
print(json.dumps(results))
