"""Where a port of a sandbox is reached: directly by neighbours of the server, through the proxy by everyone else."""
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from code_interpreter import CodeInterpreterSync
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.filesystem import WriteEntry
from support import wire
from support.machine import wait_for

WEB = ("python3 -u -c 'import http.server as h\n"
       "class H(h.BaseHTTPRequestHandler):\n"
       "  protocol_version = \"HTTP/1.1\"\n"
       "  def do_GET(self):\n"
       "    body = (self.path + \"\\n\" + str(self.headers)).encode()\n"
       "    self.send_response(200); self.send_header(\"Content-Length\", str(len(body)))\n"
       "    self.send_header(\"Set-Cookie\", \"a=1\"); self.send_header(\"Set-Cookie\", \"b=2\"); self.end_headers(); self.wfile.write(body)\n"
       "  def do_POST(self):\n"
       "    body = self.rfile.read(int(self.headers[\"Content-Length\"]))\n"
       "    self.send_response(201); self.send_header(\"Content-Length\", str(len(body))); self.end_headers(); self.wfile.write(body[::-1])\n"
       "h.ThreadingHTTPServer((\"0.0.0.0\", 8000), H).serve_forever()' >/dev/null 2>&1 &")


def web(server, sandbox):
    execd = server.execd(sandbox["id"])
    execd.run(WEB + " true")
    address = server.endpoint(sandbox["id"], 8000)["endpoint"]

    def up():
        try:
            return wire.request(address, "GET", "/", timeout=5).status == 200
        except OSError:
            return False

    wait_for(up, "the web server in the sandbox")
    return address


def test_direct_for_local_callers(server, sandbox):
    ip = server.address_of(sandbox["id"])
    for port in (1, 80, 18080, 44772, 65535):
        assert server.endpoint(sandbox["id"], port)["endpoint"] == f"{ip}:{port}"


def test_proxied_for_others(server, sandbox):
    for name, value in (("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")):
        for prefix in ("/v1", ""):
            reply = server.request("GET", f"{prefix}/sandboxes/{sandbox['id']}/endpoints/80", headers={name: value, "Host": "box.example:81"})
            assert reply.json()["endpoint"] == f"box.example:81{prefix}/sandboxes/{sandbox['id']}/proxy/80"
    proxied = server.endpoint(sandbox["id"], 80, "?use_server_proxy=true")["endpoint"]
    assert proxied == f"{server.address}/v1/sandboxes/{sandbox['id']}/proxy/80"


def test_the_token_travels_for_execd_only(server, sandbox):
    assert "X-EXECD-ACCESS-TOKEN" in {k.upper() for k in server.endpoint(sandbox["id"], 44772)["headers"]}
    assert server.endpoint(sandbox["id"], 44772, "?use_server_proxy=true")["headers"]
    for port in (80, 18080, 44771):
        assert not server.endpoint(sandbox["id"], port).get("headers")


def test_bad_ports(server, sandbox):
    base = f"/v1/sandboxes/{sandbox['id']}/endpoints"
    for port, status in (("0", 400), ("70000", 400), ("-1", 400), ("x", 422), ("1.5", 422)):
        assert server.request("GET", f"{base}/{port}").status == status, port
    assert server.request("GET", f"{base}/80?expires=4102444800").status == 400


def test_proxy_carries_requests(server, sandbox):
    web(server, sandbox)
    base = f"/v1/sandboxes/{sandbox['id']}/proxy/8000"
    reply = server.request("GET", f"{base}/a%2Fb%20c?x=%41&y&x=2", headers={
        "OPEN-SANDBOX-API-KEY": "secret", "Authorization": "Bearer secret", "Cookie": "secret=1", "X-Real-IP": "9.9.9.9",
        "X-Forwarded-For": "9.9.9.9", "X-Mine": "kept"})
    assert reply.status == 200
    assert reply.text.splitlines()[0] == "/a%2Fb%20c?x=%41&y&x=2", "path and query byte for byte"
    assert "secret" not in reply.text and "9.9.9.9" not in reply.text and "X-Mine: kept" in reply.text
    assert "X-Forwarded-For: 127.0.0.1" in reply.text
    assert server.request("POST", f"{base}/echo", b"abc" * 100_000).body == b"cba" * 100_000
    assert server.request("GET", f"/sandboxes/{sandbox['id']}/proxy/8000/").status == 200
    reply = server.request("GET", f"/v1/sandboxes/{sandbox['id']}/proxy/9/x")
    assert reply.status == 502 and reply.json()["code"] == "BACKEND_CONNECTION_FAILED"
    assert server.request("GET", "/v1/sandboxes/none/proxy/80/").status == 404


def test_proxy_tunnels_websockets(server, sandbox):
    """An upgrade goes through and bytes flow both ways: a bare echo after the 101 is enough to see it."""
    execd = server.execd(sandbox["id"])
    execd.run("""python3 -c 'import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 8001)); s.listen()
while True:
    c, _ = s.accept(); data = b""
    while b"\\r\\n\\r\\n" not in data: data += c.recv(4096)
    if b"pgrade: websocket" not in data: c.close(); continue
    c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n")
    while (part := c.recv(4096)): c.sendall(part.upper())' >/dev/null 2>&1 & sleep 0.5""")
    with wire.Connection(server.address) as connection:
        connection.send("GET", f"/v1/sandboxes/{sandbox['id']}/proxy/8001/ws", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert connection.head().status == 101
        connection.send_raw(b"hello ")
        assert connection.exactly(6) == b"HELLO "
        connection.send_raw(b"again")
        assert connection.exactly(5) == b"AGAIN"


def test_streams_are_not_held_back_by_the_proxy(server, sandbox):
    execd = server.execd(sandbox["id"], "?use_server_proxy=true")
    with execd.connect() as connection:
        stream = connection.events("POST", "/command", {"command": "echo first; read -t 600 < <(sleep 600); echo never"}, execd.headers)
        events = [next(stream) for _ in range(1)]
        while events[-1]["type"] != "stdout":
            events.append(next(stream))
        assert events[-1]["text"] == "first\n"  # while the command still runs
        assert server.execd(sandbox["id"]).request("DELETE", f"/command?id={events[0]['text']}").status == 200
        assert list(stream)[-1]["type"] == "error"


def test_client_through_the_proxy(server):
    config = ConnectionConfigSync(domain=server.address, use_server_proxy=True, request_timeout=timedelta(seconds=60))
    sandbox = SandboxSync.create("opensandbox/code-interpreter:v1.0.1", connection_config=config)
    with sandbox:
        assert "/proxy/44772" in sandbox.get_endpoint(44772).endpoint
        assert sandbox.commands.run("echo hi; exit 3").exit_code == 3
        sandbox.files.write_files([WriteEntry(path="/tmp/a", data="x" * 1_000_000)])
        assert sandbox.files.read_file("/tmp/a") == "x" * 1_000_000
        codes = CodeInterpreterSync.create(sandbox=sandbox).codes
        assert codes.run("2 + 2").result[0].text == "4"
        sandbox.kill()


def test_many_streams_through_the_proxy(server, sandbox):
    execd = server.execd(sandbox["id"], "?use_server_proxy=true")
    with ThreadPoolExecutor(100) as pool:
        texts = list(pool.map(lambda n: execd.run(f"sleep 0.5; echo {n}"), range(100)))
    assert texts == [f"{n}\n" for n in range(100)]


def test_a_reader_that_leaves_ends_the_proxied_stream(server, sandbox):
    execd = server.execd(sandbox["id"], "?use_server_proxy=true")
    connection = execd.connect()
    stream = connection.events("POST", "/command", {"command": "yes"}, execd.headers)
    command = next(stream)["text"]
    connection.close()
    direct = server.execd(sandbox["id"])
    assert direct.request("DELETE", f"/command?id={command}").status == 200
    assert direct.run("echo ok") == "ok\n"
