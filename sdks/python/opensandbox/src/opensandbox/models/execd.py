"""What commands and code runs take and give."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from .base import Model

OutputHandler = Callable[[Any], Awaitable[None]]
"""An async function of one argument."""


class OutputMessage(Model):
    """A piece of output, usually one line with its end.

    Attributes:
        text: the text.
        timestamp: when it was printed, Unix milliseconds.
        is_error: True for standard error.
    """

    text: str
    timestamp: int
    is_error: bool = False


class ExecutionResult(Model):
    """What code displayed, or its value.

    Attributes:
        text: as plain text, None when there is only another form.
        timestamp: Unix milliseconds.
        extra_properties: every form by MIME type, such as `image/png` in base64.
    """

    text: str | None = None
    timestamp: int
    extra_properties: dict[str, str] = Field(default_factory=dict)


class ExecutionError(Model):
    """Why a run failed.

    Attributes:
        name: `CommandExecError` for commands, the name of the exception for code.
        value: the exit status for commands, the text of the exception for code.
        timestamp: Unix milliseconds.
        traceback: lines for people, maybe none.
    """

    name: str
    value: str
    timestamp: int
    traceback: list[str] = Field(default_factory=list)


class ExecutionComplete(Model):
    """A run ended well.

    Attributes:
        timestamp: Unix milliseconds.
        execution_time_in_millis: how long it took.
    """

    timestamp: int
    execution_time_in_millis: int


class ExecutionInit(Model):
    """A run began.

    Attributes:
        id: of the command; of the session or context for runs there.
        timestamp: Unix milliseconds.
    """

    id: str
    timestamp: int


class ExecutionLogs(Model):
    """Output in the order in which it came, each stream for itself."""

    stdout: list[OutputMessage] = Field(default_factory=list[OutputMessage])
    stderr: list[OutputMessage] = Field(default_factory=list[OutputMessage])

    def add_stdout(self, message: OutputMessage) -> None:
        """Append to `stdout`."""
        self.stdout.append(message)

    def add_stderr(self, message: OutputMessage) -> None:
        """Append to `stderr`."""
        self.stderr.append(message)


_LINE_ENDS = re.compile("\r\n?")


def _joined(messages: list[OutputMessage], exact: bool) -> str:
    """One text. Servers before 1.1.1 leave out the ends of lines; unless it is `exact` they are put back between two messages."""
    if exact:
        return _LINE_ENDS.sub("\n", "".join(message.text for message in messages)).rstrip("\n")
    parts: list[str] = []
    for message in messages:
        text = message.text
        if not text:
            continue
        if parts and parts[-1][-1] not in "\r\n" and text[0] not in "\r\n":
            parts.append("\n")
        parts.append(text)
    return _LINE_ENDS.sub("\n", "".join(parts)).rstrip("\n")


class Execution(Model):
    """A run and all that came of it.

    Attributes:
        id: of the command, for status, logs and interrupt; of the session or context for runs there.
        execution_count: number of the run in its context, code only.
        result: what code displayed and its value, in order.
        error: why it failed, None if it did not.
        complete: set when it ended well.
        exit_code: of a foreground command; None for code, for background commands, and when no status is known.
        logs: output.

    Example:
        >>> from opensandbox.models import Execution, OutputMessage
        >>> run = Execution()
        >>> run.logs.add_stdout(OutputMessage(text="one\\n", timestamp=1))
        >>> run.logs.add_stdout(OutputMessage(text="two\\n", timestamp=2))
        >>> run.text
        'one\\ntwo'
    """

    id: str | None = None
    execution_count: int | None = None
    result: list[ExecutionResult] = Field(default_factory=list[ExecutionResult])
    error: ExecutionError | None = None
    complete: ExecutionComplete | None = None
    exit_code: int | None = None
    logs: ExecutionLogs = Field(default_factory=ExecutionLogs)
    _exact: bool = PrivateAttr(default=False)  # the texts are all that was printed: daemons that number their events leave nothing out

    def add_result(self, result: ExecutionResult) -> None:
        """Append to `result`."""
        self.result.append(result)

    @property
    def text(self) -> str:
        """Standard output and then the results as one text, without line ends at the end."""
        parts = [_joined(self.logs.stdout, self._exact)]
        parts += [_LINE_ENDS.sub("\n", result.text).rstrip("\n") for result in self.result if result.text]
        return "\n".join(part for part in parts if part)

    def __str__(self) -> str:
        parts = [self.text]
        errors = _joined(self.logs.stderr, self._exact)
        if errors:
            parts.append(f"[stderr]\n{errors}")
        if self.error is not None:
            parts.append(f"[error] {self.error.name}: {self.error.value}")
        return "\n".join(part for part in parts if part)


class ExecutionHandlers(Model):
    """Async functions that hear of a run while it goes on.

    They are awaited one after the other in the order of the stream, and the stream is not read on until one has returned: a slow
    handler slows the program in the sandbox, nothing piles up here.

    Attributes:
        on_stdout, on_stderr: get an `OutputMessage`.
        on_result: gets an `ExecutionResult`.
        on_execution_complete: gets an `ExecutionComplete`.
        on_error: gets an `ExecutionError`.
        on_init: gets an `ExecutionInit`, first of all.
        skip_accumulation: leave `logs` and `result` of the execution empty, for output that would not fit into memory.

    Example:
        >>> from opensandbox.models.execd import ExecutionHandlers
        >>> async def show(message):
        ...     print(message.text, end="")
        >>> ExecutionHandlers(on_stdout=show).skip_accumulation
        False
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    on_stdout: OutputHandler | None = None
    on_stderr: OutputHandler | None = None
    on_result: OutputHandler | None = None
    on_execution_complete: OutputHandler | None = None
    on_error: OutputHandler | None = None
    on_init: OutputHandler | None = None
    skip_accumulation: bool = False


class RunCommandOpts(Model):
    """How a command is run.

    Attributes:
        background: return when it has started; output is fetched with `get_background_command_logs`.
        working_directory: must exist; default: that of the sandbox.
        timeout: it is killed after this time; None: never. Not negative.
        uid: user that it runs as; default: that of the daemon.
        gid: group; needs `uid`.
        envs: variables besides those of the sandbox.

    Raises:
        pydantic.ValidationError: for negative ids or timeouts, and for `gid` without `uid`.

    Example:
        >>> from datetime import timedelta
        >>> from opensandbox.models.execd import RunCommandOpts
        >>> RunCommandOpts(working_directory="/tmp", timeout=timedelta(seconds=5)).background
        False
    """

    background: bool = False
    working_directory: str | None = None
    timeout: timedelta | None = None
    uid: int | None = Field(default=None, ge=0)
    gid: int | None = Field(default=None, ge=0)
    envs: dict[str, str] | None = None

    @model_validator(mode="after")
    def validate_uid_gid_dependency(self) -> RunCommandOpts:
        """`gid` needs `uid`; a timeout is not negative."""
        if self.gid is not None and self.uid is None:
            raise ValueError("gid needs uid")
        if self.timeout is not None and self.timeout < timedelta(0):
            raise ValueError("timeout must not be negative")
        return self


class CommandStatus(Model):
    """What became of a command.

    Attributes:
        id: of the command.
        content: its text.
        running: whether it still runs.
        exit_code: when it has ended.
        error: why it failed.
        started_at, finished_at: times with offset.
    """

    id: str | None = None
    content: str | None = None
    running: bool | None = None
    exit_code: int | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class CommandLogs(Model):
    """Output of a background command.

    Attributes:
        content: standard output and error as one text.
        cursor: give it to the next call to get what came since; None if the server did not say.
    """

    content: str
    cursor: int | None = None
