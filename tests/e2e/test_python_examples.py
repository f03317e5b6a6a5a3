"""The programs of examples/python, with our packages."""
import os
import subprocess

import pytest
from support.server import REPOSITORY, clean_environment

FOLDER = REPOSITORY / "examples" / "python"
SOURCES = REPOSITORY / "sdks" / "python"
PYTHON = REPOSITORY / ".venv-sdk" / "bin" / "python"

# Input, and what has to be printed, piece by piece; a tuple: one of these.
PROGRAMS = {
    "languages": ("", ["users: 3\n", "error: NameError\n", "bash: 42\n", "javascript: '2,4,6'\n"]),
    "repl": ("a = 20\na + 1\nundefined\nprint('x')\nexit\n", [">>> >>> 21\n", "NameError: name 'undefined' is not defined\n", ">>> x\n"]),
    "packages": ("", [("installed: 42\n", "pip failed: ")]),
    "streaming": ("", [" s  1\n", "  2\n", "  3\n", "  end\n", "status: 0\n"]),
    "pools": ("", ["prepared: yes\n", "left: 0\n"]),
    "files": ("", ["mode: 640 size: 12\n", "now: hello sandbox\n", "found: ['/tmp/work/c.txt']\n", "bytes: 2000\n"]),
    "volumes": ("", [("listed: True\n", "refused: ")]),
    "health_check": ("", ["healthy: True\n"]),
}


def test_every_program_is_here():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(server, name):
    python = os.environ.get("OSB_SDK_PYTHON", str(PYTHON))
    if not os.path.exists(python):
        pytest.skip("the environment of the Python clients is missing; ./dev test makes it")
    given, wanted = PROGRAMS[name]
    path = f"{SOURCES}/opensandbox/src:{SOURCES}/code-interpreter/src"
    env = clean_environment(OPEN_SANDBOX_DOMAIN=server.address, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run([python, FOLDER / f"{name}.py"], input=given, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for piece in wanted:
        pieces = piece if isinstance(piece, tuple) else (piece,)
        assert any(each in done.stdout for each in pieces), done.stdout
