"""The code blocks of the documents that the user gave run with our packages as they stand there, with both clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

FOLDER = Path(os.environ.get("OSB_CONTRACT", REPOSITORY / "no-documents"))
WANTED = {"000": 8, "002": 9, "004": 1}  # blocks with marks around them; 001 is a page without, test_documents has what it shows
# What the block's text or comments say is printed; every other block only has to end well.
PRINTS = {
    "000-1": "4\n", "000-2": "4\n", "000-5": "Sum: 30", "000-7": "STDOUT: 4", "002-1": "Hello Sandbox!\n", "002-2": "Hello Sandbox!\n",
    "002-3": "State: Running\n", "002-5": "STDOUT: Count 5", "002-6": "Content: Hello World\nFound: /tmp/hello.txt\n", "004-1": "Content: Hello World\n",
}  # fmt: skip


def blocks():
    for path in sorted(FOLDER.glob("00[024]_*.txt")):
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.S), 1):
            name = f"{path.name[:3]}-{number}"
            for kind in ("as-is",) if "Sync" in block else ("async", "sync"):
                yield pytest.param(kind, name, block, id=f"{name}-{kind}")


BLOCKS = list(blocks())
documents = pytest.mark.skipif(not BLOCKS, reason="OSB_CONTRACT does not name a folder with the contract documents; test_documents runs their code")


@documents
def test_all_blocks_are_found():
    found = {param.values[1] for param in BLOCKS}
    assert {name: sum(each.startswith(name) for each in found) for name in WANTED} == WANTED


@documents
@pytest.mark.parametrize("kind, name, block", BLOCKS)
def test_block(server, kind, name, block):
    player = Path(__file__).with_name("document_player.py")
    env = {**os.environ, "OPEN_SANDBOX_DOMAIN": server.address}
    done = subprocess.run([sys.executable, player, kind], input=block, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("block done\n"), done.stdout + done.stderr
    assert "Error:" not in done.stdout and PRINTS.get(name, "") in done.stdout, done.stdout
