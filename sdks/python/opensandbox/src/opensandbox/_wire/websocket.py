"""WebSocket frames of a client (RFC 6455) as bytes: no extensions, no sockets.

`FrameReader` gives whole messages and control frames; it refuses what a server must not send.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAX_MESSAGE = 16 * 1024 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocketError(Exception):
    """The peer breaks the rules."""


@dataclass(slots=True)
class Message:
    """`kind` is TEXT, BINARY, CLOSE, PING or PONG."""

    kind: int
    data: bytes

    @property
    def close_code(self) -> int | None:
        return int.from_bytes(self.data[:2], "big") if self.kind == CLOSE and len(self.data) >= 2 else None


def new_key() -> str:
    """For Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key: str) -> str:
    """What a server must answer to a key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def handshake_headers(key: str) -> dict[str, str]:
    return {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}


def encode(kind: int, data: bytes, mask: bytes | None = None) -> bytes:
    """One frame, masked as a client's frames are."""
    mask = os.urandom(4) if mask is None else mask
    head = bytearray([0x80 | kind])
    if len(data) < 126:
        head.append(0x80 | len(data))
    elif len(data) < 65536:
        head.append(0x80 | 126)
        head += len(data).to_bytes(2, "big")
    else:
        head.append(0x80 | 127)
        head += len(data).to_bytes(8, "big")
    return bytes(head) + mask + _masked(data, mask)


def _masked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    if not size:
        return b""
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


class FrameReader:
    """Bytes in, messages out."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._kind = 0  # of a message in pieces
        self._parts = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        self._buffer += data
        messages: list[Message] = []
        while (frame := self._frame()) is not None:
            message = self._join(*frame)
            if message is not None:
                messages.append(message)
        return messages

    def _frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if buffer[0] & 0x70:
            raise WebSocketError("reserved bits are set")
        if buffer[1] & 0x80:
            raise WebSocketError("a server masks nothing")
        size, at = buffer[1] & 0x7F, 2
        if size > 125:
            extra = 2 if size == 126 else 8
            if len(buffer) < 2 + extra:
                return None
            size, at = int.from_bytes(buffer[2 : 2 + extra], "big"), 2 + extra
        final, kind = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        if kind >= 8 and (size > 125 or not final):
            raise WebSocketError("a control frame is too long or in pieces")
        if size > self._limit:
            raise WebSocketError("a message is too long")
        if len(buffer) < at + size:
            return None
        data = bytes(buffer[at : at + size])
        del buffer[: at + size]
        return final, kind, data

    def _join(self, final: bool, kind: int, data: bytes) -> Message | None:
        if kind >= 8:
            if kind not in (CLOSE, PING, PONG):
                raise WebSocketError(f"unknown frame {kind}")
            return Message(kind, data)
        if kind == 0:
            if not self._kind:
                raise WebSocketError("a piece of no message")
        elif kind in (TEXT, BINARY):
            if self._kind:
                raise WebSocketError("a new message inside another")
            self._kind = kind
        else:
            raise WebSocketError(f"unknown frame {kind}")
        if len(self._parts) + len(data) > self._limit:
            raise WebSocketError("a message is too long")
        self._parts += data
        if not final:
            return None
        message = Message(self._kind, bytes(self._parts))
        self._kind = 0
        self._parts.clear()
        return message
