"""Uploads: a form of pairs, `metadata` (JSON) and `file` (bytes), in the order of the entries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import IOBase, TextIOBase
from typing import Any

from ..exceptions import InvalidArgumentException
from ..models.filesystem import WriteEntry
from ..modes import mode_digits
from .message import Form, json_body

PIECE = 64 * 1024


def _name(text: str) -> str:
    """For a quoted file name in a header."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "_").replace("\n", "_").replace("\0", "_")


class Multipart(Form):
    """The body of an upload. Text and bytes go as they are; file objects are read piece by piece from where they stand.

    `length` is None when a file object cannot tell its size: then the body is sent in chunks. `replayable` is False when there are
    file objects: they can be read once only.
    """

    def __init__(self, entries: list[WriteEntry], boundary: str, full_names: bool = False) -> None:
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.replayable = True
        self.length = 0
        self._parts: list[bytes | IOBase] = []
        begin = f"--{boundary}\r\n".encode()
        for entry in entries:
            described: dict[str, Any] = {"path": entry.path, "owner": entry.owner, "group": entry.group}
            described = {k: v for k, v in described.items() if v is not None} | {"mode": mode_digits(entry.mode)}
            name = entry.path if full_names else os.path.basename(entry.path) or "file"
            data, kind = _data(entry)
            self._add(
                begin
                + b'Content-Disposition: form-data; name="metadata"; filename="metadata"\r\n'
                + b"Content-Type: application/json\r\n\r\n"
                + json_body(described)
                + b"\r\n"
                + begin
                + f'Content-Disposition: form-data; name="file"; filename="{_name(name)}"\r\n'.encode("utf-8", "replace")
                + f"Content-Type: {kind}\r\n\r\n".encode()
            )
            self._add(data)
            self._add(b"\r\n")
        self._add(f"--{boundary}--\r\n".encode())

    def _add(self, part: bytes | IOBase) -> None:
        if self._parts and isinstance(part, bytes) and isinstance(self._parts[-1], bytes) and len(part) < PIECE:
            self._parts[-1] += part
        else:
            self._parts.append(part)
        size = len(part) if isinstance(part, bytes) else _size(part)
        if not isinstance(part, bytes):
            self.replayable = False
        self.length = None if self.length is None or size is None else self.length + size

    def pieces(self) -> Iterator[bytes]:
        """The body, in pieces of moderate size."""
        for part in self._parts:
            if isinstance(part, bytes):
                yield from (part[i : i + PIECE] for i in range(0, len(part), PIECE))
                continue
            while True:
                piece = part.read(PIECE)
                if not piece:
                    break
                if isinstance(piece, str):
                    raise InvalidArgumentException("files are uploaded from binary file objects; open them with 'rb'")
                yield bytes(piece)


def _data(entry: WriteEntry) -> tuple[bytes | IOBase, str]:
    data = entry.data
    if isinstance(data, str):
        try:
            return data.encode(entry.encoding), f"text/plain; charset={entry.encoding}"
        except (LookupError, UnicodeError) as error:
            raise InvalidArgumentException(f"{entry.path}: {error}", error) from error
    if isinstance(data, bytes):
        return data, "application/octet-stream"
    if isinstance(data, TextIOBase):
        raise InvalidArgumentException(f"{entry.path}: files are uploaded from binary file objects; open them with 'rb'")
    if data is None:
        raise InvalidArgumentException(f"{entry.path}: there is no data to write")
    return data, "application/octet-stream"


def _size(part: IOBase) -> int | None:
    """Bytes from where the file object stands to its end."""
    try:
        here = part.tell()
        end = part.seek(0, os.SEEK_END)
        part.seek(here)
    except (OSError, ValueError, AttributeError):
        return None
    return end - here
