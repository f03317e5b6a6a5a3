"""What the documents of the SDKs show, block by block, with both clients. One text serves both: `done` awaits what has to be awaited."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

IMAGE = "opensandbox/code-interpreter:v1.0.1"
ENTRYPOINT = ["/opt/opensandbox/code-interpreter.sh"]
VERSIONS = {"PYTHON_VERSION": "3.11", "JAVA_VERSION": "17", "NODE_VERSION": "20", "GO_VERSION": "1.24"}


async def done(value):
    return await value if inspect.isawaitable(value) else value


class Kind:
    """The names of one client."""

    def __init__(self, sync):
        self.sync = sync
        if sync:
            from code_interpreter import CodeInterpreterSync as CodeInterpreter
            from opensandbox import SandboxManagerSync as SandboxManager
            from opensandbox import SandboxSync as Sandbox
            from opensandbox.config import ConnectionConfigSync as ConnectionConfig
            from opensandbox.models.execd_sync import ExecutionHandlersSync as ExecutionHandlers
        else:
            from code_interpreter import CodeInterpreter
            from opensandbox.config import ConnectionConfig
            from opensandbox.models.execd import ExecutionHandlers
            from opensandbox.sandbox import Sandbox, SandboxManager
        self.Sandbox, self.SandboxManager, self.CodeInterpreter = Sandbox, SandboxManager, CodeInterpreter
        self.ConnectionConfig, self.ExecutionHandlers = ConnectionConfig, ExecutionHandlers

    def handler(self, function):
        if self.sync:
            return function

        async def later(value):
            return function(value)

        return later

    @asynccontextmanager
    async def sandbox(self, image="ubuntu", **options):
        box = await done(self.Sandbox.create(image, **options))
        try:
            if self.sync:
                with box:
                    yield box
            else:
                async with box:
                    yield box
        finally:
            again = await done(self.SandboxManager.create())
            try:
                await done(again.kill_sandbox(box.id))
            except Exception as error:
                assert getattr(error, "status_code", None) == 404, error
            await done(again.close())


@pytest.fixture(params=["async", "sync"])
def kind(request, server, tmp_path_factory):
    return Kind(request.param == "sync")


def play(work):
    asyncio.run(work)


@pytest.fixture()
def image():
    """The documents' `ubuntu`; the server of the tests has the machine's own."""
    return "host"


def test_quick_start_of_the_sandbox(kind, server, image):
    async def main():
        config = kind.ConnectionConfig(domain=server.address, api_key="your-api-key", request_timeout=timedelta(seconds=30))
        async with kind.sandbox(image, connection_config=config) as box:
            run = await done(box.commands.run("echo 'Hello Sandbox!'"))
            assert run.logs.stdout[0].text == "Hello Sandbox!\n"
            await done(box.kill())
    play(main())


def test_a_transport_of_the_user(kind, server, image):
    async def main():
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30.0)
        transport = httpx.HTTPTransport(limits=limits) if kind.sync else httpx.AsyncHTTPTransport(limits=limits)
        config = kind.ConnectionConfig(api_key="your-key", domain=server.address, headers={"X-Custom-Header": "value"}, transport=transport)
        async with kind.sandbox(image, connection_config=config) as box:
            assert (await done(box.commands.run("echo 'Hello Sandbox!'"))).text == "Hello Sandbox!"
            await done(box.files.write_file("/tmp/t", b"x" * 100_000))
            assert len(await done(box.files.read_bytes("/tmp/t"))) == 100_000
            await done(box.kill())
        await done(transport.close() if kind.sync else config.transport.aclose())
    play(main())


def test_errors_of_the_sandbox(kind, server):
    from opensandbox.exceptions import SandboxException

    async def main():
        with pytest.raises(SandboxException) as caught:
            await done(kind.Sandbox.create("no-such-image", connection_config=kind.ConnectionConfig(domain=server.address)))
        assert f"[{caught.value.error.code}] {caught.value.error.message}".startswith("[NATIVE::IMAGE_NOT_FOUND] ")
    play(main())


def test_lifecycle(kind, image):
    async def main():
        async with kind.sandbox(image) as box:
            config = box.connection_config
            await done(box.renew(timedelta(minutes=30)))
            await done(box.pause())
            assert (await done(box.get_info())).status.state == "Paused"
            awake = await done(kind.Sandbox.resume(sandbox_id=box.id, connection_config=config))
            assert (await done(awake.get_info())).status.state == "Running"
            await done(awake.close())
    play(main())


def test_custom_health_check(kind, image):
    async def main():
        seen = []

        async def check_async(box):
            seen.append((await box.get_endpoint(80)).endpoint)
            return len(seen) > 1

        def check(box):
            seen.append(box.get_endpoint(80).endpoint)
            return len(seen) > 1

        async with kind.sandbox(image, health_check=check if kind.sync else check_async) as box:
            assert len(seen) == 2 and await done(box.is_healthy())
    play(main())


def test_streamed_commands(kind, image):
    from opensandbox.models.execd import RunCommandOpts

    async def main():
        out, err, complete = [], [], []
        handlers = kind.ExecutionHandlers(
            on_stdout=kind.handler(lambda msg: out.append(msg.text)), on_stderr=kind.handler(lambda msg: err.append(msg.text)),
            on_execution_complete=kind.handler(lambda end: complete.append(end.execution_time_in_millis)))
        async with kind.sandbox(image) as box:
            run = await done(box.commands.run("for i in {1..5}; do echo \"Count $i\"; sleep 0.05; done; echo e >&2",
                                              opts=RunCommandOpts(working_directory="/tmp"), handlers=handlers))
        assert [text.strip() for text in out] == [f"Count {i}" for i in range(1, 6)] and err == ["e\n"] and complete and run.exit_code == 0
    play(main())


def test_files(kind, image):
    from opensandbox.models.filesystem import SearchEntry, WriteEntry

    async def main():
        async with kind.sandbox(image) as box:
            for mode in (0o644, 644):
                await done(box.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello World", mode=mode)]))
                assert (await done(box.files.get_file_info(["/tmp/hello.txt"])))["/tmp/hello.txt"].mode == 644
            assert await done(box.files.read_file("/tmp/hello.txt")) == "Hello World"
            found = await done(box.files.search(SearchEntry(path="/tmp", pattern="*.txt")))
            assert [f.path for f in found] == ["/tmp/hello.txt"]
            await done(box.files.delete_files(["/tmp/hello.txt"]))
            assert await done(box.files.search(SearchEntry(path="/tmp", pattern="*.txt"))) == []
    play(main())


def test_the_manager(kind, image):
    from opensandbox.models.sandboxes import SandboxFilter

    async def main():
        config = kind.ConnectionConfig()
        async with kind.sandbox(image, metadata={"project": "documents"}) as box:
            wanted = SandboxFilter(states=["RUNNING"], metadata={"project": "documents"}, page_size=10)
            manager = await done(kind.SandboxManager.create(connection_config=config))
            found = await done(manager.list_sandbox_infos(wanted))
            assert [info.id for info in found.sandbox_infos] == [box.id] and found.pagination.total_items == 1
            for info in found.sandbox_infos:
                await done(manager.kill_sandbox(info.id))
            assert (await done(manager.list_sandbox_infos(wanted))).sandbox_infos == []
            await done(manager.close())
    play(main())


def test_settings_of_a_sandbox(kind, image):
    async def main():
        async with kind.sandbox(image, timeout=timedelta(minutes=30), resource={"cpu": "2", "memory": "4Gi"}, env={"PYTHONPATH": "/app"},
                                metadata={"project": "demo"}) as box:
            assert (await done(box.commands.run("echo $PYTHONPATH"))).text == "/app"
            info = await done(box.get_info())
            assert info.metadata == {"project": "demo"} and info.expires_at - info.created_at > timedelta(minutes=29)
    play(main())


def test_quick_start_of_the_platform(kind):
    from code_interpreter import SupportedLanguage
    from opensandbox.models import WriteEntry

    async def main():
        async with kind.sandbox("sandbox-registry.example.com/" + IMAGE, entrypoint=ENTRYPOINT, env={"PYTHON_VERSION": "3.11"},
                                timeout=timedelta(minutes=10)) as box:
            assert (await done(box.commands.run("echo 'Hello OpenSandbox!'"))).logs.stdout[0].text.rstrip("\n") == "Hello OpenSandbox!"
            await done(box.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello World", mode=644)]))
            assert await done(box.files.read_file("/tmp/hello.txt")) == "Hello World"
            interpreter = await done(kind.CodeInterpreter.create(box))
            code = """
                  import sys
                  print(sys.version)
                  result = 2 + 2
                  result
              """
            run = await done(interpreter.codes.run(code, language=SupportedLanguage.PYTHON))
            assert run.result[0].text == "4" and run.logs.stdout[0].text.startswith("3.")
    play(main())


def test_code(kind):
    """Contexts, default contexts, state, streams, isolation, errors, the loop of a prompt."""
    from code_interpreter import SupportedLanguage

    python = SupportedLanguage.PYTHON

    async def main():
        async with kind.sandbox(IMAGE, entrypoint=ENTRYPOINT, env=VERSIONS) as box:
            interpreter = await done(kind.CodeInterpreter.create(sandbox=box))
            codes = interpreter.codes
            context = await done(codes.create_context(python))
            run = await done(codes.run("import sys\nprint(sys.version)\nresult = 2 + 2\nresult", context=context))
            assert run.result[0].text == "4"
            assert (await done(codes.run("result = 2 + 2\nresult"))).result[0].text == "4"
            await done(codes.run("x = 42", language=python))
            assert (await done(codes.run("result = x\nresult", language=python))).result[0].text == "42"
            await done(codes.run("users = ['Alice', 'Bob', 'Charlie']\nprint(len(users))", context=context))
            run = await done(codes.run("users.append('Dave')\nprint(users)\nresult = users\nresult", context=context))
            assert run.result[0].text == "['Alice', 'Bob', 'Charlie', 'Dave']"
            heard = []
            handlers = kind.ExecutionHandlers(on_stdout=kind.handler(lambda msg: heard.append(msg.text)),
                                              on_stderr=kind.handler(lambda msg: heard.append(msg.text)))
            await done(codes.run("import time\nfor i in range(5):\n    print(i)\n    time.sleep(0.05)", context=context, handlers=handlers))
            assert "".join(heard).split() == ["0", "1", "2", "3", "4"]
            other = await done(codes.create_context(python))
            assert (await done(codes.run("users", context=other))).error.name == "NameError"
            assert (await done(codes.run("print(undefined_variable)", language=python))).error.name == "NameError"
            for code, wanted in (("a = 20", []), ("a + 1", ["21"])):  # a prompt
                assert [r.text for r in (await done(codes.run(code, context=context))).result] == wanted
            assert {c.id for c in await done(codes.list_contexts(python))} >= {context.id, other.id}
            assert (await done(codes.get_context(other.id))).language == python
            await done(codes.delete_context(other.id))
            await done(codes.delete_contexts(python))
            assert await done(codes.list_contexts(python)) == []
    play(main())


@pytest.mark.parametrize("language, code, printed", [
    ("JAVA", 'System.out.println("Calculating sum...");\nint a = 10;\nint b = 20;\nint sum = a + b;\nSystem.out.println("Sum: " + sum);\nsum',
     "Calculating sum...\nSum: 30\n"),
    ("GO", '''
        package main
        import "fmt"
        func main() {
            x := 10
            y := 20
            fmt.Printf("Sum: %d\\n", x+y)
        }
        ''', "Sum: 30\n"),
    ("TYPESCRIPT", """
        const greeting: string = "Hello from TypeScript!";
        console.log(greeting);
        const sum = (a: number, b: number): number => a + b;
        console.log(`Sum: ${sum(10, 20)}`);
        """, "Hello from TypeScript!\nSum: 30\n"),
    ("JAVASCRIPT", "console.log([1, 2, 3].map(x => x * 2).join())", "2,4,6\n"),
    ("BASH", "for i in 1 2; do echo $i; done", "1\n2\n"),
], ids=lambda value: value if isinstance(value, str) and value.isupper() else "")  # fmt: skip
def test_code_in_other_languages(kind, language, code, printed):
    from code_interpreter import SupportedLanguage

    async def main():
        async with kind.sandbox(IMAGE, entrypoint=ENTRYPOINT, env=VERSIONS) as box:
            codes = (await done(kind.CodeInterpreter.create(box))).codes
            context = await done(codes.create_context(getattr(SupportedLanguage, language)))
            run = await done(codes.run(code, context=context))
            assert run.error is None and "".join(msg.text for msg in run.logs.stdout) == printed
    play(main())


def test_packages_are_installed_from_code(kind, tmp_path):
    """As the page does it with pip; the package is one that we bring along, so that no network is needed."""
    from code_interpreter import SupportedLanguage

    async def main():
        async with kind.sandbox(IMAGE, entrypoint=ENTRYPOINT) as box:
            if (await done(box.commands.run("python3 -c 'import pip, setuptools'"))).exit_code != 0:
                pytest.skip("the machine's own Python has no pip")
            await done(box.files.write_file("/tmp/pkg/pyproject.toml", '[project]\nname = "tiny"\nversion = "1"\n'))
            await done(box.files.write_file("/tmp/pkg/tiny.py", "answer = 42\n"))
            codes = (await done(kind.CodeInterpreter.create(box))).codes
            context = await done(codes.create_context(SupportedLanguage.PYTHON))
            install = ("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', '--no-index', '--no-build-isolation',"
                       " '--target', '/tmp/site', '/tmp/pkg'], check=True)\nsys.path.insert(0, '/tmp/site')")
            run = await done(codes.run(install, context=context))
            assert run.error is None, run.error
            assert (await done(codes.run("import tiny\ntiny.answer", context=context))).text == "42"
    play(main())
