"""Requests as bytes, answers as values, errors by name."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from io import BytesIO, StringIO

import pytest
from opensandbox._wire import execd, lifecycle
from opensandbox._wire import websocket as ws
from opensandbox._wire.address import parse_target
from opensandbox._wire.cache import PlaceCache
from opensandbox._wire.errors import api_error, retry_after
from opensandbox._wire.files import FileCalls, identity_prefix
from opensandbox._wire.http1 import IncompleteError, ProtocolError, ResponseReader, encode_head
from opensandbox._wire.lifecycle import Place
from opensandbox._wire.message import Headers, Response
from opensandbox._wire.multipart import Multipart
from opensandbox._wire.reading import read_answer
from opensandbox.exceptions import (
    InvalidArgumentException,
    SandboxApiException,
    SandboxCapacityException,
    SandboxConflictException,
    SandboxNotFoundException,
    SandboxRateLimitException,
    SandboxUnauthorizedException,
)
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.filesystem import WriteEntry
from opensandbox.models.sandboxes import NetworkPolicy, NetworkRule, SandboxFilter, SandboxImageAuth, SandboxImageSpec, Volume
from opensandbox.modes import mode_digits
from opensandbox.transport.retry import JitterMode, Retries, RetryCause, RetryPolicy


def body_of(call):
    return json.loads(call.request.body)


def answer(status, body=b"", **headers):
    return Response(status, Headers.of((k.replace("_", "-"), v) for k, v in headers.items()), body if isinstance(body, bytes) else json.dumps(body).encode())


# -- HTTP/1.1

BODY = b"hello world"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: 1\r\nX-A: 2\r\n\r\n" + BODY,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-a: 1, 2\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\nx-a: 1, 2\r\n\r\n" + BODY,
    "bare newlines": b"HTTP/1.1 200 OK\nContent-Length: 11\nx-a: 1, 2\n\n" + BODY,
}


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_in_pieces(name, size):
    reader, pieces = ResponseReader("GET"), []
    for at in range(0, len(ANSWERS[name]), size):
        pieces += reader.feed(ANSWERS[name][at : at + size])
    assert (reader.status, b"".join(pieces), reader.headers["x-a"]) == (200, BODY, "1, 2")
    assert reader.complete and reader.keep_alive and reader.rest == b""


def test_answers_without_a_body():
    for method, head in (("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"), ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
                         ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")):
        reader = ResponseReader(method)
        assert reader.feed(head) == [] and reader.complete
    reader = ResponseReader("GET")
    reader.feed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00")
    assert reader.complete and reader.rest == b"\x81\x00"


def test_an_answer_that_ends_with_the_connection():
    reader = ResponseReader("GET")
    assert reader.feed(b"HTTP/1.0 200 OK\r\n\r\nabc") == [b"abc"] and not reader.complete and not reader.keep_alive
    reader.end()
    assert reader.complete


@pytest.mark.parametrize("data", [
    b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad\r\n\r\n", b"HTTP/1.1 200 OK\r\n a: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", b"x" * 70000,
])  # fmt: skip
def test_what_is_not_http_is_refused(data):
    with pytest.raises(ProtocolError):
        ResponseReader("GET").feed(data)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_an_answer_that_breaks_off(cut):
    reader = ResponseReader("GET")
    reader.feed(ANSWERS["length"][:cut])
    with pytest.raises(IncompleteError) as caught:
        reader.end()
    assert caught.value.started == (cut > 0)


def test_heads():
    assert encode_head("GET", "/a", "h:1", {"A": "b"}, None, False) == b"GET /a HTTP/1.1\r\nHost: h:1\r\nA: b\r\n\r\n"
    assert encode_head("POST", "/a", "h", {}, None, False).endswith(b"Content-Length: 0\r\n\r\n")
    assert encode_head("POST", "/a", "h", {}, b"abc", False).endswith(b"Content-Length: 3\r\n\r\n")
    with pytest.raises(ValueError):
        encode_head("GET", "/", "h", {"A": "b\r\nC: d"}, None, False)


# -- addresses

def test_addresses():
    target = parse_target("https://user@[::1]:8443/v1/?x#y")
    assert (target.scheme, target.host, target.port, target.path, target.url) == ("https", "::1", 8443, "/v1", "https://[::1]:8443/v1")
    assert parse_target("http://a").port == 80 and parse_target("http://a").authority == "a"
    for bad in ("a:1", "ftp://a", "http://", "http://a:0", "http://a:x", "http://a b"):
        with pytest.raises(ValueError):
            parse_target(bad)


# -- requests

def test_create_leaves_out_what_was_not_given():
    body = lifecycle.create_body(image="ubuntu", entrypoint=["sh"], timeout=timedelta(minutes=10), resource={"cpu": "1"})
    assert body == {"image": {"uri": "ubuntu"}, "entrypoint": ["sh"], "timeout": 600, "resourceLimits": {"cpu": "1"}}
    assert lifecycle.create_body(image="i", timeout=None, resource={})["timeout"] is None
    assert lifecycle.create_body(image="i", timeout=timedelta(seconds=60.2))["timeout"] == 61


def test_create_with_everything():
    body = lifecycle.create_body(
        image=SandboxImageSpec("i", auth=SandboxImageAuth(username="u", password="p")), secure_access=True,
        network_policy=NetworkPolicy(egress=[NetworkRule(action="allow", target="a.example")]),
        volumes=[Volume(name="v", mount_path="/m", host={"path": "/d"})], env={"A": "b"}, metadata={"c": "d"}, extensions={"e": "f"},
        resource_requests={"cpu": "1"})
    assert body["image"] == {"uri": "i", "auth": {"username": "u", "password": "p"}}
    assert body["networkPolicy"] == {"defaultAction": "deny", "egress": [{"action": "allow", "target": "a.example"}]}
    assert body["volumes"] == [{"name": "v", "mountPath": "/m", "readOnly": False, "host": {"path": "/d"}}]
    assert body["secureAccess"] is True and body["resourceRequests"] == {"cpu": "1"}


@pytest.mark.parametrize("options", [{}, {"image": "a", "snapshot_id": "b"}, {"image": " "}, {"image": "a", "timeout": timedelta(0)}])
def test_creates_that_cannot_be_meant(options):
    with pytest.raises(InvalidArgumentException):
        lifecycle.create_body(**options)


def test_list_query():
    call = lifecycle.list_sandboxes(SandboxFilter(states=["Running", "Paused"], metadata={"a&b": "c=d e"}, page=2, page_size=5))
    assert call.request.path == "/sandboxes?state=Running&state=Paused&metadata=a%2526b%3Dc%253Dd%2520e&page=2&pageSize=5"


def test_ids_cannot_leave_their_place():
    assert lifecycle.get("a/../b?x").request.path == "/sandboxes/a%2F..%2Fb%3Fx"
    with pytest.raises(InvalidArgumentException):
        lifecycle.get(" ")


def test_nulls_and_missing_members_of_a_sandbox():
    value = {"id": "i", "status": {"state": "Running", "reason": None}, "createdAt": "2026-01-02T03:04:05.123456789Z", "image": {"uri": "u", "auth": None},
             "expiresAt": None, "metadata": {"camelCase": "kept"}, "unknown": {"x": 1}}
    info = lifecycle.sandbox_info(value)
    assert info.image.image == "u" and info.expires_at is None and info.metadata == {"camelCase": "kept"} and info.entrypoint == []
    assert info.created_at.tzinfo is not None


def test_commands():
    opts = RunCommandOpts(background=True, working_directory="/w", timeout=timedelta(milliseconds=1500), uid=1, gid=2, envs={"A": "b"})
    call = execd.run_command("ls", opts, "key")
    assert body_of(call) == {"command": "ls", "cwd": "/w", "timeout": 1500, "uid": 1, "gid": 2, "envs": {"A": "b"}, "background": True}
    assert call.request.headers["Idempotency-Key"] == "key" and call.expect == (200,)
    assert body_of(execd.run_command(["a", ""], None)) == {"argv": ["a", ""]}
    for bad in (" ", [], [""], ["a\0"], [1]):
        with pytest.raises(InvalidArgumentException):
            execd.run_command(bad, None)
    with pytest.raises(ValueError):
        RunCommandOpts(gid=1)
    with pytest.raises(ValueError):
        RunCommandOpts(timeout=timedelta(seconds=-1))


def test_downloads():
    files = FileCalls()
    assert files.download("/a b/ü&.txt", None, 2, 3).request.path == "/files/download?path=/a%20b/%C3%BC%26.txt&offset=2&limit=3"
    assert files.download("/a", "bytes=0-1", None, None).request.headers == {"Range": "bytes=0-1"}
    for options in ((" ", None, None, None), ("/a", "bytes=0-1", 1, None), ("/a", None, 0, None), ("/a", None, None, 0)):
        with pytest.raises(InvalidArgumentException):
            files.download(*options)


def test_identities():
    assert identity_prefix(0, 4294967294) == "/v1/filesystem/0/4294967294"
    for bad in (-1, 4294967295, True, "1"):
        with pytest.raises(InvalidArgumentException):
            identity_prefix(bad, 0)


def test_forms():
    entries = [WriteEntry(path="/d/é\"\r\n.txt", data="ä", mode=0o644, owner="o"), WriteEntry(path="/b", data=BytesIO(b"xyz"))]
    entries[1].data.seek(1)
    form = Multipart(entries, "B")
    body = b"".join(form.pieces())
    assert len(body) == form.length and not form.replayable
    assert b'{"path":"/d/\xc3\xa9\\"\\r\\n.txt","owner":"o","mode":644}' in body
    assert 'filename="é\\"__.txt"'.encode() in body and b"\r\n\r\n\xc3\xa4\r\n" in body and b"\r\n\r\nyz\r\n" in body
    assert body.endswith(b"--B--\r\n")
    assert 'filename="/b"'.encode() in b"".join(Multipart([WriteEntry(path="/b", data=b"")], "B", full_names=True).pieces())


class Unsized(BytesIO):
    def seek(self, *_):
        raise OSError("cannot seek")


def test_forms_of_unknown_length_and_bad_ones():
    assert Multipart([WriteEntry(path="/a", data=Unsized(b"abc"))], "B").length is None
    for bad in (StringIO("x"), None):
        with pytest.raises(InvalidArgumentException):
            Multipart([WriteEntry(path="/a", data=bad)], "B")
    with pytest.raises(InvalidArgumentException):
        Multipart([WriteEntry(path="/a", data="ä", encoding="ascii")], "B")


# -- modes

@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o777, 0o700, 0o640, 0o666, 0o770, 0o664, 0o660, 0o775, 0o440, 0o444, 0o400, 0o500, 0o555, 0o550, 0o750])
def test_octal_literals_mean_what_they_say(mode):
    digits = int(f"{mode:o}")
    assert mode_digits(mode) == digits and mode_digits(digits) == digits


def test_modes_that_are_none():
    for bad in (-1, 12345, 99999):
        with pytest.raises(ValueError):
            mode_digits(bad)
    assert mode_digits(0) == 0 and mode_digits(1777) == 1777 and mode_digits(4755) == 4755


# -- errors

@pytest.mark.parametrize("status, code, kind", [
    (401, "INVALID_API_KEY", SandboxUnauthorizedException), (403, "PERMISSION_DENIED", SandboxUnauthorizedException),
    (404, "DOCKER::SANDBOX_NOT_FOUND", SandboxNotFoundException), (409, "SANDBOX::NOT_RUNNING", SandboxConflictException),
    (429, "SLOW_DOWN", SandboxRateLimitException), (429, "NATIVE::CAPACITY_EXHAUSTED", SandboxCapacityException),
    (403, "KUBERNETES::QUOTA_EXCEEDED", SandboxCapacityException), (507, "X", SandboxCapacityException), (500, "X", SandboxApiException),
])  # fmt: skip
def test_the_class_of_an_error(status, code, kind):
    error = api_error(answer(status, {"code": code, "message": "why"}, X_Request_ID=" r ", Retry_After="2"), "do it")
    assert type(error) is kind and isinstance(error, SandboxApiException)
    assert (error.status_code, error.error.code, error.error.message, error.request_id) == (status, code, "why", "r")
    assert "do it" in str(error) and "why" in str(error) and "r" in str(error)
    if isinstance(error, SandboxRateLimitException):
        assert error.retry_after == timedelta(seconds=2)
    assert error.is_retryable == (status == 429)


@pytest.mark.parametrize("body, code, message", [
    (b"", "UNEXPECTED_RESPONSE", None), (b"<html>", "UNEXPECTED_RESPONSE", "<html>"), (b"[1]", "UNEXPECTED_RESPONSE", "[1]"),
    (b"{}", "UNEXPECTED_RESPONSE", "{}"), (b'{"detail":{"code":"C","message":"m"}}', "C", "m"), (b'{"detail":"d"}', "UNEXPECTED_RESPONSE", "d"),
    (b'{"code":"C"}', "C", None), (b'{"detail":[{"loc":["body","a"],"msg":"m"}],"code":"V"}', "V", "a: m"), (b"\xff" * 9000, "UNEXPECTED_RESPONSE", "\ufffd" * 512),
])  # fmt: skip
def test_bodies_of_errors(body, code, message):
    error = api_error(answer(500, body), "do it").error
    assert (error.code, error.message) == (code, message)


def test_a_good_answer_that_cannot_be_read():
    for body in (b"", b"[]", b"{}", b'{"id": null', b"\xff"):
        with pytest.raises(SandboxApiException) as caught:
            read_answer(lifecycle.create({}), answer(202, body))
        assert caught.value.error.code == "UNEXPECTED_RESPONSE" and caught.value.status_code == 202


def test_retry_after():
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert retry_after(answer(429, Retry_After="Thu, 01 Jan 2026 00:00:05 GMT"), now) == timedelta(seconds=5)
    assert retry_after(answer(429, Retry_After="-3")) == timedelta(0)
    assert retry_after(answer(429, Retry_After="soon")) is None and retry_after(answer(429)) is None


# -- retries

def test_retries():
    seen = []
    policy = RetryPolicy(max_retries=2, jitter=JitterMode.NONE, on_retry=seen.append)
    retries = Retries(policy, "GET", "u")
    assert retries.after_answer(answer(500)) is None
    assert retries.after_answer(answer(503)) == 0.5
    assert retries.after_answer(answer(429, Retry_After="900")) == 60
    assert retries.after_answer(answer(503)) is None
    assert [event.cause for event in seen] == [RetryCause.STATUS_503, RetryCause.STATUS_429] and seen[1].attempt == 2


def test_what_is_not_idempotent_is_sent_again_only_if_it_was_not_sent():
    retries = Retries(RetryPolicy(jitter=JitterMode.NONE), "POST", "u")
    assert retries.after_answer(answer(503)) is None
    assert retries.after_failure(RetryCause.UNEXPECTED_EOF, OSError(), True) is None
    assert retries.after_failure(RetryCause.PRE_SEND, OSError(), False) is None
    assert retries.after_failure(RetryCause.PRE_SEND, OSError(), True) == 0.5


def test_the_deadline_of_all_attempts():
    now = [0.0]
    policy = RetryPolicy(jitter=JitterMode.NONE, overall_deadline=timedelta(seconds=1), per_attempt_timeout=timedelta(seconds=5))
    retries = Retries(policy, "GET", "u", clock=lambda: now[0])
    assert retries.timeout(30) == 1
    now[0] = 0.6
    assert retries.after_answer(answer(503)) is None and retries.timeout(None) == pytest.approx(0.4)
    assert RetryPolicy.disabled().wraps_transport() is False


def test_pauses_stay_between_their_bounds():
    policy = RetryPolicy(max_retries=20, max_backoff=timedelta(seconds=3))
    retries = Retries(policy, "GET", "u")
    pauses = [retries.after_answer(answer(503)) for _ in range(20)]
    assert all(0.5 <= pause <= 3 for pause in pauses)


# -- the cache of addresses

def test_addresses_grow_old_and_make_room():
    now = [0.0]
    cache = PlaceCache(10, 2, lambda: now[0])
    places = [Place(str(i), {}, None) for i in range(3)]
    for i in range(3):
        cache.put((f"s{i}", 1, False), places[i])
    assert cache.get(("s0", 1, False)) is None and cache.get(("s1", 1, False)) is places[1] and cache.get(("s1", 1, True)) is None
    cache.forget("s1")
    assert cache.get(("s1", 1, False)) is None
    now[0] = 10
    assert cache.get(("s2", 1, False)) is None


# -- WebSocket

def frame(kind, data, final=True):
    size = len(data)
    head = bytes([(0x80 if final else 0) | kind])
    head += bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    return head + data


@pytest.mark.parametrize("size", [1, 3, 1000, 10**6])
def test_messages_in_pieces(size):
    data = frame(1, b"he", False) + frame(9, b"p") + frame(0, b"llo") + frame(2, b"x" * 300) + frame(2, b"y" * 70000) + frame(8, b"\x03\xe8")
    reader, found = ws.FrameReader(), []
    for at in range(0, len(data), size):
        found += reader.feed(data[at : at + size])
    assert [(m.kind, len(m.data)) for m in found] == [(9, 1), (1, 5), (2, 300), (2, 70000), (8, 2)] and found[-1].close_code == 1000


@pytest.mark.parametrize("data", [b"\xc1\x00", b"\x81\x80", frame(0, b"x"), frame(3, b""), frame(9, b"x", False), frame(9, b"x" * 126),
                                  frame(1, b"a", False) + frame(1, b"b"), b"\x82\x7f" + (1 << 40).to_bytes(8, "big")])
def test_frames_against_the_rules(data):
    with pytest.raises(ws.WebSocketError):
        ws.FrameReader().feed(data)


def test_frames_that_are_sent_and_the_handshake():
    assert ws.encode(1, b"Hello", b"\x37\xfa\x21\x3d") == bytes.fromhex("818537fa213d7f9f4d5158")
    assert ws.accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    for size in (125, 126, 65535, 65536):
        assert len(ws.encode(2, b"x" * size)) == size + 4 + (2 if size < 126 else 4 if size < 65536 else 10)


# -- contexts

def test_forks_and_checkpoints():
    call = execd.fork_context("a b", 2)
    assert (call.request.method, call.request.path) == ("POST", "/code/contexts/a%20b/fork?count=2")
    assert read_answer(call, answer(200, {"contexts": [{"id": "x", "language": "python"}]})) == [{"id": "x", "language": "python"}]
    call = execd.checkpoint_context("c")
    assert call.request.path == "/code/contexts/c/checkpoint" and read_answer(call, answer(200, {"checkpoint_id": "k"})) == "k"
    call = execd.restore_context("c", "k")
    assert call.request.path == "/code/contexts/c/restore" and body_of(call) == {"checkpoint_id": "k"}
    with pytest.raises(InvalidArgumentException):
        execd.fork_context("c", 0)
