"""The image code-interpreter, as ./dev image builds it: every language in every version that it has, with the released
client's names for the image and its entrypoints."""
import pathlib

import pytest
from support.wire import texts
from test_images import image
from test_rings import HERE, RINGS, run

ARCHIVE = pathlib.Path(__file__).parents[2] / "build" / "images" / "code-interpreter.tar"
NAME = "opensandbox/code-interpreter"

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="build/images/code-interpreter.tar is missing: ./dev image builds it")


@pytest.fixture(scope="module")
def imported(shared_server):
    image(shared_server, "import", f"{NAME}:latest", str(ARCHIVE), timeout=600)
    yield
    image(shared_server, "remove", f"{NAME}:latest")


@pytest.fixture
def interpreter(server, imported):
    return server


def sandbox(server, tag="latest", **body):
    body.setdefault("entrypoint", ["/opt/opensandbox/code-interpreter.sh"])
    return server.execd(server.create(image={"uri": f"{NAME}:{tag}"}, **body)["id"])


def result(execd, language, code):
    """The text of the result, or what was printed where there is none."""
    events = execd.events({"code": code, "context": {"language": language}}, path="/code")
    errors = [event["error"] for event in events if event["type"] == "error"]
    assert not errors, errors
    results = [event["results"]["text/plain"] for event in events if event["type"] == "result"]
    return results[-1] if results else texts(events)


@pytest.mark.parametrize("entrypoint", ["/opt/opensandbox/code-interpreter.sh", "/opt/code-interpreter/code-interpreter.sh"])
@pytest.mark.parametrize("tag", ["latest", "v1.0.2"])
def test_names_and_entrypoints_of_the_clients(interpreter, tag, entrypoint):
    execd = sandbox(interpreter, tag, entrypoint=[entrypoint])
    assert result(execd, "python", "6 * 7") == "42"


@pytest.mark.parametrize("flow", ["languages", "interpreter", "quickstart_async", "sandbox_guide"])
@pytest.mark.parametrize("ring", ["new", "old"])
def test_samples_of_the_documents(interpreter, ring, flow):
    run([RINGS[ring] / "bin" / "python", HERE / "flows" / f"{flow}.py"], interpreter, FLOW_IMAGE=f"{NAME}:latest", FLOW_INTERPRETER=f"{NAME}:v1.0.1")


def test_python(interpreter):
    execd = sandbox(interpreter)
    assert result(execd, "python", "import numpy, pandas, IPython\nint(numpy.arange(4).sum() + pandas.Series([1]).sum())") == "7"
    assert result(execd, "python", "import matplotlib\nmatplotlib.__version__").strip("'")[0].isdigit()
    assert "pip" in execd.run("pip --version && python --version")


@pytest.mark.parametrize("version", ["", "17"])
def test_java(interpreter, version):
    execd = sandbox(interpreter, env={"JAVA_VERSION": version} if version else {})
    assert result(execd, "java", 'System.getProperty("java.version").split("\\\\.")[0]') == "17"


@pytest.mark.parametrize("version, major", [("", "22"), ("20", "20"), ("22", "22")])
@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_node(interpreter, language, version, major):
    execd = sandbox(interpreter, env={"NODE_VERSION": version} if version else {})
    assert result(execd, language, "console.log(process.versions.node.split('.')[0])").strip() == major
    assert execd.run("node --version && npm --version")


@pytest.mark.parametrize("version, minor", [("", "go1.25"), ("1.24", "go1.24")])
def test_go(interpreter, version, minor):
    execd = sandbox(interpreter, env={"GO_VERSION": version} if version else {})
    program = 'package main\n\nimport (\n\t"fmt"\n\t"runtime"\n)\n\nfunc main() {\n\tfmt.Println(runtime.Version())\n}\n'
    assert result(execd, "go", program).startswith(minor)


def test_bash(interpreter):
    assert result(sandbox(interpreter), "bash", "x=4; echo $((x + 1))").strip() == "5"


def test_a_version_that_is_missing_is_said_with_what_is_there(interpreter):
    execd = sandbox(interpreter, env={"JAVA_VERSION": "21"})
    reply = execd.request("POST", "/code", {"code": "1", "context": {"language": "java"}})
    assert reply.status >= 400 and "JAVA_VERSION=21 is not in this image; it has 17." in reply.text
    assert execd.run("echo ok") == "ok\n"


def test_choosing_a_version_in_a_shell(interpreter):
    execd = sandbox(interpreter)
    for path in ("/opt/opensandbox", "/opt/code-interpreter"):
        assert "v20." in execd.run(f"bash -c 'source {path}/code-interpreter-env.sh node 20 && node --version'")
