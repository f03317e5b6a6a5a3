"""`CodeInterpreterSync`, the blocking face. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from opensandbox import _io_sync as io
from opensandbox.exceptions import (
    InvalidArgumentException,
    SandboxException,
    SandboxNotFoundException,
    SandboxReadyTimeoutException,
    SandboxUnauthorizedException,
)
from opensandbox.sync.sandbox import SandboxSync

from .services.code import CodesSync

if TYPE_CHECKING:
    from opensandbox.sync.services.command import CommandsSync
    from opensandbox.sync.services.filesystem import FilesystemSync
    from opensandbox.sync.services.metrics import MetricsSync

RUNTIME_PROCESS_CHECK_COMMAND = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/${JUPYTER_PORT:-44771}' && exit 0 || exit 1"
"""What other servers' images are asked for; see `is_healthy`."""


class CodeInterpreterSync:
    """Runs code in a sandbox. It is a view of the sandbox: closing it, or leaving its block, does not end the sandbox.

    Example:
        >>> from code_interpreter import CodeInterpreterSync
        >>> with CodeInterpreterSync.create(sandbox) as interpreter:
        ...     run = interpreter.codes.run("2 + 2")
        >>> run.result[0].text
        '4'
    """

    def __init__(self, sandbox: SandboxSync, code_service: CodesSync) -> None:
        self._sandbox = sandbox
        self._codes = code_service

    @classmethod
    def create(
        cls,
        sandbox: SandboxSync,
        *,
        ready_timeout: timedelta = timedelta(seconds=30),
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> CodeInterpreterSync:
        """Wait until the sandbox can run code.

        Args:
            sandbox: made from an image with interpreters.
            ready_timeout: how long to wait; default 30 s.
            health_check_polling_interval: longest pause between two checks; default 200 ms.
            skip_health_check: do not wait.

        Raises:
            InvalidArgumentException: there is no sandbox.
            SandboxReadyTimeoutException: it cannot run code in time; maybe its image has no interpreters.
        """
        if sandbox is None:
            raise InvalidArgumentException("sandbox must be given")
        interpreter = cls(sandbox, CodesSync(sandbox._endpoint()))
        if not skip_health_check:
            interpreter.check_ready(ready_timeout, health_check_polling_interval)
        return interpreter

    @property
    def sandbox(self) -> SandboxSync:
        """The sandbox."""
        return self._sandbox

    @property
    def id(self) -> str:
        """Of the sandbox."""
        return self._sandbox.id

    @property
    def files(self) -> FilesystemSync:
        """Files of the sandbox."""
        return self._sandbox.files

    @property
    def commands(self) -> CommandsSync:
        """Commands of the sandbox."""
        return self._sandbox.commands

    @property
    def metrics(self) -> MetricsSync:
        """CPU and memory of the sandbox."""
        return self._sandbox.metrics

    @property
    def codes(self) -> CodesSync:
        """Code and contexts."""
        return self._codes

    def ping(self) -> bool:
        """Whether the daemon of the sandbox answers; False for any failure."""
        return self._codes.ping()

    def is_healthy(self) -> bool:
        """Whether code can be run: the place where interpreters are reached accepts connections. False for any failure."""
        try:
            return self._runs_code()
        except SandboxException:
            return False

    def _runs_code(self) -> bool:
        run = self._sandbox.commands.run(RUNTIME_PROCESS_CHECK_COMMAND)
        return run.error is None and run.exit_code == 0

    def check_ready(self, timeout: timedelta, polling_interval: timedelta) -> None:
        """Wait until code can be run.

        Raises:
            SandboxReadyTimeoutException: not in time.
            SandboxUnauthorizedException, SandboxNotFoundException: the sandbox refuses, waiting would not help.
            InvalidArgumentException: a negative interval.
        """
        if polling_interval < timedelta(0):
            raise InvalidArgumentException("the polling interval must not be negative")
        deadline = time.monotonic() + timeout.total_seconds()
        pause, attempts = 0.01, 0
        last: Exception | None = None
        while True:
            attempts += 1
            try:
                if self._runs_code():
                    return
                last = None
            except (SandboxUnauthorizedException, SandboxNotFoundException):
                raise
            except SandboxException as error:
                last = error
            left = deadline - time.monotonic()
            if left <= 0:
                why = f"last error: {last}" if last else "nothing listens where interpreters are reached; has the image any?"
                message = f"sandbox {self.id} ran no code after {timeout.total_seconds():g} s and {attempts} checks; {why}"
                raise SandboxReadyTimeoutException(message, last)
            io.sleep(min(pause, left, polling_interval.total_seconds()))
            pause = min(polling_interval.total_seconds(), pause * 2)

    def close(self) -> None:
        """Nothing is held that the sandbox does not hold; it is closed for itself."""

    def __enter__(self) -> CodeInterpreterSync:
        return self

    def __exit__(self, exc_type: Any, exc: Any, tb: Any) -> None:
        self.close()


__all__ = ["RUNTIME_PROCESS_CHECK_COMMAND", "CodeInterpreterSync"]
