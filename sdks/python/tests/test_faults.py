"""A server that misbehaves: broken streams, refusals, silence."""

from __future__ import annotations

import asyncio
import json
import logging
import socketserver
import threading
import time
from datetime import timedelta

import pytest
from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.exceptions import (
    SandboxApiException,
    SandboxConnectionException,
    SandboxNotFoundException,
    SandboxReadyTimeoutException,
    SandboxTimeoutException,
    SandboxUnauthorizedException,
)
from opensandbox.models.execd import ExecutionHandlers
from opensandbox.transport.retry import RetryPolicy


class Fake:
    """Answers by a function of (method, path, headers, body): bytes to send, then the connection may be cut."""

    def __init__(self, answer):
        self.seen = []
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    line = self.rfile.readline()
                    if not line.strip():
                        return
                    method, path, _ = line.decode().split(" ", 2)
                    headers = {}
                    while (header := self.rfile.readline().strip()):
                        name, _, value = header.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    body = self.rfile.read(int(headers.get("content-length", 0)))
                    fake.seen.append((method, path, headers, body))
                    keep = True
                    for piece in answer(method, path, headers, body):
                        if piece is None:
                            keep = False
                            break
                        self.wfile.write(piece)
                        self.wfile.flush()
                    if not keep:
                        return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def paths(self, method):
        return [path for m, path, _, _ in self.seen if m == method]


def plain(status, value=None, **headers):
    body = b"" if value is None else json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n" + "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    return head.encode() + b"\r\n" + body


def chunk(*events):
    data = "".join(json.dumps(e) + "\n\n" for e in events).encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def event(kind, eid, **members):
    return {"type": kind, "eid": eid, "timestamp": 1, **members}


def lifecycle(fake, method, path, ping=None):
    """What a good server answers around the part that a test is about."""
    if path.endswith("/sandboxes") and method == "POST":
        return [plain(202, {"id": "box", "status": {"state": "Running"}, "createdAt": "2026-01-01T00:00:00Z"})]
    if "/endpoints/" in path:
        return [plain(200, {"endpoint": fake().address, "headers": {"X-EXECD-ACCESS-TOKEN": "secret-token"}})]
    if method == "DELETE" and path.endswith("/sandboxes/box"):
        return [plain(204)]
    if path == "/ping":
        return [ping or plain(200)]
    return [plain(404, {"code": "NOT_FOUND", "message": "no route"})]


def serve(commands, ping=None):
    """A fake whose `commands(method, path, headers, body)` answers first; None: the good server does."""
    box = []

    def answer(method, path, headers, body):
        special = commands(method, path, headers, body)
        return special if special is not None else lifecycle(lambda: box[0], method, path, ping)

    box.append(Fake(answer))
    return box[0]


def configs(fake, **options):
    return {"domain": fake.address, "api_key": "secret-key", **options}


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_broken_stream_is_resumed(kind):
    def commands(method, path, headers, body):
        if path == "/command":
            return [STREAM, chunk(event("init", 1, text="c", execution_id="c"), event("stdout", 2, text="one\n")), None]
        if path == "/command/c/resume?after_eid=2":
            return [STREAM, chunk(event("stdout", 2, text="one\n"), event("stdout", 3, text="two\n")), None]
        if path == "/command/c/resume?after_eid=3":
            return [STREAM, chunk(event("execution_complete", 4, execution_time=1)), END]

    with serve(commands) as fake:
        if kind == "async":
            async def main():
                async with await Sandbox.create("i", connection_config=ConnectionConfig(**configs(fake))) as box:
                    return await box.commands.run("x")
            run = asyncio.run(main())
        else:
            with SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake))) as box:
                run = box.commands.run("x")
    assert run.text == "one\ntwo" and run.exit_code == 0
    assert all("secret-key" not in str(headers) for m, path, headers, _ in fake.seen if path.startswith(("/command", "/ping")))
    assert all(headers.get("x-execd-access-token") == "secret-token" for m, path, headers, _ in fake.seen if path.startswith("/command"))


def test_a_stream_that_cannot_be_resumed_is_an_error():
    def commands(method, path, headers, body):
        if path == "/command":
            return [STREAM, chunk({"type": "init", "text": "c"}, {"type": "stdout", "text": "x"}), None]

    with serve(commands) as fake, SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake))) as box:
        with pytest.raises(SandboxConnectionException):
            box.commands.run("x")
    assert len(fake.paths("POST")) == 2  # the create and the command, which is not sent twice


def test_a_command_is_sent_again_under_its_key_to_a_daemon_that_knows_keys():
    runs = []

    def commands(method, path, headers, body):
        if path == "/command":
            runs.append(headers["idempotency-key"])
            if len(runs) == 2:
                return [None]
            return [STREAM, chunk(event("init", 1, text="c", execution_id="c"), event("execution_complete", 2)), END]

    with serve(commands) as fake, SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake))) as box:
        box.commands.run("first")
        assert box.commands.run("second").exit_code == 0
    assert len(runs) == 3 and runs[1] == runs[2] != runs[0]


def test_a_stream_of_another_type_is_refused():
    def commands(method, path, headers, body):
        if path == "/command":
            return [plain(200, {"type": "init"}, Content_Type="application/json")]

    with serve(commands) as fake, SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake))) as box:
        with pytest.raises(SandboxApiException, match="stream of events"):
            box.commands.run("x")


@pytest.mark.parametrize("status, kind", [(401, SandboxUnauthorizedException), (404, SandboxNotFoundException)])
def test_readiness_ends_at_once_where_waiting_does_not_help(status, kind):
    with serve(lambda *_: None, ping=plain(status, {"code": "X", "message": "no"})) as fake:
        with pytest.raises(kind):
            SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake)), ready_timeout=timedelta(minutes=5))
        assert fake.paths("GET").count("/ping") == 1 and "/v1/sandboxes/box" in fake.paths("DELETE")


def test_a_sandbox_that_does_not_get_ready_is_killed_and_the_message_helps():
    with serve(lambda *_: None, ping=plain(500, {"code": "X", "message": "still starting"})) as fake:
        with pytest.raises(SandboxReadyTimeoutException) as caught:
            SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake)), ready_timeout=timedelta(milliseconds=200))
        assert "/v1/sandboxes/box" in fake.paths("DELETE")
    message = str(caught.value)
    assert fake.address in message and "still starting" in message and "use_server_proxy" in message


def test_a_cancelled_create_kills_the_sandbox():
    with serve(lambda *_: None, ping=plain(500)) as fake:
        async def main():
            making = asyncio.create_task(Sandbox.create("i", connection_config=ConnectionConfig(**configs(fake))))
            while "/ping" not in fake.paths("GET"):
                await asyncio.sleep(0.01)
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making
        asyncio.run(main())
        assert "/v1/sandboxes/box" in fake.paths("DELETE")


def test_retries_and_timeouts():
    answers = [plain(503), plain(429, {"code": "A", "message": "b"}, Retry_After="0"), plain(204)]

    def commands(method, path, headers, body):
        if method == "DELETE":
            return [answers.pop(0)]
        if path == "/metrics":
            time.sleep(1)

    policy = RetryPolicy(initial_backoff=timedelta(milliseconds=1), max_backoff=timedelta(milliseconds=2))
    with serve(commands) as fake:
        config = ConnectionConfigSync(**configs(fake, retry_policy=policy, request_timeout=timedelta(milliseconds=300)))
        with SandboxSync.create("i", connection_config=config) as box:
            box.kill()
            with pytest.raises(SandboxTimeoutException, match=fake.address):
                box.get_metrics()
    assert len(fake.paths("DELETE")) == 3 and fake.paths("GET").count("/metrics") == 4


def test_handlers_hold_the_stream_and_their_exceptions_are_raised():
    def commands(method, path, headers, body):
        if path == "/command":
            return [STREAM, chunk(event("init", 1, text="c", execution_id="c"), event("stdout", 2, text="a"), event("stdout", 3, text="b")), END]

    with serve(commands) as fake:
        async def main():
            order = []

            async def slow(message):
                order.append(message.text)
                await asyncio.sleep(0.01)
                order.append("end of " + message.text)

            async def broken(message):
                raise KeyError("mine")

            async with await Sandbox.create("i", connection_config=ConnectionConfig(**configs(fake))) as box:
                await box.commands.run("x", handlers=ExecutionHandlers(on_stdout=slow))
                assert order == ["a", "end of a", "b", "end of b"]
                with pytest.raises(KeyError):
                    await box.commands.run("x", handlers=ExecutionHandlers(on_stdout=broken))
        asyncio.run(main())


def test_debug_shows_no_secret(caplog):
    with serve(lambda *_: None) as fake, caplog.at_level(logging.DEBUG, "opensandbox"):
        with SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake, debug=True, headers={"X-Mine": "secret-header"}))):
            pass
    assert "/endpoints/44772" in caplog.text and "secret" not in caplog.text


def test_few_round_trips_on_few_connections():
    with serve(lambda *_: None) as fake:
        with SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake))) as box:
            box.kill()
    assert [(m, p.split("?")[0]) for m, p, _, _ in fake.seen] == [
        ("POST", "/v1/sandboxes"), ("GET", "/v1/sandboxes/box/endpoints/44772"), ("GET", "/ping"), ("DELETE", "/v1/sandboxes/box")]


def test_a_transport_of_the_user_is_used_and_stays_open():
    import httpx

    closed = []

    class Mine(httpx.HTTPTransport):
        def close(self):
            closed.append(True)
            super().close()

    with serve(lambda *_: None) as fake:
        transport = Mine()
        with SandboxSync.create("i", connection_config=ConnectionConfigSync(**configs(fake, transport=transport))) as box:
            box.kill()
        assert len(fake.seen) == 4 and not closed
        transport.close()
