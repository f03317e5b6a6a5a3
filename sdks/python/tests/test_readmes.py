"""Every Python block of the READMEs runs as it stands, in both languages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent


def blocks():
    for path in sorted(HERE.glob("*/README*.md")):
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.S)):
            yield pytest.param(block, id=f"{path.parent.name}-{path.stem}-{number}")


@pytest.mark.parametrize("block", list(blocks()))
def test_block(server, block):
    env = {**os.environ, "OPEN_SANDBOX_DOMAIN": server.address}
    done = subprocess.run([sys.executable, "-c", block], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("hello 3\ntext", "hello", "42")
