"""Create, command, kill from Python, with whichever client is on the path. Arguments: address, what to do. Prints JSON.

once: one time, with everything that a new process has to load. blocking: the same without an event loop. floor: what no client can do without
in the first. warm: 40 times in one process, blocking and async. commands: 1000 commands of one sandbox at a time. memory: what a connected
sandbox object costs.
"""
import json
import sys
import time

address, what = sys.argv[1:3]


def once():
    import asyncio

    from opensandbox import Sandbox
    from opensandbox.config import ConnectionConfig

    async def main():
        async with await Sandbox.create("host", connection_config=ConnectionConfig(domain=address)) as sandbox:
            assert (await sandbox.commands.run("true")).exit_code == 0
            await sandbox.kill()

    asyncio.run(main())


def blocking():
    from opensandbox import SandboxSync
    from opensandbox.config import ConnectionConfigSync

    with SandboxSync.create("host", connection_config=ConnectionConfigSync(domain=address)) as sandbox:
        assert sandbox.commands.run("true").exit_code == 0
        sandbox.kill()


def floor():
    """An event loop, and a configuration that is a pydantic model. No validator is built and nothing is sent."""
    import asyncio

    from pydantic import BaseModel, ConfigDict

    class Configuration(BaseModel):
        model_config = ConfigDict(defer_build=True)
        domain: str | None = None

    Configuration.model_construct(domain=address)
    asyncio.run(asyncio.sleep(0))


def warm():
    import asyncio

    from opensandbox import Sandbox, SandboxSync
    from opensandbox.config import ConnectionConfig, ConnectionConfigSync

    times = {"sync": [], "async": []}
    for _ in range(40):
        begin = time.perf_counter()
        with SandboxSync.create("host", connection_config=ConnectionConfigSync(domain=address)) as sandbox:
            assert sandbox.commands.run("true").exit_code == 0
            sandbox.kill()
        times["sync"].append(time.perf_counter() - begin)

    async def main():
        for _ in range(40):
            begin = time.perf_counter()
            async with await Sandbox.create("host", connection_config=ConnectionConfig(domain=address)) as sandbox:
                assert (await sandbox.commands.run("true")).exit_code == 0
                await sandbox.kill()
            times["async"].append(time.perf_counter() - begin)

    asyncio.run(main())
    return times


def commands():
    import asyncio

    from opensandbox import Sandbox
    from opensandbox.config import ConnectionConfig

    async def main():
        config = ConnectionConfig(domain=address)
        sandbox = await Sandbox.create("host", resource={"cpu": "2", "memory": "2Gi"}, connection_config=config)
        async with sandbox:
            failures, done = [], []

            async def one(number):
                try:
                    run = await sandbox.commands.run(f"echo {number}")
                    done.append(run.logs.stdout[0].text.strip() == str(number))
                except Exception as error:
                    failures.append(repr(error)[:200])

            begin = time.perf_counter()
            await asyncio.gather(*(one(number) for number in range(1000)))
            took = time.perf_counter() - begin
            await sandbox.kill()
        return {"seconds": took, "good": sum(done), "failures": failures[:3]}

    return asyncio.run(main())


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def memory():
    import asyncio

    from opensandbox import Sandbox
    from opensandbox.config import ConnectionConfig

    async def main():
        config = ConnectionConfig(domain=address)
        first = await Sandbox.create("host", connection_config=config)
        await first.commands.run("true")
        kept = [await Sandbox.connect(first.id, connection_config=config) for _ in range(20)]  # whatever is loaded late
        before = resident()
        for _ in range(300):
            sandbox = await Sandbox.connect(first.id, connection_config=config)
            await sandbox.commands.run("true")
            kept.append(sandbox)
        each = (resident() - before) / 300
        await first.kill()
        for sandbox in kept:
            await sandbox.close()
        await first.close()
        return {"bytes": each}

    return asyncio.run(main())


print(json.dumps({"once": once, "blocking": blocking, "floor": floor, "warm": warm, "commands": commands, "memory": memory}[what]()))
