"""Files: write, look, search, replace, move, watch, remove."""

import asyncio

from opensandbox import Sandbox
from opensandbox.models.filesystem import ContentReplaceEntry, MoveEntry, SearchEntry, WriteEntry


async def main() -> None:
    async with await Sandbox.create("host") as sandbox:
        files = sandbox.files
        await files.write_files([
            WriteEntry(path="/tmp/work/a.txt", data="hello world\n", mode=640),
            WriteEntry(path="/tmp/work/b.bin", data=b"\x00\xff" * 1000),
        ])
        info = (await files.get_file_info(["/tmp/work/a.txt"]))["/tmp/work/a.txt"]
        print("mode:", info.mode, "size:", info.size)
        await files.replace_contents([ContentReplaceEntry(path="/tmp/work/a.txt", old_content="world", new_content="sandbox")])
        print("now:", (await files.read_file("/tmp/work/a.txt")).strip())
        await files.move_files([MoveEntry(source="/tmp/work/a.txt", destination="/tmp/work/c.txt")])
        print("found:", [entry.path for entry in await files.search(SearchEntry(path="/tmp/work", pattern="*.txt"))])
        print("bytes:", len(await files.read_bytes("/tmp/work/b.bin")))
        await files.delete_directories(["/tmp/work"])
        await sandbox.kill()


asyncio.run(main())
