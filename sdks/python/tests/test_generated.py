"""The blocking client is what the async one makes of it, and importing costs little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_the_blocking_client_is_up_to_date():
    done = subprocess.run([sys.executable, HERE.parent / "tools" / "unasync.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + "run sdks/python/tools/unasync.py"


def test_the_reference_is_up_to_date_and_nothing_lacks_a_docstring():
    done = subprocess.run([sys.executable, HERE.parent / "tools" / "reference.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_loads_little():
    assert not {"pydantic", "httpx", "asyncio"} & modules_after("import opensandbox")
    loaded = modules_after("from opensandbox import Sandbox; from opensandbox.config import ConnectionConfig; ConnectionConfig()")
    assert not {"httpx", "httpcore", "opensandbox.models.sandboxes", "opensandbox.models.isolated", "opensandbox.pool"} & loaded
    loaded = modules_after("from opensandbox import SandboxSync; from opensandbox.config import ConnectionConfigSync; ConnectionConfigSync()")
    assert not {"httpx", "asyncio", "ssl"} & loaded


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_short_program_builds_no_validator(server, kind):
    """The first validator of a process makes pydantic look for plugins in all installed distributions."""
    code = f"""
import asyncio, sys
from datetime import timedelta
from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
options = dict(domain={server.address!r}, api_key="key", protocol="http", request_timeout=timedelta(seconds=20), debug=False)
command = "echo out; echo err >&2; exit 3"

async def main():
    async with await Sandbox.create("host", connection_config=ConnectionConfig(**options)) as box:
        run = await box.commands.run(command)
        await box.kill()
        return run

def main_sync():
    with SandboxSync.create("host", connection_config=ConnectionConfigSync(**options)) as box:
        run = box.commands.run(command)
        box.kill()
        return run

run = asyncio.run(main()) if {kind!r} == "async" else main_sync()
assert (run.text, run.logs.stderr[0].text, run.exit_code) == ("out", "err\\n", 3), run
assert not [name for name in sys.modules if name in ("httpx", "pydantic.plugin._loader")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_plain_http_makes_no_tls_context():
    code = """
import ssl
def refuse(*args, **options):
    raise AssertionError("a TLS context was made")
ssl.create_default_context = ssl.SSLContext.__new__ = refuse
from opensandbox import SandboxManagerSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import SandboxConnectionException
from opensandbox.transport.retry import RetryPolicy
from opensandbox.models.sandboxes import SandboxFilter
with SandboxManagerSync.create(ConnectionConfigSync(domain="127.0.0.1:1", retry_policy=RetryPolicy.disabled())) as manager:
    try:
        manager.list_sandbox_infos(SandboxFilter())
    except SandboxConnectionException as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "http://127.0.0.1:1 cannot be reached" in done.stdout, done.stderr
