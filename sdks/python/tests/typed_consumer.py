# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""A user's program for type checkers in strict mode; nothing runs it. What people write most has full types without a cast, and the
types are the right ones; mistakes are found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
from code_interpreter import CodeContext, CodeInterpreter, CodeInterpreterSync, SupportedLanguage
from opensandbox import InMemoryAsyncPoolStateStore, PoolCreationSpec, Sandbox, SandboxManager, SandboxPoolAsync, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException, SandboxError, SandboxException
from opensandbox.models import (
    ContentReplaceResult,
    EntryInfo,
    Execution,
    ExecutionComplete,
    ExecutionError,
    ExecutionHandlers,
    ExecutionHandlersSync,
    ExecutionInit,
    ExecutionResult,
    NetworkPolicy,
    NetworkRule,
    OutputMessage,
    RunCommandOpts,
    SandboxEndpoint,
    SandboxFilter,
    SandboxImageAuth,
    SandboxImageSpec,
    SandboxInfo,
    SandboxMetrics,
    SearchEntry,
    SnapshotInfo,
    WriteEntry,
)
from opensandbox.transport import RetryEvent, RetryPolicy
from typing_extensions import assert_type


def told(event: RetryEvent) -> None:
    print(event.cause.value, event.backoff.total_seconds(), event.status_code)


def config() -> ConnectionConfig:
    made = ConnectionConfig(
        domain="localhost:8080", api_key="k", request_timeout=timedelta(seconds=5), headers={"X-Team": "a"},
        retry_policy=RetryPolicy(max_retries=1, on_retry=told), transport=httpx.AsyncHTTPTransport())
    assert_type(made.api_key, "str | None")
    assert_type(made.get_base_url(), str)
    assert_type(made.transport, "httpx.AsyncBaseTransport | None")
    return made


async def healthy(sandbox: Sandbox) -> bool:
    return assert_type(await sandbox.is_healthy(), bool)


async def on_output(message: OutputMessage) -> None:
    print(message.text, message.timestamp, message.is_error)


async def on_error(error: ExecutionError) -> None:
    print(error.name, error.value, *error.traceback)


async def on_init(init: ExecutionInit) -> None:
    print(init.id)


async def commands(sandbox: Sandbox) -> None:
    handlers = ExecutionHandlers(on_stdout=on_output, on_stderr=on_output, on_error=on_error, on_init=on_init)
    opts = RunCommandOpts(working_directory="/tmp", timeout=timedelta(seconds=5), envs={"A": "b"}, uid=1000)
    run = assert_type(await sandbox.commands.run("ls", opts=opts, handlers=handlers), Execution)
    assert_type(run.exit_code, "int | None")
    assert_type(run.text, str)
    assert_type(run.logs.stdout, "list[OutputMessage]")
    assert_type(run.result, "list[ExecutionResult]")
    assert_type(run.error, "ExecutionError | None")
    assert_type(run.complete, "ExecutionComplete | None")
    await sandbox.commands.run(["printf", "%s", "x"])
    session = assert_type(await sandbox.commands.create_session(), str)
    await sandbox.commands.run_in_session(session, "cd /")
    logs = await sandbox.commands.get_background_command_logs(run.id or "")
    assert_type(logs.cursor, "int | None")


async def files(sandbox: Sandbox) -> None:
    await sandbox.files.write_files([WriteEntry(path="/a", data=b"x", mode=0o644)])
    with Path("/dev/null").open("rb") as source:
        await sandbox.files.write_file("/b", source)
    assert_type(await sandbox.files.read_file("/a"), str)
    assert_type(await sandbox.files.read_bytes("/a"), bytes)
    pieces = assert_type(await sandbox.files.read_bytes_stream("/a"), "AsyncIterator[bytes]")
    async for piece in pieces:
        assert_type(piece, bytes)
    assert_type(await sandbox.files.search(SearchEntry(path="/", pattern="*")), "list[EntryInfo]")
    assert_type(await sandbox.files.get_file_info(["/a"]), "dict[str, EntryInfo]")
    assert_type(await sandbox.files.replace_contents_detailed([]), "list[ContentReplaceResult]")
    async with sandbox.files.watch("/tmp", recursive=True) as changes:
        async for change in changes:
            print(change.type, change.path)


async def look(sandbox: Sandbox) -> None:
    info = assert_type(await sandbox.get_info(), SandboxInfo)
    print(info.id, info.status.state, info.created_at.isoformat(), info.metadata)
    assert_type(await sandbox.get_endpoint(8080), SandboxEndpoint)
    assert_type(await sandbox.get_metrics(), SandboxMetrics)
    assert_type(await sandbox.create_snapshot("s"), SnapshotInfo)
    await sandbox.patch_egress_rules([NetworkRule(action="allow", target="example.org")])
    async with await sandbox.pty.open() as terminal:
        await terminal.write("ls\n")
        while output := await terminal.read():
            print(output)
        assert_type(await terminal.wait(), int)


async def code(sandbox: Sandbox) -> None:
    interpreter = assert_type(await CodeInterpreter.create(sandbox), CodeInterpreter)
    context = assert_type(await interpreter.codes.create_context(SupportedLanguage.PYTHON), CodeContext)
    run = assert_type(await interpreter.codes.run("1 + 1", context=context), Execution)
    print(run.result[0].text, run.execution_count)
    assert_type(await interpreter.codes.fork(context, count=2), "list[CodeContext]")


async def program() -> None:
    image = SandboxImageSpec(image="python:3.12", auth=SandboxImageAuth(username="u", password="p"))
    policy = NetworkPolicy(defaultAction="deny", egress=[NetworkRule(action="allow", target="*.example.org")])
    try:
        sandbox = await Sandbox.create(
            image, timeout=None, env={"A": "b"}, network_policy=policy, connection_config=config(), health_check=healthy)
        async with sandbox:
            assert_type(sandbox, Sandbox)
            assert_type(sandbox.id, str)
            for work in (commands, files, look, code):
                await work(sandbox)
            await sandbox.kill()
    except SandboxApiException as error:
        assert_type(error.status_code, "int | None")
        assert_type(error.request_id, "str | None")
        assert_type(error.error, SandboxError)
    except SandboxException as error:
        print(error.error.code, error.error.message)


async def many() -> None:
    async with await SandboxManager.create(config()) as manager:
        page = await manager.list_sandbox_infos(SandboxFilter(states=["Running"], metadata={"a": "b"}))
        assert_type(page.sandbox_infos, "list[SandboxInfo]")
        async for info in manager.iterate_sandbox_infos():
            assert_type(info, SandboxInfo)
    pool = SandboxPoolAsync(
        pool_name="p", max_idle=2, state_store=InMemoryAsyncPoolStateStore(), connection_config=config(),
        creation_spec=PoolCreationSpec(image="host"), warmup_health_check=healthy)
    async with pool:
        sandbox = assert_type(await pool.acquire(), Sandbox)
        await sandbox.kill()


def blocking() -> None:
    def show(message: OutputMessage) -> None:
        print(message.text)

    made = ConnectionConfigSync(domain="localhost:8080", transport=httpx.HTTPTransport())
    with SandboxSync.create("host", connection_config=made) as sandbox:
        assert_type(sandbox, SandboxSync)
        run = sandbox.commands.run("ls", handlers=ExecutionHandlersSync(on_stdout=show))
        assert_type(run, Execution)
        assert_type(sandbox.files.read_file("/a"), str)
        with sandbox.files.watch("/tmp") as changes:
            for change in changes:
                print(change.path)
        codes = CodeInterpreterSync.create(sandbox).codes
        assert_type(codes.run("1", language=SupportedLanguage.PYTHON), Execution)
        sandbox.kill()


def mistakes() -> None:
    """Checkers find them: a line that is ignored without need is an error."""
    from opensandbox import Nothing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
    from opensandbox.models import Nobody  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

    print(Nothing, Nobody)  # pyright: ignore[reportUnknownArgumentType]
    ConnectionConfig(domian="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ConnectionConfig(debug="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RunCommandOpts(timeout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
