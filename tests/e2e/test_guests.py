"""Jupyter kernels as guests: languages that a sandbox has because a kernelspec is in it."""
import io
import json
import tarfile
import threading
from pathlib import Path

import pytest
from code_interpreter import CodeInterpreterSync
from opensandbox.exceptions import SandboxException
from opensandbox.models.execd_sync import ExecutionHandlersSync
from opensandbox.models.filesystem import WriteEntry
from support import machine
from support.machine import wait_for

GUESTS = Path(__file__).resolve().parents[2] / ".venv-guests"
PLACE = "/opt/guests"  # where a sandbox gets the packages
NEEDLESS = ("debugpy", "deno", "pip", "setuptools", "pkg_resources", "xpython", "__pycache__")
pytestmark = pytest.mark.skipif(not GUESTS.exists(), reason=f"{GUESTS} with Jupyter kernels is missing (./dev test makes it)")


@pytest.fixture(scope="session")
def python():
    """The Python that the kernels were installed for, as sandboxes of the host image see it."""
    path = (GUESTS / "bin/python").resolve()
    if not path.is_relative_to("/usr"):
        pytest.skip(f"{path} is not in sandboxes of the host image")
    return str(path)


@pytest.fixture(scope="session")
def packages():
    """ipykernel and bash_kernel with what they need, as an archive: the repository is not in sandboxes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for site in GUESTS.glob("lib/python3*/site-packages"):
            tar.add(site, ".", filter=lambda entry: None if Path(entry.name).name in NEEDLESS else entry)
    return archive.getvalue()


@pytest.fixture
def install(client, packages, python):
    """install(language, module): puts a kernelspec where a user would, while the sandbox runs."""
    client.files.write_files([WriteEntry(path=PLACE + ".tar", data=packages)])
    run = client.commands.run(f"mkdir -p {PLACE} && tar -xf {PLACE}.tar -C {PLACE}")
    assert run.error is None, run.error

    def put(language, module):
        spec = {"argv": [python, "-m", module, "-f", "{connection_file}"], "display_name": language,
                "language": language.title(), "env": {"PYTHONPATH": PLACE}}
        place = f"$HOME/.local/share/jupyter/kernels/my-{language}"
        run = client.commands.run(f"mkdir -p {place} && cat > {place}/kernel.json <<'END'\n{json.dumps(spec)}\nEND")
        assert run.error is None, run.error

    return put


@pytest.fixture
def codes(client):
    return CodeInterpreterSync.create(sandbox=client).codes


def text(messages):
    return "".join(m.text for m in messages)


def test_ipykernel(codes, install):
    install("python-guest", "ipykernel_launcher")
    context = codes.create_context("python-guest")
    assert context.language == "python-guest"
    run = codes.run("print('out'); x = 20\nx + 1", context=context)
    assert run.error is None and run.result[0].text == "21" and text(run.logs.stdout) == "out\n"
    error = codes.run("1 / 0", context=context).error
    assert error.name == "ZeroDivisionError" and error.value == "division by zero" and error.traceback
    started, ids, runs = threading.Event(), [], []
    handlers = ExecutionHandlersSync(on_init=lambda i: ids.append(i.id), on_stdout=lambda m: started.set())
    thread = threading.Thread(target=lambda: runs.append(
        codes.run("import time\nprint('on', flush=True)\ntime.sleep(100)", context=context, handlers=handlers)))
    thread.start()
    assert started.wait(60)
    codes.interrupt(ids[0])
    thread.join(60)
    assert runs and runs[0].error.name == "KeyboardInterrupt", runs
    assert codes.run("x", context=context).result[0].text == "20"
    assert codes.run("'x' in dir()", language="my-python-guest").result[0].text == "False", "the default context, by the kernelspec's name"


def test_bash_kernel(codes, install):
    install("bash-guest", "bash_kernel")
    context = codes.create_context("bash-guest")
    assert text(codes.run("x=5; echo $x", context=context).logs.stdout) == "5\n"
    assert codes.run("(exit 3)", context=context).error.value == "3"
    assert text(codes.run("echo $((x + 1))", context=context).logs.stdout) == "6\n"


def test_a_refusal_lists_what_is_there(codes, install):
    install("bash-guest", "bash_kernel")
    with pytest.raises(SandboxException, match="bash-guest.*python"):
        codes.create_context("klingon")


def test_deleted_guests_leave_nothing(server, client, codes, install):
    install("python-guest", "ipykernel_launcher")
    count = len(machine.processes_of(client.id))
    context = codes.create_context("python-guest")
    codes.run("import subprocess; p = subprocess.Popen(['sleep', '1000'])", context=context)
    assert len(machine.processes_of(client.id)) >= count + 2
    codes.delete_context(context.id)
    wait_for(lambda: len(machine.processes_of(client.id)) <= count, "the kernel's end")
    assert "osb_kernel" not in text(client.commands.run("ls /tmp").logs.stdout)
