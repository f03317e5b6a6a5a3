"""HTTP/1.1 and WebSocket over plain sockets: every byte that goes out is chosen by a case, every byte that comes back is seen."""
import base64
import os
import socket
import struct
from dataclasses import dataclass, field


class Closed(Exception):
    """The other side ended the connection before what was due had come."""


@dataclass
class Head:
    status: int
    reason: str
    headers: list = field(default_factory=list)  # (name as sent, value), in order

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name):
        return next(iter(self.values(name)), None)


class Connection:
    """One connection; `address` is host:port, with a path prefix if there is one."""

    def __init__(self, address, seconds=15.0):
        host, _, prefix = address.partition("/")
        self.prefix = "/" + prefix.strip("/") if prefix else ""
        self.host = host
        name, _, port = host.rpartition(":")
        self.socket = socket.create_connection((name.strip("[]"), int(port)), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answered early and closed; the answer may still be there to read

    def more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Closed(f"the connection ended after {self.buffer[:200]!r}")
        part, self.buffer = self.buffer.split(mark, 1)
        return part

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise Closed(f"the connection ended {size - len(self.buffer)} bytes early")
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def send_request(self, method, target, headers, body=None, chunk=0):
        """`headers` is a list of pairs. With `chunk` the body goes in chunks of that many bytes."""
        lines = [f"{method} {self.prefix}{target} HTTP/1.1"]
        named = {name.lower() for name, _ in headers}
        if "host" not in named:
            lines.append(f"Host: {self.host}")
        lines += [f"{name}: {value}" for name, value in headers]
        if chunk:
            lines.append("Transfer-Encoding: chunked")
        elif "content-length" not in named and (body is not None or method in ("POST", "PUT", "PATCH")):
            lines.append(f"Content-Length: {len(body or b'')}")
        self.send("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n")
        if not chunk:
            return self.send(body or b"")
        for start in range(0, len(body or b""), chunk):
            part = body[start:start + chunk]
            self.send(b"%x\r\n" % len(part) + part + b"\r\n")
        self.send(b"0\r\n\r\n")

    def head(self):
        while True:
            lines = self.until(b"\r\n\r\n").decode("utf-8", "replace").split("\r\n")
            version, status, *reason = lines[0].split(" ", 2)
            if not version.startswith("HTTP/1."):
                raise Closed(f"not HTTP: {lines[0]!r}")
            head = Head(int(status), reason[0] if reason else "")
            for line in lines[1:]:
                name, _, value = line.partition(":")
                head.headers.append((name, value.strip()))
            if head.status != 100:
                return head

    def pieces(self, head, method="GET"):
        """The body as it comes. Ends with it; Closed if it was cut."""
        if method == "HEAD" or head.status in (101, 204, 304):
            return
        if (head.value("Transfer-Encoding") or "").lower() == "chunked":
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                data = self.exactly(size)
                if self.exactly(2) != b"\r\n":
                    raise Closed("a chunk without its end")
                if size == 0:
                    return
                yield data
        elif head.value("Content-Length") is not None:
            left = int(head.value("Content-Length"))
            while left:
                if not self.buffer and not self.more():
                    raise Closed(f"the body ended {left} bytes early")
                data, self.buffer = self.buffer[:left], self.buffer[left:]
                left -= len(data)
                yield data
        else:
            while self.buffer or self.more():
                data, self.buffer = self.buffer, b""
                yield data


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    """The client's side of RFC 6455, without extensions, on a Connection whose answer was 101."""

    @staticmethod
    def handshake_headers():
        key = base64.b64encode(os.urandom(16)).decode()
        return [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]

    def __init__(self, connection):
        self.connection = connection

    def send(self, opcode, payload):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += b"\xfe" + struct.pack(">H", size)
        else:
            head += b"\xff" + struct.pack(">Q", size)
        self.connection.send(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def frame(self):
        """The next message as (opcode, payload); answers pings on the way."""
        message, kind = b"", None
        while True:
            first, second = self.connection.exactly(2)
            size = second & 0x7F
            if second & 0x80:
                raise Closed("a masked frame from the server")
            if size == 126:
                size = struct.unpack(">H", self.connection.exactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.connection.exactly(8))[0]
            payload = self.connection.exactly(size)
            opcode = first & 0x0F
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode >= CLOSE:
                return opcode, payload
            else:
                kind = kind or opcode
                message += payload
                if first & 0x80:
                    return kind, message
