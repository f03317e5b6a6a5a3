"""One server for most tests, one sandbox per test, and after each test a look at what is left on the machine."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.server import PROGRAM, Server, clean_environment  # noqa: E402


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root: they make real sandboxes (use ./dev test as root or with sudo)", 3)
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing: run ./dev build first", 3)
    # The clients in this process must not see the caller's settings.
    os.environ.update(clean_environment())
    for name in list(os.environ):
        if name.upper().startswith(("OPEN_SANDBOX", "SANDBOX_")) or name == "OPENSANDBOX_SERVER_API_KEY":
            del os.environ[name]


@pytest.fixture(scope="session")
def shared_server():
    server = Server().start()
    try:
        yield server.learn_names()
    finally:
        server.stop()


@pytest.fixture
def server(shared_server):
    """The shared server; when the test is over no sandbox and nothing of one may be left."""
    yield shared_server
    for sandbox in shared_server.list():
        shared_server.delete(sandbox["id"])
    shared_server.assert_clean()


@pytest.fixture
def own_server():
    """Makes servers of the test's own: own_server(args=[...], env={...}); each is stopped and checked at the end."""
    servers = []

    def make(start=True, **options):
        server = Server(**options)
        servers.append(server)
        return server.start() if start else server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def sandbox(server):
    """A running sandbox of the host image, as the raw API shows it."""
    return server.create()


@pytest.fixture
def execd(server, sandbox):
    return server.execd(sandbox["id"])


@pytest.fixture
def config(server):
    from opensandbox.config import ConnectionConfigSync

    return ConnectionConfigSync(domain=server.address)


@pytest.fixture
def client(config):
    """A sandbox made by the newest released Python client (sync)."""
    from opensandbox import SandboxSync

    sandbox = SandboxSync.create("host", connection_config=config)
    with sandbox:
        yield sandbox
        try:
            sandbox.kill()
        except Exception:  # a test may have killed it
            pass
