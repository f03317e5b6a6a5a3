"""Streams of events: cutting them out of a body strictly as specs/events.md says, and holding them against a list of expected ones.

What holds for every stream is checked here, whatever a case asks for: the framing, the members that every event has, numbers
without a hole, and one terminal event, which comes last."""
import json

from matching import Mismatch, describe, fail, is_int, match

TERMINAL = ("execution_complete", "error")
# Characters that some client takes for the end of a line; in JSON they have to be escaped.
LINE_ENDS = ["\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r"]


def without_duplicates(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise Mismatch(f"stream: a member stands twice in {pairs}")
    return dict(pairs)


def parse_block(block, framing):
    """One event out of the text before a blank line; returns it with the id of its SSE frame (None without one)."""
    text = block.decode("utf-8")
    for character in LINE_ENDS:
        if character in text:
            raise Mismatch(f"stream: a raw {character!r} in {describe(text)}")
    lines = text.split("\n")
    frame_id = None
    if framing == "sse":
        if lines[0].startswith("id: "):
            frame_id = int(lines.pop(0)[4:])
        if len(lines) != 1 or not lines[0].startswith("data: "):
            raise Mismatch(f"stream: {describe(text)} is no server-sent event of id and data")
        lines[0] = lines[0][len("data: "):]
    if len(lines) != 1 or not lines[0].startswith("{"):
        raise Mismatch(f"stream: {describe(text)} is not one JSON object on one line")
    return json.loads(lines[0], object_pairs_hook=without_duplicates), frame_id


class Stream:
    """The events of one answer, numbered from `after` + 1; pings are checked, counted and left out."""

    def __init__(self, pieces, framing="lines", after=0):
        self.pieces = pieces
        self.framing = framing
        self.last = after
        self.buffer = b""
        self.pings = 0
        self.terminal = None
        self.seen = []
        self.pushed_back = []

    def next(self):
        """The next event that is no ping; None at the end."""
        if self.pushed_back:
            return self.pushed_back.pop()
        while True:
            while b"\n\n" not in self.buffer:
                piece = next(self.pieces, None)
                if piece is None:
                    if self.buffer:
                        raise Mismatch(f"stream: it ended within {self.buffer[:200]!r}")
                    return None
                self.buffer += piece
            block, self.buffer = self.buffer.split(b"\n\n", 1)
            event = self.check(*parse_block(block, self.framing))
            if event is not None:
                self.seen.append(event)
                return event

    def push_back(self, event):
        if event is not None:
            self.pushed_back.append(event)

    def check(self, event, frame_id):
        if not isinstance(event.get("type"), str) or not is_int(event.get("timestamp")):
            raise Mismatch(f"stream: {describe(event)} has no type or no timestamp")
        if self.framing == "sse" and frame_id != event.get("eid"):
            raise Mismatch(f"stream: the id of the frame is {frame_id}, of the event {event.get('eid')}")
        if event["type"] == "ping":
            if event.get("text") != "pong" or "eid" in event:
                raise Mismatch(f"stream: {describe(event)} is no ping")
            self.pings += 1
            return None
        due = self.last + 1 if event["type"] != "gap" else self.last + (event.get("dropped") or 0)
        if event.get("eid") != due:
            raise Mismatch(f"stream: {describe(event)} came, its eid should be {due}")
        self.last = due
        if self.terminal:
            raise Mismatch(f"stream: {describe(event)} came behind the terminal event {self.terminal}")
        if event["type"] in TERMINAL:
            self.terminal = event["type"]
        return event

    # -- expectations

    def expect(self, patterns, captures):
        for index, pattern in enumerate(patterns):
            self.expect_one(f"event {index + 1}", pattern, captures)

    def expect_one(self, where, pattern, captures):
        if "$output" in pattern:
            self.expect_output(where, pattern["$output"], captures)
        elif "$some" in pattern:
            self.expect_some(pattern["$some"], captures)
        elif "$unordered" in pattern:
            events = [self.next() for _ in pattern["$unordered"]]
            match(where, events, {"$unordered": [{"$more": True, **one} for one in pattern["$unordered"]]}, captures)
        else:
            event = self.next()
            if event is None:
                raise Mismatch(f"{where}: the stream ended, {describe(pattern)} was expected")
            match(where, event, {"$more": True, **pattern}, captures)

    def expect_output(self, where, wanted, captures):
        """All events of output up to the next one of another type, put together by stream."""
        texts = {}
        while (event := self.next()) and event["type"] in ("stdout", "stderr"):
            if not isinstance(event.get("text"), str) or not event["text"]:
                fail(where, event, "an event with a text")
            texts[event["type"]] = texts.get(event["type"], "") + event["text"]
        self.push_back(event)
        match(where, texts, wanted, captures)

    def expect_some(self, pattern, captures):
        while event := self.next():
            try:
                match("", event, {"$more": True, **pattern}, captures)
            except Mismatch:
                return self.push_back(event)

    def expect_end(self, pings=None, captures=None, terminal=True):
        event = self.next()
        if event is not None:
            fail("stream", event, "its end")
        if terminal and not self.terminal:
            raise Mismatch("stream: it ended without a terminal event")
        if pings is not None:
            match("number of pings", self.pings, pings, captures)
