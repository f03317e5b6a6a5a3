"""The released clients with all they can do to commands, sessions and files: three Python generations, npm, Java.

Nothing of a client is changed or set to make it pass: what does not work is marked, with the reason, until it does."""
import subprocess
import sys

import pytest
from support.lifecycle import Lifecycle
from support.server import REPOSITORY, clean_environment
from test_rings import HERE, RINGS, node, run

sys.path.insert(0, str(REPOSITORY / "tests" / "conformance"))

from daemon import Daemon  # noqa: E402

JAVA = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{HERE}/java/target/classes:{HERE}/java/target/dependency/*", "Surface"]


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("ring", RINGS)
def test_python(server, ring, kind):
    run([RINGS[ring] / "bin" / "python", HERE / "flows" / "surface.py", kind], server)


def test_python_through_the_proxy(server):
    run([RINGS["new"] / "bin" / "python", HERE / "flows" / "surface.py", "async"], server, FLOW_PROXY="1")


@pytest.mark.parametrize("proxy", ["direct", "proxied"])
def test_npm(server, proxy):
    run([node(), HERE / "node" / "surface.mjs"], server, FLOW_PROXY="1" if proxy == "proxied" else "")


def test_java(own_server, tmp_path):
    """Client 1.0.0 reads no headers from the endpoint, so it cannot send a token: the operator has to switch it off."""
    config = tmp_path / "config.toml"
    config.write_text("[native]\naccess_token = false\n")
    run(JAVA, own_server(args=["--config", str(config)]))


def test_java_with_an_execd_that_asks_for_no_token():
    """The same program, all of it, where the token is out of the way: a stand-alone execd, and a stand-in for the server."""
    with Daemon(REPOSITORY / "build" / "execd", token="") as daemon, Lifecycle(daemon.address) as lifecycle:
        env = clean_environment(OPEN_SANDBOX_DOMAIN=lifecycle.address, FLOW_IMAGE="none")
        done = subprocess.run(JAVA, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and done.stdout.strip().endswith("flow ok"), f"{done.stdout}\n{done.stderr}\n{daemon.log()}"
