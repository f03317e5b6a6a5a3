"""Runs one code block of a document: `document_player.py async|sync|as-is`, the block on the input. The block stays as it is, apart from domain,
key and image (environment, `IMAGES`); blocks that are parts of a program find what the text before them has made. `sync` is the same block
with the names of the blocking client."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
INTERPRETER = "opensandbox/code-interpreter:v1.0.1"
IMAGES = (r'"[^"\s]*code-interpreter:[^"]*"', f'"{INTERPRETER}"'), (r'"(ubuntu|nginx:latest|python:3\.11)"', '"host"')
PLACES = (r'"api\.opensandbox\.io"', repr(os.environ.get("OPEN_SANDBOX_DOMAIN", ""))),


def here(block):
    for pattern, instead in (*IMAGES, *PLACES):
        block = re.sub(pattern, instead, block)
    return block


def blocking(block):
    """With the words of tools/unasync.py."""
    import unasync

    text = unasync.handlers(unasync.to_sync(block, "opensandbox"))
    for old, new in (("asyncio.run(main())", "main()"), ("from opensandbox.sandbox import", "from opensandbox import"),
                     ("asyncio.sleep", "__import__('time').sleep")):
        text = text.replace(old, new)
    return text


async def play(block, sync):
    import code_interpreter
    import opensandbox
    import opensandbox.config as config

    ending = "Sync" if sync else ""
    names = {"__name__": "__main__"}
    for package, name in ((opensandbox, "Sandbox"), (opensandbox, "SandboxManager"), (config, "ConnectionConfig"), (code_interpreter, "CodeInterpreter")):
        names[name + ending] = getattr(package, name + ending)
    names["config"] = names["ConnectionConfig" + ending]()
    if re.search(r"\b(sandbox|interpreter)\.", block):
        sandbox = await done(names["Sandbox" + ending].create(INTERPRETER, entrypoint=["/opt/opensandbox/code-interpreter.sh"]))
        names |= {"sandbox": sandbox}
    if "interpreter." in block:
        names["interpreter"] = await done(names["CodeInterpreter" + ending].create(sandbox))
    code = compile(block, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    work = eval(code, names)
    if inspect.iscoroutine(work):
        await work


async def done(value):
    return await value if inspect.isawaitable(value) else value


def main():
    kind, block = sys.argv[1], here(sys.stdin.read())
    if kind == "sync":
        block = blocking(block)
    if "asyncio.run(" in block:
        exec(compile(block, "block", "exec"), {"__name__": "__main__"})
    else:
        asyncio.run(play(block, kind == "sync" or "Sync.create" in block))
    print("\nblock done")


main()
