"""The sandbox client's guide: renew, pause, resume, health check of one's own, streaming, files, manager."""
import asyncio
import os
from datetime import timedelta

from opensandbox.config import ConnectionConfig
from opensandbox.exceptions import SandboxException
from opensandbox.manager import SandboxManager
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.models.filesystem import SearchEntry, WriteEntry
from opensandbox.models.sandboxes import SandboxFilter
from opensandbox.sandbox import Sandbox


async def main():
    config = ConnectionConfig(api_key="your-key", headers={"X-Custom-Header": "value"})
    checked = []

    async def health_check(candidate):
        checked.append((await candidate.get_endpoint(80)).endpoint)
        return True

    sandbox = await Sandbox.create(
        os.environ["FLOW_IMAGE"],
        connection_config=config,
        timeout=timedelta(minutes=30),
        resource={"cpu": "2", "memory": "4Gi"},
        env={"PYTHONPATH": "/app"},
        metadata={"project": "demo"},
        health_check=health_check,
    )
    assert checked and checked[0].endswith(":80"), checked
    async with sandbox:
        assert (await sandbox.get_info()).metadata == {"project": "demo"}
        before = (await sandbox.get_info()).expires_at
        assert (await sandbox.renew(timedelta(minutes=50))).expires_at > before

        await sandbox.pause()
        assert (await sandbox.get_info()).status.state == "Paused"
        sandbox = await Sandbox.resume(sandbox_id=sandbox.id, connection_config=config)
        assert (await sandbox.get_info()).status.state == "Running"

        lines, completed = [], []

        async def on_stdout(message):
            lines.append(message.text.rstrip("\n"))

        async def on_complete(complete):
            completed.append(complete.execution_time_in_millis)

        await sandbox.commands.run(
            'for i in 1 2 3 4 5; do echo "Count $i"; sleep 0.05; done; echo $PYTHONPATH',
            handlers=ExecutionHandlers(on_stdout=on_stdout, on_execution_complete=on_complete),
        )
        assert lines == [f"Count {i}" for i in range(1, 6)] + ["/app"], lines
        assert len(completed) == 1

        await sandbox.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello World", mode=0o644)])
        assert await sandbox.files.read_file("/tmp/hello.txt") == "Hello World"
        found = await sandbox.files.search(SearchEntry(path="/tmp", pattern="*.txt"))
        assert "/tmp/hello.txt" in [f.path for f in found]
        await sandbox.files.delete_files(["/tmp/hello.txt"])
        try:
            await sandbox.files.read_file("/tmp/hello.txt")
            raise AssertionError("the file was deleted")
        except SandboxException:
            pass

    async with await SandboxManager.create(connection_config=config) as manager:
        page = await manager.list_sandbox_infos(SandboxFilter(states=["RUNNING"], page_size=10))
        assert [i.id for i in page.sandbox_infos] == [sandbox.id]
        for info in page.sandbox_infos:
            await manager.kill_sandbox(info.id)
        page = await manager.list_sandbox_infos(SandboxFilter(states=["RUNNING"], page_size=10))
        assert not page.sandbox_infos

    try:
        await Sandbox.create("no-such-image", connection_config=config)
        raise AssertionError("an unknown image was accepted")
    except SandboxException as error:
        assert error.error.code and "host" in error.error.message, error.error
    await config.close_transport_if_owned()
    print("flow ok")


asyncio.run(main())
