"""Every call of the Python clients on commands, sessions and files, each with a look at what it did. `surface.py sync` uses the blocking client.

One text serves both clients and all generations: `done()` awaits what has to be awaited, and what a generation does not have is
left out by its version. Each part is a function; all that fail are told at the end."""
import asyncio
import inspect
import io
import os
import sys
import traceback
from datetime import timedelta

import opensandbox
from opensandbox.exceptions import InvalidArgumentException, SandboxApiException
from opensandbox.models import WriteEntry
from opensandbox.models.execd import ExecutionHandlers, RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync
from opensandbox.models.filesystem import (
    ContentReplaceEntry, DirectoryListEntry, MoveEntry, SearchEntry, SetPermissionEntry)

SYNC = sys.argv[1:] == ["sync"]  # or "async"
VERSION = tuple(int(part) for part in opensandbox.__version__.split(".")[:3])
LINE = "\n" if VERSION >= (1, 1, 1) else ""  # the end of a line in the text of an event


async def done(value):
    return await value if inspect.isawaitable(value) else value


def handlers(seen):
    """Handlers of the kind that the client wants; they note the events by name."""
    def note(name):
        def remember(event):
            seen.append((name, event))

        async def remember_later(event):
            remember(event)

        return remember if SYNC else remember_later

    names = ("stdout", "stderr", "init", "result", "error", "execution_complete")
    return (ExecutionHandlersSync if SYNC else ExecutionHandlers)(**{f"on_{name}": note(name) for name in names})


async def refused(call, status, code=None):
    try:
        await done(call())
    except SandboxApiException as error:
        assert error.status_code == status and (code is None or error.error.code == code), (error.status_code, error.error)
        return error
    raise AssertionError(f"status {status} was expected")


def texts(messages):
    return [message.text for message in messages]


async def until(condition, what):
    for _ in range(400):
        value = await condition()
        if value:
            return value
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited for {what}")


class Commands:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.commands = sandbox.commands

    async def run(self, command, seen=None, **options):
        given = {"handlers": handlers(seen)} if seen is not None else {}
        if options:
            given["opts"] = RunCommandOpts(**options)
        return await done(self.commands.run(command, **given))

    async def output_and_exit_codes(self):
        run = await self.run("echo out; echo; printf tail; echo err >&2")
        assert texts(run.logs.stdout) == ["out" + LINE, "\n", "tail"], run
        assert texts(run.logs.stderr) == ["err" + LINE], run
        assert run.exit_code == 0 and run.error is None and run.complete.execution_time_in_millis > 0 and len(run.id) == 32, run
        assert run.text.startswith("out\n") and run.text.endswith("tail"), run.text
        run = await self.run("echo before; exit 7")
        assert run.exit_code == 7 and run.complete is None, run
        assert (run.error.name, run.error.value, run.error.traceback) == ("CommandExecError", "7", ["exit status 7"]), run
        assert (await self.run("no-such-program")).exit_code == 127
        run = await self.run("kill -9 $$")
        assert run.exit_code == -1 and run.error.traceback == ["signal: killed"], run

    async def options(self):
        run = await self.run("pwd; echo $X; id -u; id -g", working_directory="/usr", envs={"X": "a b"}, uid=65534, gid=65533)
        assert run.text.split("\n") == ["/usr", "a b", "65534", "65533"], run
        run = await self.run("sleep 60", timeout=timedelta(milliseconds=300))
        assert run.error.value == "-1" and run.error.traceback == ["signal: killed"], run
        error = await refused(lambda: self.run("true", working_directory="/none"), 400)
        assert "/none" in str(error) or VERSION < (0, 1, 16), error

    async def events_as_they_come(self):
        seen = []
        run = await self.run("for i in 1 2 3; do echo $i; sleep 0.05; done; echo e >&2", seen)
        names = [name for name, _ in seen]
        assert names[0] == "init" and names[-1] == "execution_complete", names
        assert [e.text for name, e in seen if name == "stdout"] == [f"{i}{LINE}" for i in (1, 2, 3)], seen
        assert [e.text for name, e in seen if name == "stderr"] == ["e" + LINE], seen
        assert seen[0][1].id == run.id and all(e.timestamp for _, e in seen), seen
        stamps = [e.timestamp for _, e in seen if _ == "stdout"]
        assert stamps[-1] - stamps[0] >= 50, stamps
        seen = []
        await self.run("exit 2", seen)
        assert [name for name, _ in seen] == ["init", "error"] and seen[1][1].value == "2", seen

    async def texts_that_are_hard_to_carry(self):
        run = await self.run("printf 'a\\u2028b\\u0085c\\fd\\x1ce\\n'; echo 'Grüße, 世界 🎉'; printf '\\xff\\n'")
        assert run.text == "a\u2028b\u0085c\fd\x1ce\nGrüße, 世界 🎉\n\ufffd", run.text
        run = await self.run("seq 1 2000")
        assert run.text == "\n".join(str(i) for i in range(1, 2001)), len(run.text)
        long = await self.run("head -c 300000 /dev/zero | tr '\\0' x; echo")
        assert "".join(texts(long.logs.stdout)) == "x" * 300000 + LINE

    async def background(self):
        run = await self.run("echo out; echo err >&2; sleep 0.2; echo end; exit 4", background=True)
        assert run.id and run.exit_code is None and not run.logs.stdout, run
        status = await done(self.commands.get_command_status(run.id))
        assert status.running and status.id == run.id and status.content.startswith("echo out") and status.exit_code is None, status

        async def ended():
            state = await done(self.commands.get_command_status(run.id))
            return None if state.running else state

        status = await until(ended, "the end")
        assert status.exit_code == 4 and status.error == "exit status 4" and status.finished_at >= status.started_at, status
        logs = await done(self.commands.get_background_command_logs(run.id))
        assert (logs.content, logs.cursor) == ("out\nerr\nend\n", 12), logs
        logs = await done(self.commands.get_background_command_logs(run.id, cursor=8))
        assert (logs.content, logs.cursor) == ("end\n", 12), logs
        logs = await done(self.commands.get_background_command_logs(run.id, cursor=12))
        assert (logs.content, logs.cursor) == ("", 12), logs

    async def interrupts(self):
        run = await self.run("sleep 600", background=True)
        await done(self.commands.interrupt(run.id))
        status = await done(self.commands.get_command_status(run.id))
        assert not status.running and status.exit_code == -1, status
        seen = []
        if not SYNC:  # from a task beside it
            task = asyncio.create_task(self.run("echo on; sleep 600", seen))

            async def begun():
                return [e for name, e in seen if name == "stdout"]

            await until(begun, "the first line")
            await self.commands.interrupt(seen[0][1].id)
            run = await task
            assert run.exit_code == -1 and run.error.traceback == ["signal: terminated"], run
        await refused(lambda: self.commands.interrupt("none"), 404)

    async def unknown(self):
        await refused(lambda: self.commands.get_command_status("none"), 404, "INVALID_REQUEST_BODY")
        await refused(lambda: self.commands.get_background_command_logs("none"), 400, "INVALID_REQUEST_BODY")
        try:
            await self.run("  ")
            raise AssertionError("a blank command was accepted")
        except InvalidArgumentException:
            pass

    async def argv(self):
        if VERSION < (1, 1, 0):
            return
        run = await self.run(["printf", "%s|", "$HOME", "", "a b"])
        assert run.text == "$HOME||a b|" and run.exit_code == 0, run
        assert (await self.run(["sh", "-c", "exit 5"])).exit_code == 5

    async def set_env(self):
        if VERSION < (1, 1, 1):
            return
        for value in ("plain", "a $HOME b", "it's", "quote \" back \\ slash", "é"):
            await done(self.commands.set_env("SURFACE", value))
            run = await self.run('printf %s "$SURFACE"')
            assert run.text == value, (value, run.text)
        session = await done(self.commands.create_session())
        run = await done(self.commands.run_in_session(session, 'printf %s "$SURFACE"'))
        assert run.text == "é", run
        await done(self.commands.delete_session(session))


class Sessions(Commands):
    async def in_session(self, command, session, **options):
        return await done(self.commands.run_in_session(session, command, **options))

    async def state(self):
        session = await done(self.commands.create_session(working_directory="/tmp"))
        assert len(session) == 36, session
        seen = []
        run = await self.in_session("pwd; export A=1; b='x y'; f() { echo \"f $1\"; }; cd /usr", session, handlers=handlers(seen))
        assert run.text == "/tmp" and run.exit_code == 0 and run.id == session, run
        assert [name for name, _ in seen] == ["init", "stdout", "execution_complete"], seen
        run = await self.in_session("echo $A \"$b\"; f z; pwd; env | grep -c ^A=", session)
        assert run.text.split("\n") == ["1 x y", "f z", "/usr", "1"], run
        await done(self.commands.delete_session(session))

    async def ends_of_runs(self):
        session = await done(self.commands.create_session())
        run = await self.in_session("kept=1; echo e >&2; (exit 7)", session)
        assert run.exit_code == 7 and run.error.traceback == ["exit status 7"] and texts(run.logs.stderr) == ["e" + LINE], run
        run = await self.in_session("echo $kept; exit 9", session)
        assert run.exit_code == 9 and run.text == "1", run
        run = await self.in_session("pwd", session, working_directory="/etc")
        assert run.text == "/etc", run
        run = await self.in_session("echo on; sleep 60", session, timeout=timedelta(milliseconds=300))
        assert run.exit_code == -1 and run.error.name == "CommandExecError" and run.text == "on", run
        run = await self.in_session("echo $kept; pwd", session)
        assert run.text == "1\n/etc", run
        await done(self.commands.delete_session(session))

    async def several(self):
        first, second = [await done(self.commands.create_session()) for _ in range(2)]
        await self.in_session("x=1", first)
        assert (await self.in_session("echo ${x-none}", second)).text == "none"
        for session in (first, second):
            await done(self.commands.delete_session(session))

    async def deleted_and_unknown(self):
        session = await done(self.commands.create_session())
        await done(self.commands.delete_session(session))
        await refused(lambda: self.in_session("true", session), 404)
        if VERSION >= (1, 1, 1):  # older ones swallow it
            await refused(lambda: self.commands.delete_session(session), 404, "CONTEXT_NOT_FOUND")


class Files:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.files = sandbox.files
        self.directory = "/tmp/surface"

    def path(self, name):
        return f"{self.directory}/{name}"

    async def write(self, name, data, **options):
        await done(self.files.write_file(self.path(name), data, **options))

    async def read(self, name, **options):
        return await done(self.files.read_file(self.path(name), **options))

    async def info(self, name):
        return (await done(self.files.get_file_info([self.path(name)])))[self.path(name)]

    async def kinds_of_data(self):
        await self.write("text", "Grüße\r\n")
        assert await self.read("text") == "Grüße\r\n"
        await self.write("bytes", bytes(range(256)), mode=600)
        assert await done(self.files.read_bytes(self.path("bytes"))) == bytes(range(256))
        await self.write("stream", io.BytesIO(b"s" * 100_000))
        assert await done(self.files.read_bytes(self.path("stream"))) == b"s" * 100_000
        await self.write("empty", "")
        assert await self.read("empty") == ""
        if VERSION >= (0, 1, 12):  # older ones label the text, but send UTF-8
            await self.write("latin", "Grüße", encoding="latin-1")
            assert await done(self.files.read_bytes(self.path("latin"))) == "Grüße".encode("latin-1")
            assert await self.read("latin", encoding="latin-1") == "Grüße"
        await self.write("text", "short")
        assert await self.read("text") == "short"

    async def many_at_once(self):
        names = ["many/a", "many/deep/b", "many/it's \"odd\" & é.txt"]
        await done(self.files.write_files([WriteEntry(path=self.path(name), data=f"<{name}>", mode=640, owner="nobody", group="nogroup") for name in names]))
        for name in names:
            assert await self.read(name) == f"<{name}>"
            info = await self.info(name)
            assert (info.mode, info.owner, info.group, info.path) == (640, "nobody", "nogroup", self.path(name)), info

    async def ranges_and_lines(self):
        await self.write("lines", "one\ntwo\nthree\n")
        assert await self.read("lines", range_header="bytes=4-6") == "two"
        assert await done(self.files.read_bytes(self.path("lines"), range_header="bytes=-6")) == b"three\n"
        assert await self.read("lines", offset=2, limit=1) == "two"
        assert await done(self.files.read_bytes(self.path("lines"), offset=2)) == b"two\nthree"
        await refused(lambda: self.files.read_file(self.path("lines"), range_header="bytes=99-"), 416)

    async def streamed_download(self):
        content = os.urandom(1_000_000)
        await self.write("big", content)
        for options, wanted in (({}, content), ({"range_header": "bytes=10-99"}, content[10:100])):
            parts = await done(self.files.read_bytes_stream(self.path("big"), chunk_size=10_000, **options))
            read = list(parts) if SYNC else [part async for part in parts]
            assert b"".join(read) == wanted and (options or len(read) > 5), len(read)

    async def info_and_permissions(self):
        await self.write("f", "12345", mode=644)
        info = await self.info("f")
        assert (info.size, info.mode, info.owner, info.group, info.entry_type) == (5, 644, "root", "root", "file"), info
        assert info.modified_at.tzinfo and info.created_at.tzinfo, info
        await done(self.files.set_permissions([SetPermissionEntry(path=self.path("f"), mode=600, owner="nobody", group="nogroup")]))
        info = await self.info("f")
        assert (info.mode, info.owner, info.group) == (600, "nobody", "nogroup"), info
        await done(self.files.set_permissions([SetPermissionEntry(path=self.path("f"), mode=755)]))
        info = await self.info("f")
        assert (info.mode, info.owner) == (755, "nobody"), info
        await refused(lambda: self.files.get_file_info([self.path("none")]), 404, "FILE_NOT_FOUND")
        await refused(lambda: self.files.set_permissions([SetPermissionEntry(path=self.path("none"), mode=600)]), 404)

    async def directories(self):
        await done(self.files.create_directories([WriteEntry(path=self.path("d/sub"), mode=750), WriteEntry(path=self.path("d/other"))]))
        assert (await self.info("d/sub")).mode == 750 and (await self.info("d/other")).entry_type == "directory"
        for name in ("d/a.txt", "d/sub/b.txt", "d/sub/c.py"):
            await self.write(name, "x")
        listed = await done(self.files.list_directory(DirectoryListEntry(path=self.path("d"))))
        assert [(e.path, e.entry_type) for e in listed] == [(self.path("d/a.txt"), "file"), (self.path("d/other"), "directory"), (self.path("d/sub"), "directory")], listed
        assert len(await done(self.files.list_directory(DirectoryListEntry(path=self.path("d"), depth=2)))) == 5
        assert await done(self.files.list_directory(DirectoryListEntry(path=self.path("d"), depth=0))) == []
        found = await done(self.files.search(SearchEntry(path=self.path("d"), pattern="*.txt")))
        assert [e.path for e in found] == [self.path("d/a.txt"), self.path("d/sub/b.txt")] and found[0].size == 1, found
        assert await done(self.files.search(SearchEntry(path=self.path("d"), pattern="*.none"))) == []
        await done(self.files.delete_directories([self.path("d"), self.path("none")]))
        await refused(lambda: self.files.list_directory(DirectoryListEntry(path=self.path("d"))), 404, "FILE_NOT_FOUND")
        await refused(lambda: self.files.search(SearchEntry(path=self.path("d"), pattern="*")), 404, "FILE_NOT_FOUND")

    async def replace_move_delete(self):
        await self.write("r", "old old")
        await done(self.files.replace_contents([ContentReplaceEntry(path=self.path("r"), old_content="old", new_content="new")]))
        assert await self.read("r") == "new new"
        counted = await done(self.files.replace_contents_detailed([ContentReplaceEntry(path=self.path("r"), old_content="new", new_content="")]))
        assert [(c.path, c.replaced_count) for c in counted] == [(self.path("r"), 2)], counted
        counted = await done(self.files.replace_contents_detailed([ContentReplaceEntry(path=self.path("r"), old_content="none", new_content="")]))
        assert counted[0].replaced_count == 0, counted
        await done(self.files.move_files([MoveEntry(source=self.path("r"), destination=self.path("new/place"))]))
        assert await self.read("new/place") == " "
        await refused(lambda: self.files.move_files([MoveEntry(source=self.path("r"), destination=self.path("x"))]), 404, "FILE_NOT_FOUND")
        await self.write("r", "again")
        await refused(lambda: self.files.move_files([MoveEntry(source=self.path("r"), destination=self.path("new/place"))]), 409)
        await done(self.files.delete_files([self.path("r"), self.path("new/place"), self.path("none")]))
        await refused(lambda: self.files.read_file(self.path("r")), 404, "FILE_NOT_FOUND")
        await refused(lambda: self.files.replace_contents([ContentReplaceEntry(path=self.path("r"), old_content="a", new_content="b")]), 404)

    async def in_the_name_of_a_user(self):
        if VERSION < (1, 1, 1):
            return
        await done(self.files.create_directories([WriteEntry(path=self.path("shared"), mode=777)]))
        theirs = self.sandbox.files_with_identity(65534, 65534)
        path = self.path("shared/f")
        await done(theirs.write_file(path, "mine", mode=600))
        info = (await done(theirs.get_file_info([path])))[path]
        assert (info.owner, info.group, info.mode) == ("nobody", "nogroup", 600), info
        assert await done(theirs.read_file(path)) == "mine"
        await done(theirs.replace_contents([ContentReplaceEntry(path=path, old_content="mine", new_content="ours")]))
        assert [e.path for e in await done(theirs.search(SearchEntry(path=self.path("shared"), pattern="f")))] == [path]
        await done(theirs.move_files([MoveEntry(source=path, destination=path + "2")]))
        await done(theirs.create_directories([WriteEntry(path=self.path("shared/d"))]))
        assert len(await done(theirs.list_directory(DirectoryListEntry(path=self.path("shared"))))) == 2
        await self.write("closed", "secret", mode=600)
        await refused(lambda: theirs.read_file(self.path("closed")), 403, "PERMISSION_DENIED")
        await refused(lambda: theirs.write_file(self.path("closed"), "x"), 403, "PERMISSION_DENIED")
        await done(theirs.delete_files([path + "2"]))
        await done(theirs.delete_directories([self.path("shared/d")]))


class Rest:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    async def metrics_and_health(self):
        metrics = await done(self.sandbox.get_metrics())
        assert metrics.cpu_count > 0 and 0 < metrics.memory_used_in_mib <= metrics.memory_total_in_mib and metrics.timestamp > 0, metrics
        assert await done(self.sandbox.is_healthy())


def parts(thing):
    """The functions of a class, in the order in which they are written."""
    return [name for name, value in vars(type(thing)).items() if inspect.iscoroutinefunction(value) and name not in ("run", "in_session", "write", "read", "info")]


async def main():
    if SYNC:
        from opensandbox import SandboxSync as Sandbox
        from opensandbox.config import ConnectionConfigSync as ConnectionConfig
    else:
        from opensandbox import Sandbox
        from opensandbox.config import ConnectionConfig

    config = ConnectionConfig(use_server_proxy=os.environ.get("FLOW_PROXY") == "1")
    sandbox = await done(Sandbox.create(os.environ["FLOW_IMAGE"], connection_config=config))
    failed = []
    try:
        for thing in (Commands(sandbox), Sessions(sandbox), Files(sandbox), Rest(sandbox)):
            for name in parts(thing):
                try:
                    await getattr(thing, name)()
                except Exception:  # told at the end, with all others
                    failed.append(f"{type(thing).__name__}.{name}")
                    traceback.print_exc()
    finally:
        await done(sandbox.kill())
        await done(sandbox.close())
    for name in failed:
        print("failed:", name)
    print("flow failed" if failed else "flow ok")
    sys.exit(bool(failed))


asyncio.run(main())
