"""From an answer to the exception that tells of it. The status picks the class, the body gives code and message."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from ..exceptions import (
    SandboxApiException,
    SandboxCapacityException,
    SandboxConflictException,
    SandboxError,
    SandboxNotFoundException,
    SandboxRateLimitException,
    SandboxUnauthorizedException,
)
from .message import Response, items, members

QUOTED = 512  # characters of a body without structure that go into the message
KEPT = 64 * 1024  # bytes of a body that go into the exception
RETRYABLE = frozenset({429, 502, 503})
_CAPACITY = ("CAPACITY", "QUOTA", "EXHAUSTED")


def read_error(body: bytes) -> SandboxError | None:
    """Code and message of a body: `{"code","message"}`, also below `detail`, or a list of problems there."""
    try:
        value = members(json.loads(body))
    except (ValueError, RecursionError):
        return None
    if value is None:
        return None
    detail = value.get("detail")
    below = members(detail)
    if "code" not in value and below is not None:
        value = below
    code, message = value.get("code"), value.get("message")
    if message is None and isinstance(detail, str):
        message = detail
    if message is None and (problems := items(detail)) is not None:
        message = "; ".join(_problem(problem) for problem in problems)
    if code is None and message is None:
        return None
    text = None if message is None else message if isinstance(message, str) else json.dumps(message)
    return SandboxError(str(code) if code else SandboxError.UNEXPECTED_RESPONSE, text)


def _problem(problem: object) -> str:
    facts = members(problem)
    if facts is None:
        return str(problem)
    where = ".".join(str(part) for part in items(facts.get("loc")) or () if part != "body")
    return f"{where}: {facts.get('msg', '')}" if where else str(facts.get("msg", ""))


def retry_after(response: Response, now: datetime | None = None) -> timedelta | None:
    """The header Retry-After, in seconds or as a date; None if absent or unreadable."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return timedelta(seconds=max(0.0, float(value)))
    except (ValueError, OverflowError):
        pass
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(timedelta(0), when - (now or datetime.now(timezone.utc)))


def api_error(response: Response, doing: str) -> SandboxApiException:
    """The exception for an answer that is not what was hoped for."""
    status = response.status
    error = read_error(response.body)
    quoted = response.body[: QUOTED * 4].decode("utf-8", "replace")[:QUOTED].strip()
    message = f"{doing}: HTTP {status}"
    if error is not None and error.message:
        message += f": {error.message}"
    elif quoted:
        message += f": {quoted}"
    if error is None:
        error = SandboxError(SandboxError.UNEXPECTED_RESPONSE, quoted or None)
    body = response.body[:KEPT]
    known = (message, None, status, error, response.request_id)
    retryable = status in RETRYABLE
    full = any(word in error.code for word in _CAPACITY)
    if status == 429 or status == 507 or (full and status in (403, 503)):
        if error.code == SandboxError.UNEXPECTED_RESPONSE:
            error.code = SandboxError.RATE_LIMIT
        kind = SandboxCapacityException if full or status == 507 else SandboxRateLimitException
        return kind(*known, retry_after=retry_after(response), response_body=body, is_retryable=retryable)
    plain: type[SandboxApiException] = {
        401: SandboxUnauthorizedException,
        403: SandboxUnauthorizedException,
        404: SandboxNotFoundException,
        409: SandboxConflictException,
    }.get(status, SandboxApiException)
    return plain(*known, response_body=body, is_retryable=retryable)


def unexpected(response: Response, doing: str, why: str, cause: Exception | None = None) -> SandboxApiException:
    """A good status with a body that cannot be read."""
    message = f"{doing}: {why}"
    error = SandboxError(SandboxError.UNEXPECTED_RESPONSE, message)
    return SandboxApiException(message, cause, response.status, error, response.request_id, response.body[:KEPT])
