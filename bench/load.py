"""Raw HTTP load: small enough that the time measured is the server's."""
import json
import select
import socket
import time

CREATE = {
    "image": {"uri": "host"},
    "timeout": 3600,
    "resourceLimits": {"cpu": "1", "memory": "256Mi"},
    "entrypoint": ["tail", "-f", "/dev/null"],
}


def message(method, path, body=None, headers=None):
    data = json.dumps(body).encode() if body is not None else b""
    head = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(data)}"]
    head += [f"{k}: {v}" for k, v in (headers or {}).items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def parse(buffer):
    """(status, body, rest) of one whole response at the head of buffer, or None."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    status = int(buffer[9:12])
    at = end + 4
    if b"transfer-encoding: chunked" in head:
        last = buffer.find(b"\r\n0\r\n\r\n", at - 2)
        if last < 0:
            return None
        return status, buffer[at:last], buffer[last + 7:]
    mark = head.find(b"content-length:")
    size = int(head[mark + 15:].split(b"\r\n")[0]) if mark >= 0 else 0
    if len(buffer) < at + size:
        return None
    return status, buffer[at:at + size], buffer[at + size:]


class Kept:
    """One kept connection, blocking."""

    def __init__(self, address):
        host, port = address.split("/")[0].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def call(self, request, expect=200):
        self.socket.sendall(request)
        while (done := parse(self.buffer)) is None:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed")
            self.buffer += data
        status, body, self.buffer = done
        if status != expect:
            raise RuntimeError(f"{status} {body[:300]!r}")
        return body

    def close(self):
        self.socket.close()


def create_to_ping(server, kept=None):
    """Creates one sandbox; seconds from the request until execd answered 200 on /ping, and the sandbox's id."""
    connection = kept or Kept(server)
    begin = time.perf_counter()
    sandbox = json.loads(connection.call(message("POST", "/v1/sandboxes", CREATE), 202))["id"]
    endpoint = json.loads(connection.call(message("GET", f"/v1/sandboxes/{sandbox}/endpoints/44772")))["endpoint"]
    execd = Kept(endpoint)
    execd.call(message("GET", "/ping"))
    took = time.perf_counter() - begin
    execd.close()
    return took, sandbox


class Creation:
    """create_to_ping() as a state machine for many at once."""

    def __init__(self, address, poll):
        self.poll = poll
        self.step = 0
        self.failed = None
        self.sandbox = None
        self.took = None
        self.connect(address)

    def connect(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def begin(self):
        self.started = time.perf_counter()
        self.socket.sendall(message("POST", "/v1/sandboxes", CREATE))

    def ready(self):
        """Data came. True when finished."""
        data = self.socket.recv(1 << 16)
        self.buffer += data
        done = parse(self.buffer)
        if done is None:
            if not data:
                self.failed = "closed"
            return not data
        status, body, self.buffer = done
        if status != (202, 200, 200)[self.step]:
            self.failed = f"{status} {body[:200]!r}"
            return True
        self.step += 1
        if self.step == 1:
            self.sandbox = json.loads(body)["id"]
            self.socket.sendall(message("GET", f"/v1/sandboxes/{self.sandbox}/endpoints/44772"))
        elif self.step == 2:
            self.poll.unregister(self.socket)
            self.socket.close()
            self.connect(json.loads(body)["endpoint"])
            self.poll.register(self.socket, select.EPOLLIN)
            self.socket.sendall(message("GET", "/ping"))
        else:
            self.took = time.perf_counter() - self.started
            return True
        return False


def create_many(server, count):
    """All at once. (times of those that succeeded, ids, failures, seconds for all)."""
    poll = select.epoll()
    waiting = {}
    for creation in [Creation(server, poll) for _ in range(count)]:
        poll.register(creation.socket, select.EPOLLIN)
        waiting[creation.socket.fileno()] = creation
    everyone = list(waiting.values())
    begin = time.perf_counter()
    for creation in everyone:
        creation.begin()
    while waiting:
        for fd, _ in poll.poll(60):
            creation = waiting.pop(fd)
            if creation.ready():
                creation.socket.close()
            else:
                waiting[creation.socket.fileno()] = creation
    total = time.perf_counter() - begin
    return ([c.took for c in everyone if c.took], [c.sandbox for c in everyone if c.sandbox],
            [c.failed for c in everyone if c.failed], total)
