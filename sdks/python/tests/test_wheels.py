"""The wheels build, install into an empty environment with what they declare, and import there without any extra."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent

IMPORT_ALL = """
import importlib, pkgutil, sys
seen = 0
for name in ("opensandbox", "code_interpreter"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
        seen += 1
assert not {"redis", "opentelemetry"} & set(sys.modules), "an extra was imported"
from opensandbox.pool_redis import RedisPoolStateStore
try:
    RedisPoolStateStore(None)
except ImportError as error:
    print(seen, error)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Built from copies, so that nothing is left between the sources."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("opensandbox", "code-interpreter"):
        copy = folder / name
        run("cp", "-r", HERE / name, copy)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-w", folder, copy)
    return sorted(folder.glob("*.whl"))


def test_what_is_in_them(wheels):
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["opensandbox", "opensandbox_code_interpreter"]
    for wheel, package in zip(wheels, ("opensandbox", "code_interpreter")):
        names = zipfile.ZipFile(wheel).namelist()
        sources = {str(path.relative_to(path.parents[len(path.relative_to(HERE).parts) - 3]))
                   for folder in ("opensandbox", "code-interpreter") for path in (HERE / folder / "src" / package).rglob("*.py")}
        assert f"{package}/py.typed" in names and sources <= set(names) and wheel.name.endswith("-py3-none-any.whl")
        assert not [name for name in names if "test" in name.lower()]


def test_an_empty_environment(wheels, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wheels)
    told = run(python, "-c", IMPORT_ALL, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert int(told.split()[0]) > 80 and "No module named 'redis'" in told
    run(python, "-m", "pip", "check", "--disable-pip-version-check")
