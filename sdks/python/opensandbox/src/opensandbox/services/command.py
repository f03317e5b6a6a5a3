"""Commands and shell sessions. The blocking client is made from this text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .._wire import execd
from ..exceptions import SandboxInternalException
from ..models.execd import CommandLogs, CommandStatus, Execution, ExecutionHandlers, RunCommandOpts
from ._runs import Run

if TYPE_CHECKING:
    from ._endpoint import Endpoint


class Commands:
    """Runs programs in a sandbox; `sandbox.commands`.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the sandbox refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def run(
        self,
        command: str | list[str],
        *,
        opts: RunCommandOpts | None = None,
        handlers: ExecutionHandlers | None = None,
    ) -> Execution:
        """Run a command to its end, or start it in the background.

        If the connection breaks, the run goes on in the sandbox and its events are fetched from where they broke off.

        Args:
            command: a text for the shell, or a program with its arguments, which then no shell reads.
            opts: directory, time limit, user, variables, background; default: none of these.
            handlers: hear of output while it comes; an exception of one is raised from here and the command goes on.

        Returns:
            The run. A status other than 0 is no exception: see `exit_code` and `error`.

        Raises:
            InvalidArgumentException: a blank command.
            SandboxApiException: for example 400 when the directory does not exist.

        Example:
            >>> run = await sandbox.commands.run("echo out; echo err >&2; exit 3")
            >>> run.text, run.logs.stderr[0].text.strip(), run.exit_code
            ('out', 'err', 3)
            >>> (await sandbox.commands.run(["printf", "%s", "$HOME"])).text
            '$HOME'
        """
        call = execd.run_command(command, opts, execd.new_key())
        background = opts is not None and opts.background
        return await Run(self._endpoint, handlers, background=background).follow(call)

    async def interrupt(self, execution_id: str) -> None:
        """End a command: SIGTERM, and SIGKILL three seconds later. Returns when it has ended.

        Args:
            execution_id: `Execution.id`, or the id that `on_init` got.

        Raises:
            SandboxNotFoundException: no such command.
            SandboxConflictException: it has ended already.

        Example:
            >>> from opensandbox.models.execd import RunCommandOpts
            >>> run = await sandbox.commands.run("sleep 60", opts=RunCommandOpts(background=True))
            >>> await sandbox.commands.interrupt(run.id)
            >>> (await sandbox.commands.get_command_status(run.id)).running
            False
        """
        await self._endpoint.call(execd.interrupt(execution_id))

    async def get_command_status(self, execution_id: str) -> CommandStatus:
        """What became of a command.

        Args:
            execution_id: `Execution.id`.

        Raises:
            SandboxNotFoundException: no such command, or it ended long ago.

        Example:
            >>> run = await sandbox.commands.run("exit 4")
            >>> (await sandbox.commands.get_command_status(run.id)).exit_code
            4
        """
        return await self._endpoint.call(execd.command_status(execution_id))

    async def get_background_command_logs(self, execution_id: str, cursor: int | None = None) -> CommandLogs:
        """What a background command has printed so far, standard output and error as one text.

        Args:
            execution_id: `Execution.id`.
            cursor: `CommandLogs.cursor` of the call before; default: from the beginning.

        Raises:
            SandboxApiException: 400 for unknown and for foreground commands.

        Example:
            >>> import asyncio
            >>> from opensandbox.models.execd import RunCommandOpts
            >>> run = await sandbox.commands.run("echo done", opts=RunCommandOpts(background=True))
            >>> while (await sandbox.commands.get_command_status(run.id)).running:
            ...     await asyncio.sleep(0.05)
            >>> (await sandbox.commands.get_background_command_logs(run.id)).content
            'done\\n'
        """
        return await self._endpoint.call(execd.command_logs(execution_id, cursor))

    async def create_session(self, *, working_directory: str | None = None) -> str:
        """Open a shell that lives from run to run: variables, functions and the directory stay.

        Args:
            working_directory: where it begins; made if it is missing.

        Returns:
            The id for `run_in_session`.

        Example:
            >>> session = await sandbox.commands.create_session(working_directory="/tmp")
            >>> run = await sandbox.commands.run_in_session(session, "x=1; cd /usr")
            >>> (await sandbox.commands.run_in_session(session, "echo $x; pwd")).text
            '1\\n/usr'
            >>> await sandbox.commands.delete_session(session)
        """
        return await self._endpoint.call(execd.create_session(working_directory))

    async def run_in_session(
        self,
        session_id: str,
        command: str,
        *,
        working_directory: str | None = None,
        timeout: timedelta | None = None,
        handlers: ExecutionHandlers | None = None,
    ) -> Execution:
        """Run a text in a session. Runs of one session take turns.

        Args:
            session_id: of `create_session`.
            command: shell text; not blank.
            working_directory: where the session goes first, and stays; must exist.
            timeout: what the run started is killed after this time, the session stays; default: never.
            handlers: as with `run`.

        Raises:
            SandboxNotFoundException: no such session.
            InvalidArgumentException: a blank id or command, or a negative timeout.
        """
        call = execd.run_in_session(session_id, command, working_directory, timeout, execd.new_key())
        return await Run(self._endpoint, handlers).follow(call)

    async def delete_session(self, session_id: str) -> None:
        """End a session and all that was started in it.

        Args:
            session_id: of `create_session`.

        Raises:
            SandboxNotFoundException: no such session.
        """
        await self._endpoint.call(execd.delete_session(session_id))

    async def set_env(self, key: str, value: str) -> None:
        """Set a variable for all commands and sessions that are started from now on.

        Args:
            key: name of the variable.
            value: any text without NUL.

        Raises:
            InvalidArgumentException: not a name, or a NUL character.
            SandboxInternalException: the sandbox keeps no variables (`EXECD_ENVS` is not set there).

        Example:
            >>> await sandbox.commands.set_env("GREETING", "it's me")
            >>> (await sandbox.commands.run("echo $GREETING")).text
            "it's me"
        """
        run = await self.run(execd.set_env_command(key, value))
        if run.exit_code != 0:
            reason = "".join(message.text for message in run.logs.stderr).strip() or str(run)
            raise SandboxInternalException(f"set the variable {key}: {reason}")

    async def resume(
        self, execution_id: str, *, after: int = 0, handlers: ExecutionHandlers | None = None
    ) -> Execution:
        """Follow a run that another program, or this one before it was restarted, has begun.

        Needs a daemon that numbers its events, as ours does.

        Args:
            execution_id: of a foreground or background command: `Execution.id`.
            after: number of the last event that was seen; default 0: from the beginning.
            handlers: as with `run`.

        Raises:
            SandboxNotFoundException: no such run, or its events are not kept any more.

        Example:
            >>> run = await sandbox.commands.run("echo again")
            >>> (await sandbox.commands.resume(run.id)).text
            'again'
        """
        run = Run(self._endpoint, handlers)
        return await run.follow(execd.resume(execution_id, after))
