"""Malformed and hostile requests, over plain sockets, on both HTTP servers. After each the next request is answered."""
import socket
import time

import pytest
from support import machine, wire
from support.server import CREATE
from support.machine import wait_for


@pytest.fixture(params=["server", "execd", "proxy"])
def target(request, server, sandbox):
    """Address, and a check that the program behind it still answers."""
    execd = server.execd(sandbox["id"], "?use_server_proxy=true" if request.param == "proxy" else "")
    address = server.address if request.param == "server" else execd.address.split("/")[0]
    pid = server.process.pid if request.param != "execd" else server.init_pid(sandbox["id"])
    yield address, pid
    assert server.request("GET", "/health").status == 200
    assert server.execd(sandbox["id"]).run("echo next") == "next\n"
    assert machine.alive(pid)


BROKEN = {
    "no HTTP": b"hello\r\n\r\n",
    "binary": bytes(range(256)) * 4,
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
    "no version": b"GET /ping\r\n\r\n",
    "bad version": b"GET /ping HTTP/9.9\r\nHost: x\r\n\r\n",
    "space in target": b"GET /pi ng HTTP/1.1\r\nHost: x\r\n\r\n",
    "control in header": b"GET /ping HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n",
    "header without colon": b"GET /ping HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n",
    "folded header": b"GET /ping HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "negative length": b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "huge length": b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "length twice": b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
    "length and chunked": b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown encoding": b"POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nxx",
    "bad chunk size": b"POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "huge chunk size": b"POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nab",
    "broken escape": b"GET /%zz%2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL escape": b"GET /v1/sandboxes/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "long target": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET /ping HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "many headers": b"GET /ping HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: v\r\n" % n for n in range(50_000)) + b"\r\n",
    "endless request line": b"GET " + b"/" * 3_000_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_requests(target, name):
    address, _ = target
    reply = wire.raw(address, BROKEN[name], timeout=30, shut=True)
    # Closed without an answer is fine, and so is an error; a success is not.
    assert reply is None or 400 <= reply.status < 600, reply
    if reply and reply.headers.get("content-type", "").startswith("application/json"):
        assert reply.json()


def test_half_sent_requests_hold_nothing_up(target):
    address, pid = target
    halves = [b"GET /pi", b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Le", b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"comm",
              b"POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b""]
    fds = machine.open_fds(pid)
    held = []
    for n in range(100):
        connection = wire.Connection(address)
        connection.send_raw(halves[n % len(halves)])
        held.append(connection)
    for connection in held:
        connection.close()
    wait_for(lambda: machine.open_fds(pid) <= fds + 5, "the connections to be closed")


def test_pipelined_requests_are_answered_in_order(server, sandbox):
    with wire.Connection(server.address) as connection:
        connection.send_raw(b"".join(f"GET {p} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for p in ("/health", "/v1/sandboxes/none", "/version")))
        assert [connection.reply().status for _ in range(3)] == [200, 404, 200]


def test_keep_alive_and_close(target):
    address, _ = target
    with wire.Connection(address) as connection:
        for _ in range(5):
            assert connection.request("GET", "/no/such/route").status in (401, 404)
        assert connection.request("GET", "/no/such/route", headers={"Connection": "close"}).status in (401, 404)
        assert not connection.more()
    with wire.Connection(address) as connection:  # HTTP/1.0 closes by itself
        connection.send_raw(b"GET /no/such/route HTTP/1.0\r\n\r\n")
        assert connection.reply().status in (401, 404)
        assert not connection.more()


def test_idle_connections_stay_open_for_clients_that_pool(server, execd):
    """Released clients keep idle connections for 30 s; a shorter life here shows as broken requests there."""
    held = [wire.Connection(server.address), wire.Connection(execd.address)]
    for connection in held:
        connection.request("GET", "/ping")
    time.sleep(35)
    for connection in held:
        assert connection.request("GET", "/ping").status in (200, 404)
        connection.close()


BAD_BODIES = {
    "empty": b"",
    "not JSON": b"{",
    "list": b"[]",
    "number": b"5",
    "string": b'"x"',
    "null": b"null",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"image":' * 50_000,
    "bad UTF-8": b'{"image": {"uri": "\xff\xfe"}, "entrypoint": ["true"], "resourceLimits": {}}',
    "lone surrogate": b'{"image": {"uri": "\\ud800"}, "entrypoint": ["true"], "resourceLimits": {}}',
    "huge number": b'{"image": {"uri": "host"}, "timeout": 1e999, "entrypoint": ["true"], "resourceLimits": {}}',
    "big integer": b'{"image": {"uri": "host"}, "timeout": 99999999999999999999, "entrypoint": ["true"], "resourceLimits": {}}',
    "trailing": b'{"image": {"uri": "host"}, "entrypoint": ["true"], "resourceLimits": {}} x',
    "NUL in entrypoint": b'{"image": {"uri": "host"}, "entrypoint": ["a\\u0000b"], "resourceLimits": {}}',
    "NUL in env": b'{"image": {"uri": "host"}, "entrypoint": ["true"], "resourceLimits": {}, "env": {"A": "b\\u0000"}}',
    "bad env name": b'{"image": {"uri": "host"}, "entrypoint": ["true"], "resourceLimits": {}, "env": {"A=B": "c"}}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_create_bodies(server, name):
    reply = server.request("POST", "/v1/sandboxes", BAD_BODIES[name], {"Content-Type": "application/json"})
    assert 400 <= reply.status < 500, (name, reply.status, reply.text[:300])
    assert reply.json().keys() & {"detail", "code"}
    assert not server.list() and server.request("GET", "/health").status == 200


WRONG_TYPES = {
    "image": ["x", 5, {}, {"uri": 5}, {"uri": ""}], "timeout": ["x", 1, -5, 1.5, [], 10_000_000_000],
    "entrypoint": ["x", [], [5], {}, [""]], "env": [[], {"A": 5}, "x", {"": "x"}], "metadata": [[], {"a": 5}],
    "resourceLimits": ["x", {"cpu": 5}, []], "extensions": ["x", {"a": 1}],
}


@pytest.mark.parametrize("member,value", [(m, v) for m, values in WRONG_TYPES.items() for v in values], ids=str)
def test_wrong_types(server, member, value):
    reply = server.request("POST", "/v1/sandboxes", {**CREATE, member: value})
    assert reply.status in (400, 422), (reply.status, reply.text[:300])
    if reply.status == 422:
        assert all(d["loc"][0] == "body" and d["msg"] and d["type"] for d in reply.json()["detail"]), reply.text


@pytest.mark.parametrize("member", ["image", "entrypoint", "resourceLimits"])
def test_missing_members(server, member):
    reply = server.request("POST", "/v1/sandboxes", {k: v for k, v in CREATE.items() if k != member})
    assert reply.status == 422 and reply.json()["detail"]


def test_oversize_bodies(server, execd):
    fill = b'{"command": "' + b"x" * 20_000_000 + b'"}'
    for address, path, headers in ((server.address, "/v1/sandboxes", {}), (execd.address, "/command", execd.headers)):
        before = None
        try:
            before = wire.request(address, "POST", path, fill, headers)
        except ConnectionError:
            pass  # closed while we still sent
        assert before is None or before.status in (400, 413, 422), before
        with wire.Connection(address) as connection:  # announced, not sent: refused at once
            connection.send_raw(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n".encode()
                                + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")
            assert connection.reply().status in (400, 413)
    assert machine.resident_kib(server.process.pid) < 128 * 1024


def test_unknown_ids_on_every_route(server):
    for sandbox in ("none", "00000000-0000-0000-0000-000000000000", "a" * 300, "..", "%2e%2e", "%2F", "a%2Fb", "fsb-x", "%F0%9F%8E%89"):
        for method, rest, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/pause", None), ("POST", "/resume", None),
                                   ("POST", "/renew-expiration", {"expiresAt": "2099-01-01T00:00:00Z"}), ("PATCH", "/metadata", {"a": "b"}),
                                   ("GET", "/endpoints/80", None), ("GET", "/proxy/80/x", None), ("POST", "/proxy/80/x", b"x"),
                                   ("GET", "/networkpolicy", None), ("POST", "/snapshots", {}), ("GET", "/diagnostics/logs?scope=all", None)):
            reply = server.request(method, f"/v1/sandboxes/{sandbox}{rest}", body)
            assert 400 <= reply.status < 502, (method, sandbox, rest, reply.status)
            if sandbox in ("none", "00000000-0000-0000-0000-000000000000") and rest not in ("/networkpolicy", "/snapshots") and "diag" not in rest:
                assert reply.status == 404 and reply.json()["code"].endswith("SANDBOX_NOT_FOUND"), (method, rest, reply.text)
            assert reply.body, "clients take an empty error for a success"


def test_unknown_routes_and_methods(server, execd):
    for method, path in (("GET", "/"), ("GET", "/v1"), ("GET", "/v1/nothing"), ("GET", "/v1/sandboxes/a/b/c"), ("GET", "/v2/sandboxes"), ("GET", "//v1//sandboxes")):
        reply = server.request(method, path)
        assert reply.status == 404 and reply.json(), path
    for method, path in (("PUT", "/v1/sandboxes"), ("DELETE", "/health"), ("PATCH", "/v1/sandboxes"), ("POST", "/v1/sandboxes/x/endpoints/80")):
        assert server.request(method, path).status in (404, 405), (method, path)
    assert execd.request("GET", "/nothing").status == 404
    assert execd.request("PUT", "/command").status in (404, 405)
    for path in ("/v1/templates", "/v1/pools"):
        reply = server.request("GET", path)
        assert reply.status in (404, 501) and reply.body
    assert server.request("GET", "/v1/snapshots").json()["items"] == []  # none can be made yet, so this is true


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "pageSize=0", "pageSize=201", "pageSize=1e3"])
def test_bad_list_queries(server, query):
    reply = server.request("GET", f"/v1/sandboxes?{query}")
    assert reply.status == 422 and reply.json()["detail"][0]["loc"][0] == "query"


def test_bad_command_bodies(execd):
    for body in (b"", b"{", b"[]", b"5", {"command": 5}, {"command": ""}, {}, {"command": "true", "timeout": -1}, {"command": "true", "timeout": "5"},
                 {"command": "true", "gid": 5}, {"command": "true", "uid": -1}, {"command": "true", "envs": []}, {"command": "true", "envs": {"A": 5}},
                 {"command": "true", "argv": ["true"]}, {"argv": []}, {"argv": [""]}, {"argv": "true"}, {"command": "a\u0000b"}, b"[" * 100_000):
        reply = execd.request("POST", "/command", body)
        assert reply.status == 400 and reply.json()["code"], (body, reply.status, reply.text[:200])
    events = execd.events({"command": "true " + "x" * 3_000_000})  # more than the kernel takes for one argument
    assert events[-1]["type"] == "error" and events[-1]["error"]["evalue"]
    assert execd.run("echo next") == "next\n"


def test_no_reply_splitting(server):
    reply = server.request("GET", "/health", headers={"X-Request-ID": "a" * 5000})
    assert reply.status in (200, 400, 431) and len(reply.headers.get("x-request-id", "")) <= 5000
    with wire.Connection(server.address) as connection:
        connection.send_raw(b"GET /v1/sandboxes/%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "x-evil" not in connection.reply().headers


def test_many_idle_connections(server):
    held = []
    try:
        for _ in range(1500):
            held.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        assert server.request("GET", "/health").status == 200
    finally:
        for s in held:
            s.close()
