"""Handlers of the blocking client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import ConfigDict

from .base import Model

OutputHandlerSync = Callable[[Any], None]
"""A function of one argument."""


class ExecutionHandlersSync(Model):
    """Functions that hear of a run while it goes on, called in the order of the stream. Fields as in `ExecutionHandlers`.

    Example:
        >>> from opensandbox.models.execd_sync import ExecutionHandlersSync
        >>> seen = []
        >>> handlers = ExecutionHandlersSync(on_stdout=lambda message: seen.append(message.text))
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    on_stdout: OutputHandlerSync | None = None
    on_stderr: OutputHandlerSync | None = None
    on_result: OutputHandlerSync | None = None
    on_execution_complete: OutputHandlerSync | None = None
    on_error: OutputHandlerSync | None = None
    on_init: OutputHandlerSync | None = None
    skip_accumulation: bool = False
