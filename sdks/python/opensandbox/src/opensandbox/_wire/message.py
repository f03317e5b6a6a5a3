"""What is sent and what comes back, as values.

A `Call` is one request together with the way to read its answer. Services build calls, a client carries them out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeGuard, TypeVar
from urllib.parse import quote

T = TypeVar("T")

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class Headers(dict[str, str]):
    """Response headers: names in lower case, repeated ones joined with commas."""

    @staticmethod
    def of(pairs: Iterable[tuple[str, str]]) -> Headers:
        headers = Headers()
        for name, value in pairs:
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers


class Form:
    """A body that is sent in pieces; see `multipart`. `length` is None when it is not known, `replayable` is False when the pieces
    can be had once only."""

    length: int | None
    replayable: bool

    def pieces(self) -> Iterator[bytes]:
        raise NotImplementedError


@dataclass(slots=True)
class Request:
    """`path` is what follows the base address, encoded, with the query."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | Form | None = None

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT


@dataclass(slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes = b""

    @property
    def request_id(self) -> str | None:
        return (self.headers.get("x-request-id") or "").strip() or None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Call(Generic[T]):
    """`doing` names the work for messages ("create a sandbox"). `expect` holds the good statuses; none: all of 2xx."""

    request: Request
    parse: Callable[[Response], T]
    doing: str
    expect: tuple[int, ...] = ()

    def accepts(self, status: int) -> bool:
        return status in self.expect if self.expect else 200 <= status < 300


def nothing(_: Response) -> None:
    """For answers whose body says nothing."""


def json_body(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def json_request(method: str, path: str, value: Any = None, headers: Mapping[str, str] | None = None) -> Request:
    request = Request(method, path, dict(headers or {}))
    request.headers.setdefault("Accept", "application/json")
    if value is not None:
        request.headers.setdefault("Content-Type", "application/json")
        request.body = json_body(value)
    return request


def members(value: object) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    return value if _is_object(value) else None


def items(value: object) -> list[Any] | None:
    """A JSON array, or None for anything else."""
    return value if _is_array(value) else None


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def segment(value: object) -> str:
    """One part of a path."""
    return quote(str(value), safe="")


def query(pairs: Iterable[tuple[str, object]]) -> str:
    """`?a=b&c=d`, or nothing. None is left out, booleans are lower case."""
    parts: list[str] = []
    for name, value in pairs:
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(f"{quote(name, safe='')}={quote(text, safe='/')}")
    return "?" + "&".join(parts) if parts else ""
