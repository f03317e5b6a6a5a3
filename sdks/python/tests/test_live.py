"""Our packages against a real server: the flows of the released clients, unchanged, and pools."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from conftest import REPOSITORY

FLOWS = REPOSITORY / "tests" / "e2e" / "flows"


@pytest.mark.parametrize("flow", [
    ["surface.py", "async"], ["surface.py", "sync"], ["quickstart_async.py"], ["quickstart_sync.py"], ["sandbox_guide.py"], ["interpreter.py"],
], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("proxy", ["", "1"], ids=["direct", "proxied"])
def test_flow(server, flow, proxy):
    env = {**os.environ, "OPEN_SANDBOX_DOMAIN": server.address, "FLOW_IMAGE": "host", "FLOW_PROXY": proxy,
           "FLOW_INTERPRETER": "opensandbox/code-interpreter:v1.0.1"}
    done = subprocess.run([sys.executable, FLOWS / flow[0], *flow[1:]], env=env, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0 and done.stdout.strip().endswith("flow ok"), f"{done.stdout}\n{done.stderr}"


def until(condition, what):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited for {what}")


def test_a_pool_of_the_blocking_client(server):
    from opensandbox import AcquirePolicy, InMemoryPoolStateStore, PoolCreationSpec, SandboxPoolManager, SandboxPoolSync
    from opensandbox.config import ConnectionConfigSync
    from opensandbox.exceptions import PoolDestroyedException, PoolEmptyException, PoolNotRunningException

    store, prepared = InMemoryPoolStateStore(), []
    config = ConnectionConfigSync()

    def make(**options):
        return SandboxPoolSync(pool_name="p", max_idle=2, state_store=store, connection_config=config, creation_spec=PoolCreationSpec(image="host"),
                               warmup_sandbox_preparer=lambda box: prepared.append(box.commands.run("touch /tmp/prepared").exit_code), **options)

    with make() as pool:
        until(lambda: pool.snapshot().idle_count == 2, "two idle sandboxes")
        box = pool.acquire(timedelta(minutes=5), AcquirePolicy.FAIL_FAST)
        assert box.commands.run("ls /tmp/prepared").exit_code == 0 and prepared[:2] == [0, 0]
        box.destroy()
        until(lambda: pool.snapshot().idle_count == 2, "the gap to be filled")
        pool.resize(0)
        until(lambda: pool.snapshot().idle_count == 0, "the surplus to go")
        with pytest.raises(PoolEmptyException):
            pool.acquire(policy=AcquirePolicy.FAIL_FAST)
        pool.acquire(policy=AcquirePolicy.DIRECT_CREATE).destroy()
        pool.resize(1)
        until(lambda: pool.snapshot().idle_count == 1, "one idle sandbox")
    with pytest.raises(PoolNotRunningException):
        pool.acquire()
    result = SandboxPoolManager(state_store=store).destroy("p")
    assert (result.drained_idle_count, result.killed_idle_count) == (1, 1)
    with pytest.raises(PoolDestroyedException):
        make().start()
    with pytest.warns(DeprecationWarning, match="reconcile_interval"):
        make(reconcile_interval=timedelta(seconds=30))


def test_an_idle_sandbox_that_died_is_replaced(server):
    from opensandbox import AcquirePolicy, InMemoryAsyncPoolStateStore, PoolCreationSpec, SandboxManager, SandboxPoolAsync
    from opensandbox.config import ConnectionConfig
    from opensandbox.exceptions import PoolAcquireFailedException

    async def main():
        store = InMemoryAsyncPoolStateStore()
        async with SandboxPoolAsync(pool_name="q", max_idle=1, state_store=store, connection_config=ConnectionConfig(),
                                    creation_spec=PoolCreationSpec(image="host")) as pool:
            for policy in (AcquirePolicy.FAIL_FAST, AcquirePolicy.RETRY_NEXT_IDLE_THEN_CREATE):
                while not (entries := await pool.snapshot_idle_entries()):
                    await asyncio.sleep(0.05)
                async with await SandboxManager.create() as manager:
                    await manager.kill_sandbox(entries[0].sandbox_id)
                if policy is AcquirePolicy.FAIL_FAST:
                    with pytest.raises(PoolAcquireFailedException):
                        await pool.acquire(policy=policy)
                else:
                    box = await pool.acquire(policy=policy)
                    assert (await box.commands.run("true")).exit_code == 0
                    await box.destroy()
            await pool.resize(0)
            await pool.release_all_idle_parallel()
            await asyncio.sleep(0.2)

    asyncio.run(main())


def test_many_commands_at_a_time_from_one_process(server):
    from opensandbox import Sandbox

    async def main():
        async with await Sandbox.create("host") as box:
            runs = await asyncio.gather(*(box.commands.run(f"echo {i}") for i in range(200)))
            assert [run.text for run in runs] == [str(i) for i in range(200)]
            await box.kill()

    asyncio.run(main())
