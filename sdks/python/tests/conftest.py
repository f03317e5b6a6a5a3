"""One server for all tests that need one, and sandboxes in it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))
for name in [name for name in os.environ if name.upper().startswith(("OPEN_SANDBOX", "OPENSANDBOX"))]:
    del os.environ[name]
os.environ["OPENSANDBOX_DISABLE_METRICS"] = "1"


@pytest.fixture(scope="session")
def server() -> Iterator[object]:
    """A server of our own; skipped where it is not built or may not be started."""
    from support.server import PROGRAM, Server

    if not PROGRAM.exists():
        pytest.skip("build/opensandbox is missing; ./dev build makes it")
    if os.geteuid() != 0:
        pytest.skip("a server needs root")
    server = Server().start()
    os.environ["OPEN_SANDBOX_DOMAIN"] = server.address
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """The documents' samples leave sandboxes behind, as users do. A test that lists them must see none but its own."""
    server = request.getfixturevalue("server") if "server" in request.fixturenames else None
    yield
    while server and (left := server.list()):
        for sandbox in left:
            server.delete(sandbox["id"])
        time.sleep(0.05)


@pytest.fixture()
def sandbox_sync(server):
    from opensandbox import SandboxSync

    sandbox = SandboxSync.create("host")
    yield sandbox
    try:
        sandbox.kill()
    finally:
        sandbox.close()


def run(work):
    """Run a coroutine to its end."""
    return asyncio.run(work)
