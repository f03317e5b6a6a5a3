"""HTTP/1.1 as bytes: a request head is written, a response is read piece by piece.

`ResponseReader` takes whatever arrived and gives body pieces back; framing (length, chunks, end of connection) is its secret.
It is strict where a lenient reading could be a smuggled answer, and bounded: a head has at most 64 KiB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .message import Headers

MAX_HEAD = 64 * 1024
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_FORBIDDEN = ("\r", "\n", "\0")


class ProtocolError(Exception):
    """The peer does not speak HTTP/1.1."""


class IncompleteError(ProtocolError):
    """The connection ended in the middle of an answer. `started` tells whether any of it had come."""

    def __init__(self, message: str, started: bool) -> None:
        super().__init__(message)
        self.started = started


def encode_head(method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None, chunked: bool) -> bytes:
    """The request line and all headers. Header values may hold anything but line ends and NUL."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in headers.items():
        if any(c in value or c in name for c in _FORBIDDEN):
            raise ValueError(f"header {name!r} holds a line end")
        lines.append(f"{name}: {value}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif body is not None and not any(name.lower() == "content-length" for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    elif body is None and method in ("POST", "PUT", "PATCH"):
        lines.append("Content-Length: 0")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("utf-8")


class ResponseReader:
    """Reads one response. `head` is None until status and headers are there; `complete` is True after the last byte."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer = bytearray()
        self._left: int | None = None  # bytes to come of the body, or of this chunk
        self._chunked = False
        self._state = "head"  # head, length, chunk-size, chunk, chunk-end, trailers, eof, done
        self.status: int = 0
        self.headers: Headers = Headers()
        self.head: bool = False
        self.keep_alive: bool = True
        self.started: bool = False

    @property
    def complete(self) -> bool:
        return self._state == "done"

    @property
    def rest(self) -> bytes:
        """What came behind the response: after an upgrade, the first bytes of the new protocol."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        if data:
            self.started = True
        if self._state == "length" and not self._buffer and self._left is not None and len(data) < self._left:
            self._left -= len(data)  # the common case of a large body
            return [data]
        self._buffer += data
        pieces: list[bytes] = []
        while self._step(pieces):
            pass
        return pieces

    def end(self) -> None:
        """The connection ended."""
        if self._state == "eof":
            self._state = "done"
        if self._state != "done":
            raise IncompleteError("the connection ended in the middle of an answer", self.started)

    def _step(self, pieces: list[bytes]) -> bool:
        if self._state == "head":
            return self._read_head()
        if self._state in ("length", "chunk"):
            if not self._buffer or not self._left:
                return False
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: len(piece)]
            self._left -= len(piece)
            pieces.append(piece)
            if self._left == 0:
                self._state = "done" if self._state == "length" else "chunk-end"
            return self._state != "done"
        if self._state == "eof":
            if self._buffer:
                pieces.append(bytes(self._buffer))
                self._buffer.clear()
            return False
        if self._state == "done":
            return False
        line = self._line()
        if line is None:
            return False
        if self._state == "chunk-size":
            digits = line.split(b";", 1)[0].strip()
            if not _CHUNK_SIZE.fullmatch(digits):
                raise ProtocolError(f"bad chunk size {line[:40]!r}")
            self._left = size = int(digits, 16)
            self._state = "chunk" if size else "trailers"
        elif self._state == "chunk-end":
            if line:
                raise ProtocolError("a chunk is longer than its size")
            self._state = "chunk-size"
        elif not line:  # the end of the trailers
            self._state = "done"
            return False
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError("a line is too long")
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        skip = 4
        if end < 0:
            end = self._buffer.find(b"\n\n")
            skip = 2
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError("the head of the answer is too long")
            return False
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\n")
        del self._buffer[: end + skip]
        version, _, rest = lines[0].rstrip("\r").partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (len(code) == 3 and code.isdigit()):
            raise ProtocolError(f"not an HTTP answer: {lines[0][:60]!r}")
        self.status = int(code)
        if 100 <= self.status < 200 and self.status != 101:
            return True  # an interim answer; the real one follows
        self.headers = Headers.of(_fields(lines[1:]))
        self.head = True
        connection = self.headers.get("connection", "").lower()
        self.keep_alive = "close" not in connection and (version != "HTTP/1.0" or "keep-alive" in connection)
        self._frame_body()
        return self._state not in ("done", "upgrade")

    def _frame_body(self) -> None:
        length = self.headers.get("content-length")
        if self.status == 101:
            self._state = "done"
        elif self._method == "HEAD" or self.status in (204, 304):
            self._state = "done"
        elif "transfer-encoding" in self.headers:
            if self.headers["transfer-encoding"].strip().lower() != "chunked":
                raise ProtocolError("unknown transfer encoding")
            if length is not None:
                raise ProtocolError("both a length and chunks")
            self._state = "chunk-size"
        elif length is not None:
            values = {value.strip() for value in length.split(",")}
            value = values.pop()
            if values or not (value.isascii() and value.isdigit()):
                raise ProtocolError(f"bad content length {length[:40]!r}")
            self._left = int(value)
            self._state = "length" if self._left else "done"
        else:
            self._state = "eof"
            self.keep_alive = False


def _fields(lines: list[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        line = line.rstrip("\r")
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ProtocolError(f"bad header line {line[:60]!r}")
        yield name, value.strip()
