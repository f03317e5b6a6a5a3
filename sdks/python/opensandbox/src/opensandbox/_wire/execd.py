"""Calls of the execution API: commands, sessions, code, metrics, terminals. Files have a module of their own."""

from __future__ import annotations

import re
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..exceptions import InvalidArgumentException
from .lifecycle import given
from .message import Call, Request, Response, json_request, nothing, query, segment

if TYPE_CHECKING:
    from ..models.execd import CommandLogs, CommandStatus, RunCommandOpts
    from ..models.sandboxes import SandboxMetrics

EVENTS = "text/event-stream"


def ping() -> Call[None]:
    return Call(Request("GET", "/ping"), nothing, "ask whether the sandbox is ready")


def not_blank(value: str, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentException(f"{what} must not be blank")
    return value


def milliseconds(timeout: timedelta | None) -> int | None:
    if timeout is None:
        return None
    if timeout < timedelta(0):
        raise InvalidArgumentException("timeout must not be negative")
    return -int(-timeout.total_seconds() * 1000 // 1)


def stream_request(path: str, body: Mapping[str, Any], doing: str, key: str | None = None) -> Call[None]:
    """A POST that is answered with events. `key` makes it safe to send again."""
    headers = {"Accept": EVENTS, "Cache-Control": "no-cache"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return Call(json_request("POST", path, dict(body), headers), nothing, doing, (200,))


def new_key() -> str:
    """For Idempotency-Key."""
    return os.urandom(16).hex()


# -- commands


def run_command(command: str | list[str], opts: RunCommandOpts | None, key: str | None = None) -> Call[None]:
    body: dict[str, Any] = {}
    if isinstance(command, str):
        body["command"] = not_blank(command, "command")
    else:
        argv = list(command)
        if not argv or not all(isinstance(word, str) for word in argv) or not argv[0].strip():
            raise InvalidArgumentException("a command list needs a program and texts only")
        if any("\0" in word for word in argv):
            raise InvalidArgumentException("a command list must not hold NUL characters")
        body["argv"] = argv
    if opts is not None:
        body |= given(
            cwd=opts.working_directory, timeout=milliseconds(opts.timeout), uid=opts.uid, gid=opts.gid,
            envs=dict(opts.envs) if opts.envs else None, background=True if opts.background else None)
    return stream_request("/command", body, "run a command", key)


def resume(execution_id: str, after: int, kind: str = "command") -> Call[None]:
    path = f"/{kind}/{segment(execution_id)}/resume{query([('after_eid', after)])}"
    return Call(Request("GET", path, {"Accept": EVENTS}), nothing, f"go on with execution {execution_id}", (200,))


def interrupt(execution_id: str, kind: str = "command") -> Call[None]:
    not_blank(execution_id, "execution_id")
    return Call(Request("DELETE", f"/{kind}{query([('id', execution_id)])}"), nothing, f"interrupt {execution_id}")


def command_status(execution_id: str) -> Call[CommandStatus]:
    request = json_request("GET", f"/command/status/{segment(not_blank(execution_id, 'execution_id'))}")
    return Call(request, _status, f"get the status of command {execution_id}")


def _status(response: Response) -> CommandStatus:
    from ..models.execd import CommandStatus

    return CommandStatus.model_validate(response.json())


def command_logs(execution_id: str, cursor: int | None) -> Call[CommandLogs]:
    path = f"/command/{segment(not_blank(execution_id, 'execution_id'))}/logs{query([('cursor', cursor)])}"
    return Call(Request("GET", path, {"Accept": "text/plain"}), _logs, f"get the output of command {execution_id}")


def _logs(response: Response) -> CommandLogs:
    from ..models.execd import CommandLogs

    cursor = response.headers.get("execd-commands-tail-cursor", "").strip()
    text = response.body.decode("utf-8", "replace")
    return CommandLogs(content=text, cursor=int(cursor) if cursor.isdigit() else None)


def create_session(working_directory: str | None) -> Call[str]:
    body = given(cwd=working_directory)
    return Call(json_request("POST", "/session", body), lambda r: str(r.json()["session_id"]), "open a session")


def run_in_session(
    session_id: str, command: str, working_directory: str | None, timeout: timedelta | None, key: str | None
) -> Call[None]:
    body = given(command=not_blank(command, "command"), cwd=working_directory, timeout=milliseconds(timeout))
    path = f"/session/{segment(not_blank(session_id, 'session_id'))}/run"
    return stream_request(path, body, f"run in session {session_id}", key)


def delete_session(session_id: str) -> Call[None]:
    path = f"/session/{segment(not_blank(session_id, 'session_id'))}"
    return Call(Request("DELETE", path), nothing, f"close session {session_id}")


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "$": "\\$"})


def set_env_command(key: str, value: str) -> list[str]:
    """A program that adds a line to the file that commands get their variables from. It fails where there is no such file.

    Raises:
        InvalidArgumentException: for what is no name of a variable, and for NUL characters.
    """
    if not _NAME.match(key):
        raise InvalidArgumentException(f"not the name of a variable: {key!r}")
    if "\0" in value:
        raise InvalidArgumentException("the value of a variable must not hold NUL characters")
    if "'" not in value and "\n" not in value and "\r" not in value:
        line = f"{key}='{value}'"
    else:
        line = f'{key}="{value.translate(_ESCAPES)}"'
    script = (
        'if [ -z "$EXECD_ENVS" ]; then echo "EXECD_ENVS is not set: this sandbox keeps no variables" >&2; exit 1; fi; '
        'printf "%s\\n" "$1" >>"$EXECD_ENVS"'
    )
    return ["/bin/sh", "-c", script, "set_env", line]


# -- code


def run_code(code: str, language: str | None, context_id: str | None, key: str | None) -> Call[None]:
    body = {"code": not_blank(code, "code"), "context": given(language=language, id=context_id)}
    return stream_request("/code", body, "run code", key)


def create_context(language: str) -> Call[dict[str, Any]]:
    request = json_request("POST", "/code/context", {"language": not_blank(language, "language")})
    return Call(request, _object, f"make a {language} context")


def _object(response: Response) -> dict[str, Any]:
    return dict(response.json())


def get_context(context_id: str) -> Call[dict[str, Any]]:
    request = json_request("GET", f"/code/contexts/{segment(not_blank(context_id, 'context_id'))}")
    return Call(request, _object, f"get context {context_id}")


def list_contexts(language: str) -> Call[list[dict[str, Any]]]:
    request = json_request("GET", f"/code/contexts{query([('language', not_blank(language, 'language'))])}")
    return Call(request, lambda r: [dict(item) for item in r.json()], "list contexts")


def delete_context(context_id: str) -> Call[None]:
    path = f"/code/contexts/{segment(not_blank(context_id, 'context_id'))}"
    return Call(Request("DELETE", path), nothing, f"delete context {context_id}")


def delete_contexts(language: str) -> Call[None]:
    path = f"/code/contexts{query([('language', not_blank(language, 'language'))])}"
    return Call(Request("DELETE", path), nothing, f"delete all {language} contexts")


def fork_context(context_id: str, count: int) -> Call[list[dict[str, Any]]]:
    if count < 1:
        raise InvalidArgumentException("count must be at least 1")
    path = f"/code/contexts/{segment(not_blank(context_id, 'context_id'))}/fork{query([('count', count)])}"
    return Call(json_request("POST", path), lambda r: [dict(item) for item in r.json()["contexts"]], f"fork context {context_id}")


def checkpoint_context(context_id: str) -> Call[str]:
    path = f"/code/contexts/{segment(not_blank(context_id, 'context_id'))}/checkpoint"
    return Call(json_request("POST", path), lambda r: str(r.json()["checkpoint_id"]), f"keep the state of context {context_id}")


def restore_context(context_id: str, checkpoint_id: str) -> Call[None]:
    path = f"/code/contexts/{segment(not_blank(context_id, 'context_id'))}/restore"
    body = {"checkpoint_id": not_blank(checkpoint_id, "checkpoint_id")}
    return Call(json_request("POST", path, body), nothing, f"restore context {context_id}")


# -- metrics


def metrics() -> Call[SandboxMetrics]:
    return Call(json_request("GET", "/metrics"), lambda r: read_metrics(r.json()), "get metrics")


def read_metrics(value: Mapping[str, Any]) -> SandboxMetrics:
    from ..models.sandboxes import SandboxMetrics

    return SandboxMetrics(
        cpu_count=value["cpu_count"],
        cpu_used_percentage=value["cpu_used_pct"],
        memory_total_in_mib=value["mem_total_mib"],
        memory_used_in_mib=value["mem_used_mib"],
        timestamp=value["timestamp"],
    )


# -- terminals


def create_pty(working_directory: str | None, command: str | None, key: str) -> Call[str]:
    request = json_request("POST", "/pty", given(cwd=working_directory, command=command), {"Idempotency-Key": key})
    return Call(request, lambda r: str(r.json()["session_id"]), "make a terminal session")


def get_pty(session_id: str) -> Call[dict[str, Any]]:
    return Call(json_request("GET", f"/pty/{segment(not_blank(session_id, 'session_id'))}"), _object, f"get terminal session {session_id}")


def delete_pty(session_id: str) -> Call[None]:
    return Call(Request("DELETE", f"/pty/{segment(not_blank(session_id, 'session_id'))}"), nothing, f"end terminal session {session_id}")


def metrics_watch() -> Call[None]:
    return Call(Request("GET", "/metrics/watch", {"Accept": EVENTS}), nothing, "watch metrics", (200,))
