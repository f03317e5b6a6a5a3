"""The conformance suite (tests/conformance) against a stand-alone execd and against one in a sandbox of our server."""
import sys

import pytest
from support.server import REPOSITORY
from test_images import image, rootfs

sys.path.insert(0, str(REPOSITORY / "tests" / "conformance"))

from daemon import Daemon  # noqa: E402
from run import CASES, Target, files, load, run_file  # noqa: E402

PROGRAM = REPOSITORY / "build" / "execd"
TOKEN_HEADER = "X-EXECD-ACCESS-TOKEN"
EVERYWHERE = [path for path in files() if "daemon" not in load(path)]  # the others start a daemon of their own


BASH = [path for path in EVERYWHERE if path.stem != "no-bash"]  # the host image has it


def check(results):
    wrong = [str(result) for result in results if result.outcome not in ("passed", "gap")]
    assert results and not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def stand_alone():
    with Daemon(PROGRAM) as daemon:
        yield Target(daemon.address, daemon.token)


@pytest.mark.parametrize("path", [path for path in files() if path.stem != "no-bash"], ids=lambda path: path.stem)
def test_stand_alone(stand_alone, path):
    check(run_file(path, stand_alone, PROGRAM))


def target_of(execd):
    return Target(execd.address, execd.headers.get(TOKEN_HEADER, ""))


@pytest.mark.parametrize("path", BASH, ids=lambda path: path.stem)
def test_in_a_sandbox(execd, path):
    check(run_file(path, target_of(execd)))


def test_in_an_image_without_bash(server, tmp_path):
    image(server, "import", "nobash", str(rootfs(tmp_path / "nobash.tar")))
    sandbox = server.create(image={"uri": "nobash"})["id"]
    check(run_file(CASES / "no-bash.json", target_of(server.execd(sandbox))))
    assert server.delete(sandbox) == 204
    image(server, "remove", "nobash")


def test_known_gaps_are_told():
    """So that nobody takes a green run for the whole truth: the marks are few, and each has its reason."""
    gaps = [(path.stem, case["name"], case["gap"]) for path in files() for case in load(path)["cases"] if "gap" in case]
    if gaps:
        pytest.xfail("; ".join(f"{area}: {name}: {why}" for area, name, why in gaps))
