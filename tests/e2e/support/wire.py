"""HTTP by hand, so that tests can send what no client library would, and see exactly what comes back."""
import json
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Reply:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


class Connection:
    """One connection, one request at a time. `address` is host:port, with a path prefix if there is one."""

    def __init__(self, address, timeout=30.0):
        parts = urlsplit("//" + address)
        self.prefix = parts.path
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        headers = {"Host": self.host, **headers}
        lines = [f"{method} {self.prefix}{path} HTTP/1.1"]
        if body is not None:
            headers.setdefault("Content-Length", str(len(body)))
        elif method in ("POST", "PUT", "PATCH"):
            headers.setdefault("Content-Length", "0")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send_raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def more(self):
        data = self.socket.recv(1 << 18)
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise ConnectionError(f"connection ended with {self.buffer[:200]!r}")
        part, self.buffer = self.buffer.split(mark, 1)
        return part

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise ConnectionError(f"connection ended {size - len(self.buffer)} bytes early")
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Reply(int(lines[0].split()[1]), headers)

    def chunks(self):
        """The chunks of a chunked body as they come."""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            data = self.exactly(size)
            self.exactly(2)
            if size == 0:
                return
            yield data

    def reply(self):
        reply = self.head()
        while reply.status == 100:
            reply = self.head()
        if reply.headers.get("transfer-encoding") == "chunked":
            reply.body = b"".join(self.chunks())
        elif "content-length" in reply.headers:
            reply.body = self.exactly(int(reply.headers["content-length"]))
        elif reply.status not in (204, 304):
            while self.more():
                pass
            reply.body, self.buffer = self.buffer, b""
        return reply

    def request(self, method, path, body=None, headers=None):
        self.send(method, path, body, headers)
        return self.reply()

    def events(self, method, path, body=None, headers=None):
        """Sends, expects a 200 event stream, yields its events as they come."""
        self.send(method, path, body, headers)
        reply = self.head()
        if reply.status != 200:
            reply.body = self.exactly(int(reply.headers.get("content-length", 0)))
            raise AssertionError(f"{method} {path}: {reply.status} {reply.text}")
        assert reply.headers["content-type"].startswith("text/event-stream"), reply.headers
        rest = b""
        for chunk in self.chunks():
            rest += chunk
            while b"\n\n" in rest:
                event, rest = rest.split(b"\n\n", 1)
                if event.strip():
                    yield json.loads(event)
        assert not rest.strip(), f"stream ended inside an event: {rest[:200]!r}"


def request(address, method, path, body=None, headers=None, timeout=30.0):
    with Connection(address, timeout) as connection:
        return connection.request(method, path, body, headers)


def raw(address, data, timeout=30.0, shut=False):
    """Sends bytes as they are; the reply, or None when the server closed without one."""
    with Connection(address, timeout) as connection:
        try:
            connection.send_raw(data)
            if shut:
                connection.socket.shutdown(socket.SHUT_WR)
            return connection.reply()
        except ConnectionError:  # reset included
            return None


def texts(events, kind="stdout"):
    return "".join(event["text"] for event in events if event["type"] == kind)
