"""Output as it comes: the reader waits for slow handlers, and so does the command."""

import asyncio
import time

from opensandbox import Sandbox
from opensandbox.models.execd import ExecutionHandlers


async def main() -> None:
    begun = time.monotonic()

    async def show(message) -> None:
        print(f"{time.monotonic() - begun:4.1f} s  {message.text}", end="")

    async with await Sandbox.create("host") as sandbox:
        begun = time.monotonic()
        handlers = ExecutionHandlers(on_stdout=show, on_stderr=show)
        run = await sandbox.commands.run("for i in 1 2 3; do echo $i; sleep 0.2; done; echo end >&2", handlers=handlers)
        print("status:", run.exit_code)
        await sandbox.kill()


asyncio.run(main())
