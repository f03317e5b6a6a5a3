"""The steps of a case: each sends something and holds the answer against its expectation. README.md describes their members."""
import base64
import json
import re
import time
from pathlib import Path

from events import Stream
from matching import ABSENT, Mismatch, describe, fail, fill, match
from wire import BINARY, CLOSE, TEXT, Closed, Connection, WebSocket

TOKEN_HEADER = "X-EXECD-ACCESS-TOKEN"
FIXTURES = Path(__file__).parent / "fixtures"
BOUNDARY = "conformance-boundary"
RETRY_SECONDS = 20.0
JSON = {"$match": "application/json(; charset=utf-8)?"}


def content(part):
    """The bytes that an object names by `text`, `json`, `base64`, `hex`, `repeat` or `fixture`; None without any."""
    if "text" in part:
        return part["text"].encode("utf-8", "surrogateescape")
    if "json" in part:
        return json.dumps(part["json"]).encode()
    if "base64" in part:
        return base64.b64decode(part["base64"])
    if "hex" in part:
        return bytes.fromhex(part["hex"])
    if "repeat" in part:
        return part["repeat"]["text"].encode() * part["repeat"]["times"]
    if "fixture" in part:
        return (FIXTURES / part["fixture"]).read_bytes()
    return None


def form_body(parts):
    out = b""
    for part in parts:
        lines = [f'Content-Disposition: form-data; name="{part["name"]}"'
                 + (f'; filename="{part["filename"]}"' if "filename" in part else "")]
        if "type" in part:
            lines.append(f"Content-Type: {part['type']}")
        lines += [f"{name}: {value}" for name, value in part.get("headers", {}).items()]
        out += f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + (content(part) or b"") + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


class Case:
    """One case on its way: its variables, and what it keeps open."""

    def __init__(self, address, token, variables):
        self.address = address
        self.token = token
        self.variables = variables
        self.connections = {}
        self.streams = {}
        self.sockets = {}

    def close(self):
        for connection in self.connections.values():
            connection.close()

    def run(self, step):
        kinds = {"request": self.request, "read": self.read, "websocket": self.websocket, "on": self.on, "close": self.hang_up}
        for kind, action in kinds.items():
            if kind in step:
                return self.again(action, step) if step.get("retry") else action(self.filled(step))
        raise ValueError(f"there is no such step: {step}")

    def filled(self, step):
        """With its variables; expectations get theirs when they are held against something, from the same answer too."""
        later = {key: step[key] for key in ("expect", "frames") if key in step}
        return {**fill({key: value for key, value in step.items() if key not in later}, self.variables), **later}

    def again(self, action, step):
        """Until the expectation holds: for what becomes true a little later."""
        end = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return action(self.filled(step))
            except (Mismatch, Closed, OSError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    # -- HTTP

    def headers(self, step):
        headers = [(name, value) for name, value in step.get("headers", {}).items()]
        token = step.get("token", self.token)
        if token:
            headers.append((TOKEN_HEADER, token))
        if "form" in step and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"))
        elif "json" in step and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        return headers

    def connection(self, name=None):
        if name in self.connections:
            return self.connections[name]
        connection = Connection(self.address)
        self.connections[name or f"#{len(self.connections)}"] = connection
        return connection

    def send(self, step, connection):
        method, target = step["request"].split(" ", 1)
        body = form_body(step["form"]) if "form" in step else content(step)
        headers = self.headers(step)
        if "cut" in step:  # announces all of it, sends a part and ends
            headers.append(("Content-Length", str(len(body))))
            body = body[:step["cut"]]
        connection.send_request(method, target, headers, body, step.get("chunk", 0))
        if "cut" in step:
            connection.socket.shutdown(1)
        return method

    def request(self, step):
        connection = self.connection(step.get("over"))
        method = self.send(step, connection)
        head = connection.head()
        expected = step["expect"]
        pieces = connection.pieces(head, method)
        self.check_status(head, expected, pieces)
        self.check_headers(head, expected.get("headers", {}))
        if "events" in expected:
            self.begin_events(step, head, expected, pieces, connection)
        elif "lines" in expected:
            self.check_lines(expected["lines"], pieces)
            connection.close()
        else:
            self.check_body(head, expected, b"".join(pieces))

    def check_status(self, head, expected, pieces):
        try:
            match("status", head.status, expected["status"], self.variables)
        except Mismatch as error:
            raise Mismatch(f"{error}; body {next(pieces, b'')[:300]!r}") from None

    def check_headers(self, head, expected):
        for name, wanted in expected.items():
            values = head.values(name)
            match(f"header {name}", ", ".join(values) if values else ABSENT, wanted, self.variables)

    def check_body(self, head, expected, body):
        if "error" in expected:
            self.check_headers(head, {"Content-Type": JSON})
            match("error", self.json(body), {"code": expected["error"], "message": {"$match": ".+"}, "$more": True}, self.variables)
        if "json" in expected:
            self.check_headers(head, {"Content-Type": JSON})
            match("json", self.json(body), expected["json"], self.variables)
        if "body" in expected:
            match("body", body.decode("utf-8", "replace"), expected["body"], self.variables)
        if "hex" in expected and body != bytes.fromhex(expected["hex"]):
            fail("body", body.hex(), expected["hex"])
        if "size" in expected and len(body) != expected["size"]:
            fail("size of the body", len(body), expected["size"])
        if expected.get("empty"):
            self.check_headers(head, {"Content-Length": "0", "Content-Type": {"$absent": True}})
            match("body", body.decode("utf-8", "replace"), "", self.variables)

    @staticmethod
    def json(body):
        try:
            return json.loads(body)
        except ValueError:
            raise Mismatch(f"body: {describe(body)} came, JSON was expected") from None

    def check_lines(self, patterns, pieces):
        """JSON objects, one a line; the rest is not waited for."""
        buffer = b""
        for index, pattern in enumerate(patterns):
            while b"\n" not in buffer:
                piece = next(pieces, None)
                if piece is None:
                    raise Mismatch(f"line {index + 1}: the answer ended")
                buffer += piece
            line, buffer = buffer.split(b"\n", 1)
            match(f"line {index + 1}", self.json(line), pattern, self.variables)

    # -- event streams

    def begin_events(self, step, head, expected, pieces, connection):
        self.check_headers(head, {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        stream = Stream(pieces, expected.get("framing", "lines"), int(fill(expected.get("after", 0), self.variables)))
        self.go_on(step, stream, expected, connection)

    def read(self, step):
        stream, connection = self.streams[step["read"]]
        self.go_on({"open": step["read"], **step} if step.get("more") else step, stream, step["expect"], connection)

    def go_on(self, step, stream, expected, connection):
        try:
            stream.expect(expected["events"], self.variables)
            if "open" in step:
                self.streams[step["open"]] = (stream, connection)
            elif step.get("leave"):
                connection.close()
            else:
                stream.expect_end(expected.get("pings"), self.variables, expected.get("terminal", True))
        except Mismatch as error:
            raise Mismatch(f"{error}\n      the events that came: {describe(stream.seen)}") from None
        self.variables["eid"] = stream.last

    # -- WebSocket

    def websocket(self, step):
        self.hang_up({"close": step["as"]})
        connection = self.connection(step["as"])
        given = {name.lower() for name in step.get("headers", {})}
        headers = self.headers(step) + [pair for pair in WebSocket.handshake_headers() if pair[0].lower() not in given]
        connection.send_request("GET", step["websocket"], [(name, value) for name, value in headers if value is not False])
        head = connection.head()
        expected = step.get("expect", {"status": 101})
        pieces = connection.pieces(head)
        self.check_status(head, expected, pieces)
        self.check_headers(head, expected.get("headers", {}))
        if head.status == 101:
            self.sockets[step["as"]] = Terminal(WebSocket(connection))
        else:
            self.check_body(head, expected, b"".join(pieces))
            del self.connections[step["as"]]

    def on(self, step):
        socket = self.sockets[step["on"]]
        for frame in step.get("send", []):
            socket.send(frame)
        for frame in step.get("frames", []):
            socket.expect(frame, self.variables)

    def hang_up(self, step):
        if step["close"] in self.connections:
            self.connections.pop(step["close"]).close()


class Terminal:
    """Frames as a case sees them: output is cut anywhere, so it is put together until what is looked for is in it."""

    def __init__(self, socket):
        self.socket = socket
        self.waiting = []  # frames that came while output was looked for
        self.output = {1: "", 2: ""}  # by kind: stdout or terminal, stderr

    def send(self, frame):
        if "stdin" in frame:
            self.socket.send(BINARY, b"\0" + frame["stdin"].encode())
        elif "json" in frame:
            self.socket.send(TEXT, json.dumps(frame["json"]).encode())
        elif "text" in frame:
            self.socket.send(TEXT, frame["text"].encode())
        elif "close" in frame:
            self.socket.send(CLOSE, frame["close"]["code"].to_bytes(2, "big") + frame["close"]["reason"].encode())
        else:
            self.socket.send(BINARY, content(frame))

    def next(self):
        return self.waiting.pop(0) if self.waiting else self.socket.frame()

    def take_output(self, opcode, payload):
        if opcode != BINARY or payload[:1] not in (b"\1", b"\2"):
            return False
        self.output[payload[0]] += payload[1:].decode("utf-8", "replace")
        return True

    def expect(self, frame, captures):
        if "output" in frame:
            return self.expect_output(1, fill(frame["output"], captures))
        if "errors" in frame:
            return self.expect_output(2, fill(frame["errors"], captures))
        if "replay" in frame:
            return self.expect_replay(frame["replay"], captures)
        if "echo" in frame:
            opcode, payload = self.next()
            return match("frame", [opcode, payload.decode("utf-8", "replace")], [TEXT, frame["echo"]], captures)
        while True:
            opcode, payload = self.next()
            if "first" in frame or not self.take_output(opcode, payload):
                break
        if "close" in frame:
            self.expect_close(opcode, payload, frame["close"], captures)
        else:
            wanted = frame.get("first", frame.get("json"))
            if opcode != TEXT:
                fail("frame", payload, f"the text frame {wanted!r}")
            match("frame", json.loads(payload), wanted, captures)

    def expect_output(self, kind, pattern):
        """A regular expression; what it matched and all before is taken."""
        while not (found := re.search(pattern, self.output[kind], re.S)):
            opcode, payload = self.socket.frame()
            if not self.take_output(opcode, payload):
                if opcode == CLOSE:
                    raise Mismatch(f"output: {describe(self.output)} came, then the end; /{pattern}/ was expected")
                self.waiting.append((opcode, payload))
        self.output[kind] = self.output[kind][found.end():]

    def expect_replay(self, wanted, captures):
        opcode, payload = self.next()
        if opcode != BINARY or payload[:1] != b"\3":
            fail("frame", payload, "a replay")
        match("replay", {"offset": int.from_bytes(payload[1:9], "big"), "text": payload[9:].decode("utf-8", "replace")}, wanted, captures)

    def expect_close(self, opcode, payload, wanted, captures):
        if opcode != CLOSE:
            fail("frame", payload, f"close {wanted!r}")
        came = {"code": int.from_bytes(payload[:2], "big") if payload else None, "reason": payload[2:].decode("utf-8", "replace")}
        match("close", came, {"$more": True, **wanted}, captures)
