"""Sandboxes that are ready before anyone asks. Several processes share them when the store is Redis: see `opensandbox.pool_redis`."""

import time

from opensandbox import InMemoryPoolStateStore, PoolCreationSpec, SandboxPoolSync
from opensandbox.config import ConnectionConfigSync

with SandboxPoolSync(
    pool_name="example",
    max_idle=2,
    state_store=InMemoryPoolStateStore(),
    connection_config=ConnectionConfigSync(),
    creation_spec=PoolCreationSpec(image="host"),
    warmup_sandbox_preparer=lambda sandbox: sandbox.files.write_file("/tmp/prepared", "yes"),
) as pool:
    while pool.snapshot().idle_count < 2:
        time.sleep(0.05)
    sandbox = pool.acquire()
    print("prepared:", sandbox.files.read_file("/tmp/prepared"))
    sandbox.destroy()
    pool.resize(0)
    pool.release_all_idle()
    print("left:", pool.snapshot().idle_count)
