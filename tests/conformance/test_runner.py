"""The runner itself: a tiny server gives right and wrong answers, and each kind of expectation has to tell them apart."""
import json
import socket
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from matching import Mismatch, match  # noqa: E402
from run import Target, files, load, run_case, run_file  # noqa: E402

OK = b"HTTP/1.1 200 OK\r\n"
STREAM = OK + b"Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
PING = b'{"type":"ping","text":"pong","timestamp":1}\n\n'


class FakeServer:
    """Answers each connection with the next of `answers`, whatever is asked, and closes."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for answer in self.answers:
            connection, _ = self.listener.accept()
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
                while len(body) < size:
                    body += connection.recv(65536)
                self.requests.append((head, body))
                connection.sendall(answer)
        self.listener.close()


def sized(body, status=b"200 OK", headers=b"Content-Type: application/json; charset=utf-8\r\n"):
    return b"HTTP/1.1 " + status + b"\r\n" + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*pieces):
    return STREAM + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def lines(*events, ping=True):
    """A stream of events, numbered, with a ping behind the first."""
    out = b""
    for eid, event in enumerate(events, 1):
        event = {"timestamp": 1, "eid": eid, **event}
        out += json.dumps({k: v for k, v in event.items() if v is not None}).encode() + b"\n\n"
        if eid == 1 and ping:
            out += PING
    return out


INIT, HI, DONE, FAILED = {"type": "init"}, {"type": "stdout", "text": "hi\n"}, {"type": "execution_complete"}, {"type": "error"}


class RunnerTest(unittest.TestCase):
    def result(self, expect, *answers, step=None):
        server = FakeServer(*answers)
        case = {"name": "case", "steps": [{"request": "GET /", "expect": expect, **(step or {})}]}
        return run_case(Target(server.address, ""), "area", case)

    def passes(self, expect, *answers, step=None):
        result = self.result(expect, *answers, step=step)
        self.assertEqual(result.outcome, "passed", result)

    def fails(self, expect, *answers, step=None, why=""):
        result = self.result(expect, *answers, step=step)
        self.assertEqual(result.outcome, "failed", (expect, answers))
        self.assertNotIn("Traceback", result.why)
        self.assertIn(why, result.why)


class Answers(RunnerTest):
    def test_status(self):
        self.passes({"status": 200}, sized(b""))
        self.fails({"status": 200}, sized(b"", b"404 Not Found"), why="status")

    def test_headers(self):
        answer = sized(b"", headers=b"X-A: 1\r\nX-A: 2\r\nX-B: b3\r\n")
        self.passes({"status": 200, "headers": {"x-a": "1, 2", "X-B": {"$match": "b\\d"}, "X-C": {"$absent": True}}}, answer)
        self.fails({"status": 200, "headers": {"X-A": "1"}}, answer, why="X-A")
        self.fails({"status": 200, "headers": {"X-B": {"$match": "c"}}}, answer, why="X-B")
        self.fails({"status": 200, "headers": {"X-B": {"$absent": True}}}, answer, why="X-B")
        self.fails({"status": 200, "headers": {"X-C": {"$any": True}}}, answer, why="X-C")

    def test_bodies(self):
        self.passes({"status": 200, "body": "text"}, sized(b"text"))
        self.fails({"status": 200, "body": "text"}, sized(b"texts"), why="body")
        self.passes({"status": 200, "hex": "ff00"}, sized(b"\xff\x00"))
        self.fails({"status": 200, "hex": "ff00"}, sized(b"\xff\x01"), why="body")
        self.passes({"status": 200, "size": 4}, sized(b"text"))
        self.fails({"status": 200, "size": 5}, sized(b"text"), why="size")

    def test_empty(self):
        self.passes({"status": 200, "empty": True}, sized(b"", headers=b""))
        self.fails({"status": 200, "empty": True}, sized(b"x", headers=b""), why="Content-Length")
        self.fails({"status": 200, "empty": True}, sized(b""), why="Content-Type")
        self.fails({"status": 200, "empty": True}, OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", why="Content-Length")

    def test_json(self):
        self.passes({"status": 200, "json": {"a": [1, None]}}, sized(b'{"a":[1,null]}'))
        self.fails({"status": 200, "json": {"a": 1}}, sized(b'{"a":1,"b":2}'), why="no further member")
        self.passes({"status": 200, "json": {"a": 1, "$more": True}}, sized(b'{"a":1,"b":2}'))
        self.fails({"status": 200, "json": {"a": 1}}, sized(b'{"a":true}'), why="json.a")
        self.fails({"status": 200, "json": {"a": 1}}, sized(b"no"), why="JSON")
        self.fails({"status": 200, "json": {}}, sized(b"{}", headers=b"Content-Type: text/plain\r\n"), why="Content-Type")

    def test_errors(self):
        self.passes({"status": 400, "error": "CODE"}, sized(b'{"code":"CODE","message":"m"}', b"400 Bad"))
        self.fails({"status": 400, "error": "CODE"}, sized(b'{"code":"OTHER","message":"m"}', b"400 Bad"), why="code")
        self.fails({"status": 400, "error": "CODE"}, sized(b'{"code":"CODE"}', b"400 Bad"), why="message")
        self.fails({"status": 400, "error": "CODE"}, sized(b'{"code":"CODE","message":""}', b"400 Bad"), why="message")

    def test_answers_that_are_cut(self):
        self.fails({"status": 200, "body": "te"}, OK + b"Content-Length: 4\r\n\r\nte", why="early")
        self.fails({"status": 200, "body": "te"}, OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nte\r\n", why="ended")
        self.fails({"status": 200}, b"", why="ended")
        self.fails({"status": 200}, b"ICY 200 OK\r\n\r\n", why="HTTP")

    def test_lines(self):
        answer = OK + b'Content-Length: 16\r\n\r\n{"n":1}\n{"n":2}\n'
        self.passes({"status": 200, "lines": [{"n": 1}]}, answer)
        self.fails({"status": 200, "lines": [{"n": 1}, {"n": 3}]}, answer, why="line 2")
        self.fails({"status": 200, "lines": [{"n": 1}, {"n": 2}, {"n": 3}]}, answer, why="line 3")

    def test_repeats_until_it_holds(self):
        self.passes({"status": 200, "body": "b"}, sized(b"a"), sized(b"a"), sized(b"b"), step={"retry": True})

    def test_requests_are_sent_as_written(self):
        server = FakeServer(sized(b""))
        run_case(Target(server.address, "secret"), "area", {"name": "case", "steps": [
            {"request": "POST /x?y=%2F", "json": {"a": "${nonce}$${x}"}, "headers": {"X-A": "b"}, "expect": {"status": 200}}]})
        head, body = server.requests[0]
        self.assertTrue(head.startswith(b"POST /x?y=%2F HTTP/1.1\r\n"), head)
        self.assertIn(b"X-EXECD-ACCESS-TOKEN: secret", head)
        self.assertRegex(body.decode(), r'^\{"a": "[0-9a-f]{16}\$\{x\}"\}$')


    def test_known_gaps_have_to_fail(self):
        for answer, outcome in ((sized(b"a"), "failed"), (sized(b"b"), "gap")):
            server = FakeServer(answer)
            case = {"name": "case", "gap": "not done", "steps": [{"request": "GET /", "expect": {"status": 200, "body": "a"}}]}
            self.assertEqual(run_case(Target(server.address, ""), "area", case).outcome, outcome)


class Streams(RunnerTest):
    expect = {"status": 200, "events": [{"type": "init"}, {"type": "stdout", "text": "hi\n"}, {"type": "execution_complete"}]}

    def test_right(self):
        self.passes(self.expect, chunked(lines(INIT, HI, DONE)))
        self.passes(self.expect, chunked(*[bytes([byte]) for byte in lines(INIT, HI, DONE)]))
        self.passes({**self.expect, "pings": 1}, chunked(lines(INIT, HI, DONE)))

    def test_wrong_events(self):
        self.fails(self.expect, chunked(lines(INIT, DONE)), why="event 2")
        self.fails(self.expect, chunked(lines(INIT, {"type": "stdout", "text": "ho\n"}, DONE)), why="event 2.text")
        self.fails(self.expect, chunked(lines(INIT, {"type": "stderr", "text": "hi\n"}, DONE)), why="event 2.type")
        self.fails(self.expect, chunked(lines(INIT, HI, HI, DONE)), why="event 3")
        self.fails(self.expect, chunked(lines(INIT, HI)), why="event 3")

    def test_exactly_one_terminal_event_and_last(self):
        for more in (DONE, FAILED, HI):
            self.fails(self.expect, chunked(lines(INIT, HI, DONE, more)), why="terminal")
        self.fails({"status": 200, "events": [{"type": "init"}]}, chunked(lines(INIT)), why="terminal")
        self.passes({"status": 200, "events": [{"type": "init"}], "terminal": False}, chunked(lines(INIT)))

    def test_numbers(self):
        for wrong in ({"eid": 3}, {"eid": 1}, {"eid": None}, {"eid": "2"}):
            self.fails(self.expect, chunked(lines(INIT, {**HI, **wrong}, DONE)), why="eid")
        self.passes({**self.expect, "after": 4}, chunked(lines({**INIT, "eid": 5}, {**HI, "eid": 6}, {**DONE, "eid": 7})))
        self.fails({**self.expect, "after": 4}, chunked(lines(INIT, HI, DONE)), why="eid")

    def test_gap(self):
        gap = {"type": "gap", "dropped": 5, "eid": 7}
        expect = {"status": 200, "after": 2, "events": [{"type": "gap", "dropped": 5}, {"type": "execution_complete"}]}
        self.passes(expect, chunked(lines(gap, {**DONE, "eid": 8})))
        self.fails(expect, chunked(lines({**gap, "eid": 8}, {**DONE, "eid": 9})), why="eid")

    def test_members_of_every_event(self):
        self.fails(self.expect, chunked(lines(INIT, {**HI, "timestamp": None}, DONE)), why="timestamp")
        self.fails(self.expect, chunked(lines(INIT, {**HI, "timestamp": "1"}, DONE)), why="timestamp")
        self.fails(self.expect, chunked(lines(INIT, {"text": "hi\n"}, DONE)), why="type")

    def test_pings(self):
        self.fails({**self.expect, "pings": 1}, chunked(lines(INIT, HI, DONE, ping=False)), why="pings")
        self.fails(self.expect, chunked(lines(INIT, ping=False) + PING.replace(b"pong", b"ping") + lines(HI, DONE)), why="ping")
        self.fails(self.expect, chunked(lines(INIT, {"type": "ping", "text": "pong"}, HI, DONE)), why="ping")

    def test_framing(self):
        body = lines(INIT, HI, DONE)
        for wrong in (body.replace(b"\n\n", b"\n"), body.replace(b"\n\n", b"\r\n\r\n"), b"data: " + body, body[:-1], body + b"{", b"\n" + body,
                      body.replace(b'{"timestamp"', b'{"timestamp":1,"timestamp"', 1)):
            self.fails(self.expect, chunked(wrong), why="stream")

    def test_raw_line_ends_in_texts(self):
        for raw in ("\u0085", "\u2028", "\x1c"):
            event = '{"type":"stdout","text":"a%s","timestamp":1,"eid":2}\n\n' % raw
            self.fails(self.expect, chunked(lines(INIT) + event.encode() + b'{"type":"execution_complete","timestamp":1,"eid":3}\n\n'), why="raw")

    def test_server_sent_events(self):
        right = b'id: 1\ndata: {"type":"init","timestamp":1,"eid":1}\n\ndata: {"type":"ping","text":"pong","timestamp":1}\n\nid: 2\ndata: {"type":"error","timestamp":1,"eid":2}\n\n'
        expect = {"status": 200, "framing": "sse", "events": [{"type": "init"}, {"type": "error"}]}
        self.passes(expect, chunked(right))
        for wrong in (right.replace(b"id: 2", b"id: 3"), right.replace(b"id: 2\n", b""), right.replace(b"data: ", b""), right.replace(b"data: {\"type\":\"ping\"", b"id: 1\ndata: {\"type\":\"ping\"")):
            self.fails(expect, chunked(wrong), why="stream")

    def test_stream_that_is_cut(self):
        self.fails(self.expect, chunked(lines(INIT, HI, DONE))[:-5], why="ended")

    def test_headers_of_streams(self):
        answer = chunked(lines(INIT, HI, DONE))
        self.fails(self.expect, answer.replace(b"text/event-stream", b"application/json"), why="Content-Type")
        self.fails(self.expect, answer.replace(b"X-Accel-Buffering: no\r\n", b""), why="X-Accel-Buffering")

    def test_output_put_together(self):
        answer = chunked(lines(INIT, HI, {"type": "stderr", "text": "e"}, HI, DONE))
        def expect(output):
            return {"status": 200, "events": [{"type": "init"}, {"$output": output}, {"type": "execution_complete"}]}
        self.passes(expect({"stdout": "hi\nhi\n", "stderr": "e"}), answer)
        self.fails(expect({"stdout": "hi\nhi\n"}), answer, why="event 2")
        self.fails(expect({"stdout": "hi\n", "stderr": "e"}), answer, why="event 2")
        self.fails(expect({"stdout": "hi\n"}), chunked(lines(INIT, HI, {"type": "stdout", "text": ""}, DONE)), why="text")

    def test_some_and_unordered(self):
        self.passes({"status": 200, "events": [{"type": "init"}, {"$some": {"type": "stdout"}}, {"type": "error"}]}, chunked(lines(INIT, HI, HI, FAILED)))
        self.passes({"status": 200, "events": [{"type": "init"}, {"$some": {"type": "stdout"}}, {"type": "error"}]}, chunked(lines(INIT, FAILED)))
        self.fails({"status": 200, "events": [{"type": "init"}, {"$some": {"type": "stderr"}}, {"type": "error"}]}, chunked(lines(INIT, HI, FAILED)), why="event 3")
        both = {"status": 200, "events": [{"$unordered": [{"type": "stdout"}, {"type": "init"}]}, {"type": "error"}]}
        self.passes(both, chunked(lines(INIT, HI, FAILED)))
        self.fails(both, chunked(lines(INIT, INIT, FAILED)), why="event 1")


class Matchers(unittest.TestCase):
    RIGHT = [
        ({"$match": "a+"}, "aa"), ({"$contains": "b"}, "abc"), ({"$int": True}, 5), ({"$int": [1, 5]}, 5), ({"$number": True}, 1.5),
        ({"$time": True}, "2026-06-12T15:35:00.123456789Z"), ({"$time": True}, "2026-06-12T15:35:00+02:00"), ({"$one_of": [1, "a"]}, "a"),
        ({"$unordered": [1, 2]}, [2, 1]), ({"$each": {"$int": True}}, [1, 2]), ({"$size": 2}, [1, 2]), ({"$any": True}, None),
        ({"a": {"$absent": True}}, {}), ({"a": {"$any": True}}, {"a": None}),
    ]
    WRONG = [
        ({"$match": "a+"}, "ab"), ({"$match": "a+"}, 5), ({"$contains": "b"}, "ac"), ({"$int": True}, 5.0), ({"$int": True}, True), ({"$int": [1, 5]}, 6),
        ({"$number": True}, "1"), ({"$time": True}, "2026-06-12 15:35:00"), ({"$one_of": [1, "a"]}, 2), ({"$unordered": [1, 2]}, [1, 1]),
        ({"$unordered": [1, 2]}, [1, 2, 3]), ({"$each": {"$int": True}}, [1, "2"]), ({"$size": 2}, [1]), ({"a": {"$absent": True}}, {"a": None}),
        ({"a": {"$any": True}}, {}), ([1, 2], [1]), ({"a": 1}, {"a": "1"}), (None, False), (1, True), ("1", 1),
    ]

    def test_right(self):
        for expected, value in self.RIGHT:
            match("value", value, expected, {})

    def test_wrong(self):
        for expected, value in self.WRONG:
            with self.assertRaises(Mismatch, msg=(expected, value)):
                match("value", value, expected, {})

    def test_captures(self):
        captures = {}
        match("value", {"a": "x12"}, {"a": {"$match": "x(?P<digits>\\d+)", "$as": "all"}}, captures)
        self.assertEqual(captures, {"all": "x12", "digits": "12"})

    def test_captures_of_the_same_answer(self):
        match("value", {"a": "1", "b": "x1"}, {"a": {"$as": "n", "$any": True}, "b": "x${n}"}, {})
        with self.assertRaises(Mismatch):
            match("value", {"a": "1", "b": "x2"}, {"a": {"$as": "n", "$any": True}, "b": "x${n}"}, {})

    def test_unknown_matcher(self):
        with self.assertRaises(ValueError):
            match("value", 1, {"$integer": True}, {})


class WebSockets(RunnerTest):
    UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    def frames(self, expected, *payloads):
        data = b"".join(bytes([0x80 | opcode, len(payload)]) + payload for opcode, payload in payloads)
        server = FakeServer(self.UPGRADE + data)
        return run_case(Target(server.address, ""), "area", {"name": "case", "steps": [{"websocket": "/ws", "as": "ws"}, {"on": "ws", "frames": expected}]})

    def test_frames(self):
        sent = [(2, b"\3\0\0\0\0\0\0\0\4old"), (1, b'{"type":"connected"}'), (2, b"\1ab"), (2, b"\2e"), (2, b"\1cd"), (1, b'{"type":"exit","exit_code":3}'), (8, b"\x03\xe8bye")]
        right = [{"replay": {"offset": 4, "text": "old"}}, {"first": {"type": "connected"}}, {"output": "^abcd"}, {"errors": "^e"},
                 {"json": {"type": "exit", "exit_code": 3}}, {"close": {"code": 1000, "reason": "bye"}}]
        self.assertEqual(self.frames(right, *sent).outcome, "passed")
        wrong = [{"replay": {"offset": 5, "text": "old"}}, {"first": {"type": "exit"}}, {"output": "^abd"}, {"errors": "^f"}, {"json": {"type": "exit", "exit_code": 4}}, {"close": {"code": 4001}}]
        for index, frame in enumerate(wrong):
            result = self.frames([*right[:index], frame, *right[index + 1:]], *sent)
            self.assertEqual(result.outcome, "failed", frame)
            self.assertNotIn("Traceback", result.why)

    def test_refused_handshake(self):
        server = FakeServer(sized(b"{}", b"409 Conflict"))
        self.assertEqual(run_case(Target(server.address, ""), "area", {"name": "case", "steps": [{"websocket": "/ws", "as": "ws"}]}).outcome, "failed")


class Files(unittest.TestCase):
    def test_cases_can_be_read(self):
        self.assertTrue(files())
        for path in files():
            text = load(path)
            self.assertTrue(text["about"] and text["cases"], path)
            for case in text["cases"]:
                self.assertTrue(case["shows"] and case["steps"], (path, case["name"]))

    def test_members_that_nobody_reads_are_refused(self):
        for text in ({"cases": [], "need": {}}, {"cases": [{"name": "a", "steps": [], "show": ""}]}, {"cases": [{"name": "a", "steps": []}] * 2}):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(text, file)
                file.flush()
                with self.assertRaises(ValueError):
                    load(file.name)

    def test_needs(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"cases": [{"name": "a", "steps": [], "needs": {"token": True}}, {"name": "b", "steps": []}]}, file)
            file.flush()
            self.assertEqual([r.outcome for r in run_file(file.name, Target("127.0.0.1:1", ""))], ["skipped", "passed"])
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"daemon": {"token": ""}, "cases": [{"name": "a", "steps": []}]}, file)
            file.flush()
            self.assertEqual([r.outcome for r in run_file(file.name, Target("127.0.0.1:1", ""))], ["skipped"])


if __name__ == "__main__":
    unittest.main()
