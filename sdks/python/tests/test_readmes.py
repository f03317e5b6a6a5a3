"""Every Python block of the READMEs runs as it stands, and the Chinese page of a package says what the English one says."""

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


def told(text):
    """What a translation keeps: blocks, names in code, places that are linked, rows and paragraphs."""
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    links = {link for link in re.findall(r"\]\(([^)]*)\)", prose) if not link.startswith("README")}
    return {
        "blocks": re.findall(r"```\w*\n.*?```", text, re.S),
        "names": sorted(set(re.findall(r"`([^`]+)`", prose))),
        "links": sorted(links),
        "rows": [len(line.split("|")) for line in prose.splitlines() if line.startswith("|")],
        "headings": re.findall(r"^#+", prose, re.M),
        "paragraphs": len([part for part in re.split(r"\n{2,}", prose) if part.strip()]),
    }


@pytest.mark.parametrize("english", sorted(HERE.glob("*/README.md")), ids=lambda path: path.parent.name)
def test_the_chinese_page_says_the_same(english):
    chinese = english.with_name("README_zh.md")
    assert "(README_zh.md)" in english.read_text() and "(README.md)" in chinese.read_text()
    assert told(chinese.read_text()) == told(english.read_text())
