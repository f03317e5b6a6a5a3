"""Streams of events, however they are cut and framed."""

from __future__ import annotations

import json

import pytest
from opensandbox._wire.events import Collector, EventReader, EventTooLarge


def lines(*events, ending="\n\n", prefix=""):
    return "".join(f"{prefix}{json.dumps(event, ensure_ascii=False)}{ending}" for event in events).encode()


INIT = {"type": "init", "text": "abc", "timestamp": 1, "eid": 1, "execution_id": "abc"}
OUT = {"type": "stdout", "text": "grüße \u2028 \u0085 🎉\n", "timestamp": 2, "eid": 2}
DONE = {"type": "execution_complete", "execution_time": 5, "timestamp": 3, "eid": 3}
ALL = [INIT, OUT, DONE]

FRAMINGS = {
    "raw": lines(*ALL),
    "raw crlf": lines(*ALL, ending="\r\n\r\n"),
    "raw cr": lines(*ALL, ending="\r\r"),
    "single newline": lines(*ALL, ending="\n"),
    "sse": lines(*ALL, prefix="data: "),
    "sse no space": lines(*ALL, prefix="data:"),
    "sse crlf with ids": b"".join(b": note\r\nevent: x\r\nid: 7\r\nretry: 1\r\n" + lines(e, prefix="data: ", ending="\r\n\r\n") for e in ALL),
    "sse over several lines": "\n\n".join("\n".join("data: " + part for part in json.dumps(e, indent=1, ensure_ascii=False).split("\n")) for e in ALL).encode(),
    "raw over several lines": "\n\n".join(json.dumps(e, indent=1, ensure_ascii=False) for e in ALL).encode(),
    "no newline at the end": lines(*ALL).rstrip(b"\n"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10**6])
@pytest.mark.parametrize("name", FRAMINGS)
def test_framings_and_cuts(name, size):
    data, reader, events = FRAMINGS[name], EventReader(), []
    for at in range(0, len(data), size):
        events += reader.feed(data[at : at + size])
    events += reader.end()
    assert events == ALL and reader.broken == 0


def test_an_event_is_given_as_soon_as_its_line_ends():
    reader = EventReader()
    assert reader.feed(b'{"type":"ping"}') == []
    assert reader.feed(b"\n") == [{"type": "ping"}]
    assert reader.feed(b'data: {"type":"ping"}\r') == [{"type": "ping"}]


def test_truncated_and_foreign_lines_are_passed_over():
    reader = EventReader()
    events = reader.feed(b'{"type":"stdout","tex\n\n[1]\n\nhello\n\n{"type":"ping"}\n\n{"type":')
    assert events + reader.end() == [{"type": "ping"}]
    assert reader.broken == 4


def test_ten_megabytes_in_one_line():
    text = "x" * 10_000_000
    data, reader, events = lines({"type": "stdout", "text": text}), EventReader(), []
    for at in range(0, len(data), 65536):
        events += reader.feed(data[at : at + 65536])
    assert events[0]["text"] == text


def test_lines_are_bounded():
    reader = EventReader(limit=1000)
    with pytest.raises(EventTooLarge):
        for _ in range(20):
            reader.feed(b"x" * 100)
    reader = EventReader(limit=1000)
    with pytest.raises(EventTooLarge):
        for _ in range(20):
            reader.feed(b"data: " + b"x" * 94 + b"\n")


def test_bytes_that_are_not_utf8_become_replacement_characters():
    assert EventReader().feed(b'{"text":"a\xff"}\n') == [{"text": "a\ufffd"}]


def collect(*events, **options):
    collector, told = Collector(**options), []
    for event in events:
        told.append(collector.take(event))
    return collector, told


def test_a_command():
    collector, told = collect(*ALL)
    run = collector.finish()
    assert [name for name, _ in told] == ["on_init", "on_stdout", "on_execution_complete"]
    assert run.id == "abc" and run.exit_code == 0 and run.complete.execution_time_in_millis == 5
    assert run.logs.stdout[0].text == OUT["text"] and collector.eid == 3 and not collector.resumable


def test_exactly_one_last_event_of_a_command():
    failed = {"type": "error", "error": {"ename": "CommandExecError", "evalue": "7", "traceback": "exit status 7"}, "timestamp": 3}
    collector, told = collect(INIT, failed, DONE, failed, {"type": "stdout", "text": "late", "timestamp": 9})
    run = collector.finish()
    assert told[2:] == [None, None, None]
    assert run.exit_code == 7 and run.complete is None and run.error.traceback == ["exit status 7"] and not run.logs.stdout
    collector, _ = collect(INIT, DONE, failed)
    assert collector.finish().error is None


def test_code_may_report_error_and_completion():
    failed = {"type": "error", "error": {"ename": "E", "evalue": "v", "traceback": ["t"]}, "timestamp": 2}
    done = {"type": "execution_complete", "timestamp": 3}
    collector, _ = collect(INIT, failed, done, code=True)
    run = collector.finish()
    assert run.error.name == "E" and run.complete is not None and run.exit_code is None


def test_missing_timestamps_and_odd_values():
    collector, _ = collect({"type": "init", "text": "i"}, {"type": "stdout", "text": None}, {"type": "stdout", "text": 5},
                           {"type": "result", "results": {"text/plain": "4", "image/png": "…"}}, {"type": "error"}, code=True)
    run = collector.finish()
    assert [m.text for m in run.logs.stdout] == ["", "5"] and run.logs.stdout[0].timestamp > 0
    assert run.result[0].text == "4" and run.result[0].extra_properties["image/png"] == "…"
    assert run.error is not None


def test_unknown_types_and_repeated_events_are_passed_over():
    _, told = collect(INIT, {"type": "status", "text": "error"}, {"type": "new"}, {"type": 5}, {}, INIT, OUT, OUT)
    assert [t is not None for t in told] == [True, False, False, False, False, False, True, False]


def test_an_error_answer_in_place_of_a_stream():
    collector, told = collect({"code": "CONTEXT_BUSY", "message": "busy"}, code=True)
    assert told[0][0] == "on_error" and collector.finish().error.value == "busy"


def test_nothing_is_kept_when_it_is_not_wanted():
    collector, told = collect(INIT, OUT, DONE, keep_output=False)
    assert told[1][1].text == OUT["text"] and not collector.finish().logs.stdout


def test_a_background_command_has_no_exit_code():
    collector, _ = collect(INIT, DONE)
    assert collector.finish(background=True).exit_code is None


def test_gaps_are_counted():
    collector, _ = collect(INIT, {"type": "gap", "dropped": 40, "eid": 41})
    assert collector.dropped == 40 and collector.eid == 41


EVERY = [
    {"type": "init", "text": "abc"},
    {"type": "stdout", "text": "a", "timestamp": True},
    {"type": "stderr", "text": None},
    {"type": "result", "results": {"text/plain": "1", "image/png": None, "other": 2}, "timestamp": 4},
    {"type": "execution_count", "execution_count": 2},
    {"type": "error", "error": {"ename": 1, "evalue": None, "traceback": ["a", 2]}, "timestamp": "5"},
    {"type": "error", "ename": "E"},
    {"code": "C", "message": {"a": 1}},
    {"type": "execution_complete", "execution_time": "7", "timestamp": 6.5},
]


@pytest.mark.parametrize("event", EVERY, ids=json.dumps)
def test_models_are_made_of_values_that_a_strict_validator_takes(event):
    """They are made without one."""
    collector = Collector(code=True)
    told = collector.take(event)
    for model in [collector.execution, *([told[1]] if told else [])]:
        checked = type(model).model_validate(model.model_dump(), strict=True)
        assert checked == model and set(type(model).model_fields) == set(vars(model)) == model.model_fields_set
        assert type(model).model_validate_json(model.model_dump_json()) == model
        assert model.model_copy(deep=True) == model
