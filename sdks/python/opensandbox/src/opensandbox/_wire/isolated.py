"""Calls about isolated sessions."""

from __future__ import annotations

from ..exceptions import InvalidArgumentException
from ..models.isolated import (
    CreateIsolatedSessionRequest,
    IsolatedBackgroundRun,
    IsolatedCapabilities,
    IsolatedRunLogs,
    IsolatedRunOpts,
    IsolatedRunStatus,
    IsolatedSessionInfo,
    IsolatedSessionState,
    IsolatedSessionSummary,
)
from .execd import not_blank, stream_request
from .lifecycle import Json, dumped, given
from .message import Call, Request, Response, json_request, nothing, query, segment

PATH = "/v1/isolated"


def _session(session_id: str) -> str:
    return f"{PATH}/session/{segment(not_blank(session_id, 'session_id'))}"


def create(request: CreateIsolatedSessionRequest) -> Call[IsolatedSessionInfo]:
    if request.workspace is None and not request.overlays:
        raise InvalidArgumentException("workspace or overlays must be given")
    made = json_request("POST", f"{PATH}/session", dumped(request))
    return Call(made, lambda r: IsolatedSessionInfo.model_validate(r.json()), "make an isolated session", (200, 201))


def get(session_id: str) -> Call[IsolatedSessionState]:
    request = json_request("GET", _session(session_id))
    return Call(request, lambda r: IsolatedSessionState.model_validate(r.json()), f"get isolated session {session_id}")


def list_sessions() -> Call[list[IsolatedSessionSummary]]:
    return Call(json_request("GET", f"{PATH}/sessions"), _summaries, "list isolated sessions")


def _summaries(response: Response) -> list[IsolatedSessionSummary]:
    return [IsolatedSessionSummary.model_validate(item) for item in response.json()["sessions"]]


def capabilities() -> Call[IsolatedCapabilities]:
    request = json_request("GET", f"{PATH}/capabilities")
    return Call(request, lambda r: IsolatedCapabilities.model_validate(r.json()), "ask for isolated sessions")


def _body(code: str, opts: IsolatedRunOpts | None) -> Json:
    opts = opts or IsolatedRunOpts()
    return given(code=not_blank(code, "code"), envs=opts.envs, timeout_seconds=opts.timeout_seconds)


def run(session_id: str, code: str, opts: IsolatedRunOpts | None) -> Call[None]:
    return stream_request(f"{_session(session_id)}/run", _body(code, opts), f"run in isolated session {session_id}")


def run_background(session_id: str, code: str, opts: IsolatedRunOpts | None) -> Call[IsolatedBackgroundRun]:
    if opts is not None and opts.timeout_seconds is not None:
        raise InvalidArgumentException("background runs have no time limit")
    request = json_request("POST", f"{_session(session_id)}/run", {**_body(code, opts), "background": True})
    return Call(request, lambda r: IsolatedBackgroundRun.model_validate(r.json()), f"run in isolated session {session_id}")


def run_status(session_id: str, run_id: str) -> Call[IsolatedRunStatus]:
    request = json_request("GET", f"{_session(session_id)}/runs/{segment(run_id)}")
    return Call(request, lambda r: IsolatedRunStatus.model_validate(r.json()), f"get the status of run {run_id}")


def run_logs(session_id: str, run_id: str, cursor: int) -> Call[IsolatedRunLogs]:
    path = f"{_session(session_id)}/runs/{segment(run_id)}/logs{query([('cursor', cursor or None)])}"

    def read(response: Response) -> IsolatedRunLogs:
        told = response.headers.get("execd-isolated-tail-cursor", "").strip()
        after = int(told) if told.isdigit() else cursor + len(response.body)
        return IsolatedRunLogs(text=response.body.decode("utf-8", "replace"), cursor=after)

    return Call(Request("GET", path), read, f"get the output of run {run_id}")


def delete(session_id: str) -> Call[None]:
    return Call(Request("DELETE", _session(session_id)), nothing, f"end isolated session {session_id}")
