"""A server that plays one scenario over raw sockets and writes down what it was sent. README.md tells the form of a scenario."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from typing import Any, Iterator

BOX = {"id": "box", "status": {"state": "Running"}, "createdAt": "2026-01-01T00:00:00Z", "entrypoint": []}
STREAM = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}


class Wrong(Exception):
    """The client sent what no HTTP/1.1 client may send, or the scenario makes no sense."""


class Request:
    """One request as it came. `head` is the exact text of request line and headers."""

    def __init__(self, head: str, body: bytes, keys: list[str]) -> None:
        lines = head.split("\r\n")
        self.head = head
        self.method, self.path, version = lines[0].split(" ")
        if version != "HTTP/1.1":
            raise Wrong(f"not HTTP/1.1: {lines[0]!r}")
        self.headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip() or name.lower() in self.headers:
                raise Wrong(f"bad or repeated header: {line!r}")
            self.headers[name.lower()] = value.strip()
        self.body = body
        self.chunks = keys


class Reader:
    """Bytes of a connection, as lines and as sizes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._kept = b""

    def _more(self) -> bool:
        data = self._connection.recv(1 << 16)
        self._kept += data
        return bool(data)

    def until(self, mark: bytes) -> bytes | None:
        while mark not in self._kept:
            if not self._more():
                return None
        found, self._kept = self._kept.split(mark, 1)
        return found

    def exactly(self, size: int) -> bytes:
        while len(self._kept) < size:
            if not self._more():
                raise Wrong("the body is shorter than announced")
        found, self._kept = self._kept[:size], self._kept[size:]
        return found

    def request(self) -> Request | None:
        head = self.until(b"\r\n\r\n")
        if head is None:
            return None
        request = Request(head.decode("latin-1"), b"", [])
        if "content-length" in request.headers:
            request.body = self.exactly(int(request.headers["content-length"]))
        elif request.headers.get("transfer-encoding") == "chunked":
            request.body = b"".join(self._chunks(request))
        return request

    def _chunks(self, request: Request) -> Iterator[bytes]:
        while True:
            size = int(self.until(b"\r\n") or b"?", 16)
            request.chunks.append(str(size))
            piece = self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Wrong("a chunk is longer than its size")
            if not size:
                return
            yield piece


def data_of(piece: Any) -> bytes:
    """A piece of a scenario as bytes."""
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, list):
        return b"".join(map(data_of, piece))
    if isinstance(piece, dict) and len(piece) == 1:
        kind, value = next(iter(piece.items()))
        if kind == "hex":
            return bytes.fromhex(value)
        if kind == "times":
            return data_of(value[1]) * value[0]
        if kind == "line":  # as JSON with every character as it is
            return json.dumps(value, ensure_ascii=False).encode()
        if kind == "event":
            return data_of({"line": value}) + b"\n\n"
    raise Wrong(f"no piece of data: {piece!r:.80}")


def answer_bytes(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} Played", *(f"{name}: {value}" for name, value in headers.items())]
    if status != 204 and "Content-Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def json_answer(status: int, value: Any, **headers: str) -> bytes:
    return answer_bytes(status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode())


def pieces_of(answer: dict[str, Any]) -> list[bytes | float]:
    """What an answer sends: bytes, and seconds to wait between them."""
    sent: list[bytes | float] = []

    def add(piece: Any, wrap: Any = None) -> None:
        if isinstance(piece, dict) and "wait_ms" in piece:
            sent.append(piece["wait_ms"] / 1000)
        else:
            sent.append(wrap(data_of(piece)) if wrap else data_of(piece))

    if "send" in answer:
        for piece in answer["send"]:
            add(piece)
    elif "stream" in answer:
        sent.append(answer_bytes(answer.get("status", 200), {**STREAM, "Content-Length": "", **answer.get("headers", {})}, b"")
                    .replace(b"Content-Length: \r\n", b""))
        for piece in answer["stream"]:
            add(piece, lambda data: b"%x\r\n%b\r\n" % (len(data), data))
        if answer.get("finish", True):
            sent.append(b"0\r\n\r\n")
    elif "json" in answer:
        sent.append(json_answer(answer.get("status", 200), answer["json"], **answer.get("headers", {})))
    else:
        sent.append(answer_bytes(answer.get("status", 200), answer.get("headers", {}), data_of(answer.get("body", ""))))
    cut = answer.get("pieces")
    if cut:
        whole = b"".join(piece for piece in sent if isinstance(piece, bytes))
        return [whole[at : at + cut] for at in range(0, len(whole), cut)]
    return sent


class Player:
    """Plays the answers of a scenario, in the order in which each request line asks for them. Use it as a context."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self._answers = {line: list(answers) for line, answers in scenario.get("answers", {}).items()}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.requests: list[Request] = []  # those for which the scenario has an answer, or nobody has
        self.wrong: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self) -> Player:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def left(self) -> list[str]:
        """Request lines whose answers nobody asked for."""
        return [line for line, answers in self._answers.items() if answers]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = Reader(connection)
        try:
            while (request := reader.request()) is not None:
                if not self._answer(connection, request):
                    break
        except (Wrong, ValueError) as error:
            self.wrong.append(str(error))
        except OSError:
            pass  # the client went away, which is its right
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Whether the connection goes on."""
        line = f"{request.method} {request.path}"
        with self._lock:
            queue = self._answers.get(line) or self._answers.get(line.split("?")[0])
            answer = queue.pop(0) if queue else None
            if answer is not None or self._usual(line) is None:
                self.requests.append(request)
        if answer is None:
            usual = self._usual(line)
            connection.sendall(usual if usual is not None else json_answer(404, {"code": "NOT_PLAYED", "message": line}))
            return True
        for piece in pieces_of(answer):
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                connection.sendall(piece)
                if "pieces" in answer:
                    time.sleep(0.0005)  # so that they arrive one by one
        return self._end(connection, answer.get("end", "keep"))

    @staticmethod
    def _end(connection: socket.socket, how: str) -> bool:
        if how == "keep":
            return True
        if how == "half":  # nothing more will come, but the server still listens
            connection.shutdown(socket.SHUT_WR)
            select.select([connection], [], [], 10)
        elif how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "silence":  # open, and nothing more comes
            select.select([connection], [], [], 10)
        elif how != "close":
            raise Wrong(f"no way to end: {how}")
        return False

    def _usual(self, line: str) -> bytes | None:
        """What every server answers around the part that a scenario is about."""
        path = line.split("?")[0]
        if path in ("GET /v1/sandboxes/box/endpoints/44772", "GET /v1/sandboxes/box/endpoints/18080"):
            return json_answer(200, {"endpoint": self.address, "headers": {"X-EXECD-ACCESS-TOKEN": "token-of-box"}})
        if path == "GET /ping":
            return answer_bytes(200, {}, b"")
        if path in ("GET /v1/sandboxes/box", "POST /v1/sandboxes"):
            return json_answer(202 if path.startswith("POST") else 200, BOX)
        if path == "DELETE /v1/sandboxes/box" or path == "POST /v1/metrics/events":
            return answer_bytes(204, {}, b"")
        return None
