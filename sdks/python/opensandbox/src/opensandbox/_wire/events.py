"""Streams of events: from bytes to JSON objects to an `Execution`.

Two framings come from servers, raw JSON objects with a blank line behind each and server-sent events, and one reader takes both,
with any line end. Only LF, CR and CRLF end a line: characters such as U+2028 inside a JSON text are text. Bytes are joined before
they are decoded, so a character that arrives in two pieces is whole.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from ..models.base import known
from ..models.execd import (
    Execution,
    ExecutionComplete,
    ExecutionError,
    ExecutionInit,
    ExecutionLogs,
    ExecutionResult,
    OutputMessage,
)
from .message import items, members

log = logging.getLogger("opensandbox")

MAX_LINE = 64 * 1024 * 1024
Event = dict[str, Any]


class EventTooLarge(Exception):
    """A line grew beyond the limit; nothing after it can be trusted to be whole."""


class EventReader:
    """Takes bytes, gives events. `broken` counts lines that were no JSON object; they are passed over."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._tail = bytearray()
        self._data: list[bytes] = []  # lines of one server-sent event
        self._raw: list[bytes] = []  # lines of one raw object that was printed over several lines
        self._size = 0
        self._after_cr = False
        self.broken = 0

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # the second half of a CRLF
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *lines = data.split(b"\n")
        if len(self._tail) + len(first) > self._limit:
            raise EventTooLarge(f"an event is larger than {self._limit} bytes")
        self._tail += first
        for line in lines:
            self._line(bytes(self._tail), events)
            self._tail[:] = line
        return events

    def end(self) -> list[Event]:
        """The stream ended: a last line without an end counts."""
        events: list[Event] = []
        if self._tail:
            line = bytes(self._tail)
            self._tail.clear()
            self._line(line, events)
        self._line(b"", events)
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line or line.isspace():
            self._flush(events)
            return
        if line[:1] == b"{" and not self._data and not self._raw:
            event = _object(line)
            if event is not None:
                events.append(event)
                return
        self._size += len(line)
        if self._size > self._limit:
            raise EventTooLarge(f"an event is larger than {self._limit} bytes")
        if line.startswith(b"data:"):
            part = line[5:].removeprefix(b" ")
            event = _object(part) if not self._data else None
            if event is not None:
                events.append(event)
            else:
                self._data.append(part)
        elif line.startswith((b":", b"event:", b"id:", b"retry:")) and not self._raw:
            pass
        else:
            self._raw.append(line)

    def _flush(self, events: list[Event]) -> None:
        for lines in (self._data, self._raw):
            if lines:
                event = _object(b"\n".join(lines))
                if event is not None:
                    events.append(event)
                else:
                    self.broken += 1
                    log.debug("passed over an event that is no JSON object")
                lines.clear()
        self._size = 0


# An escape of JSON: a pair of surrogates, one that stands alone (the group), or any other.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S)
_STATUS = re.compile(r"-?[0-9]{1,9}", re.ASCII)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(line: bytes) -> Event | None:
    text = line.decode("utf-8", "replace")
    if "\\ud" in text or "\\uD" in text:  # half a pair is no text: nobody could write it to a file
        text = _ESCAPE.sub(lambda found: "\ufffd" if found[1] else found[0], text)
    try:
        return members(json.loads(text, parse_constant=_no_number))
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> int | None:
    """A number that fits into 64 bits, without its fraction."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -(2.0**63) <= value < 2.0**63:
        return None
    return int(value)


def _stamp(event: Event) -> int:
    stamp = _number(event.get("timestamp"))
    return int(time.time() * 1000) if stamp is None else stamp


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Collector:
    """Builds one `Execution` from its events and says which handler each concerns.

    A command has exactly one last event; what follows it is ignored. Code may report an error and then its completion, both
    count. `eid` is the number of the newest event, for resuming; events that were seen before are passed over.
    """

    def __init__(self, keep_output: bool = True, code: bool = False) -> None:
        self.execution = known(
            Execution, id=None, execution_count=None, result=[], error=None, complete=None, exit_code=None,
            logs=known(ExecutionLogs, stdout=[], stderr=[]))
        self.keep_output = keep_output
        self.code = code
        self.ended = False
        self.started = False
        self.eid = 0
        self.execution_id: str | None = None
        self.dropped = 0

    @property
    def resumable(self) -> bool:
        return self.execution_id is not None and self.eid > 0 and not self.ended

    @property
    def resume_kind(self) -> str:
        return "code" if self.code else "command"

    def take(self, event: Event) -> tuple[str, Any] | None:
        """The handler's name (`on_stdout`, …) and what it gets, or None when nobody has to hear of the event."""
        eid = _number(event.get("eid")) or 0
        if eid > 0:
            if eid <= self.eid:
                return None
            self.eid = eid
            self.execution._exact = True
        kind = event.get("type")
        if self.ended and not (self.code and kind == "execution_complete" and self.execution.complete is None):
            return None
        method = getattr(self, f"_on_{kind}", None) if isinstance(kind, str) else None
        if method is None:
            if kind is None and "code" in event and "message" in event:  # an error answer in place of a stream
                return self._failed(known(
                    ExecutionError, name=_text(event["code"]), value=_text(event["message"]), timestamp=_stamp(event), traceback=[]))
            return None
        result: tuple[str, Any] | None = method(event)
        return result

    def finish(self, background: bool = False) -> Execution:
        """The stream is over."""
        run = self.execution
        if not self.code and not background and run.exit_code is None:
            if run.error is not None:
                status = _STATUS.fullmatch(run.error.value)
                run.exit_code = int(status[0]) if status else None
            elif run.complete is not None:
                run.exit_code = 0
        return run

    def _on_init(self, event: Event) -> tuple[str, Any]:
        self.started = True
        run = self.execution
        run.id = _text(event.get("text"))
        identity = event.get("execution_id")
        if isinstance(identity, str) and identity:
            self.execution_id = identity
        return "on_init", known(ExecutionInit, id=run.id, timestamp=_stamp(event))

    def _on_stdout(self, event: Event, error: bool = False) -> tuple[str, Any]:
        message = known(OutputMessage, text=_text(event.get("text")), timestamp=_stamp(event), is_error=error)
        if self.keep_output:
            logs = self.execution.logs
            (logs.stderr if error else logs.stdout).append(message)
        return ("on_stderr" if error else "on_stdout"), message

    def _on_stderr(self, event: Event) -> tuple[str, Any]:
        return self._on_stdout(event, error=True)

    def _on_result(self, event: Event) -> tuple[str, Any]:
        values = {name: _text(value) for name, value in (members(event.get("results")) or {}).items()}
        text = values.get("text", values.get("text/plain"))
        extra = {k: v for k, v in values.items() if k != "text"}
        result = known(ExecutionResult, text=text, timestamp=_stamp(event), extra_properties=extra)
        if self.keep_output:
            self.execution.result.append(result)
        return "on_result", result

    def _on_execution_count(self, event: Event) -> None:
        count = _number(event.get("execution_count"))
        if count is not None:
            self.execution.execution_count = count

    def _on_gap(self, event: Event) -> None:
        dropped = _number(event.get("dropped"))
        if dropped is not None:
            self.dropped += dropped
            log.warning("%d events of execution %s are not kept any more", dropped, self.execution_id)

    def _on_execution_complete(self, event: Event) -> tuple[str, Any]:
        self.ended = True
        took = _number(event.get("execution_time"))
        complete = known(ExecutionComplete, timestamp=_stamp(event), execution_time_in_millis=took or 0)
        self.execution.complete = complete
        return "on_execution_complete", complete

    def _on_error(self, event: Event) -> tuple[str, Any]:
        error = members(event.get("error"))
        if error is None:
            error = {"ename": event.get("ename", "Error"), "evalue": event.get("evalue", event.get("text", event.get("error")))}
        traceback = error.get("traceback")
        lines = [traceback] if isinstance(traceback, str) else items(traceback) or []
        return self._failed(known(
            ExecutionError,
            name=_text(error.get("ename", error.get("name"))),
            value=_text(error.get("evalue", error.get("value"))),
            timestamp=_stamp(event),
            traceback=[_text(line) for line in lines],
        ))

    def _failed(self, error: ExecutionError) -> tuple[str, Any]:
        self.ended = True
        self.execution.error = error
        return "on_error", error
