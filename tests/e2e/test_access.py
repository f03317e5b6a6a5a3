"""Who may talk to the server and to execd."""
import pytest
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from support import wire
from support.server import CREATE, Server

KEY = "test-key-0123456789"


@pytest.fixture
def keyed(own_server):
    server = own_server(start=False, env={"OPENSANDBOX_SERVER_API_KEY": KEY})
    server.api_key = KEY
    return server.start()


def test_api_key(keyed):
    sandbox = keyed.create()
    routes = [("GET", "/v1/sandboxes"), ("POST", "/v1/sandboxes"), ("GET", f"/v1/sandboxes/{sandbox['id']}"),
              ("DELETE", f"/v1/sandboxes/{sandbox['id']}"), ("GET", f"/sandboxes/{sandbox['id']}/endpoints/80"),
              ("POST", f"/v1/sandboxes/{sandbox['id']}/pause"), ("POST", "/v1/metrics/events"), ("GET", "/v1/sandboxes/none")]
    for method, path in routes:
        for headers in ({}, {"OPEN-SANDBOX-API-KEY": ""}, {"OPEN-SANDBOX-API-KEY": KEY + "x"}, {"OPEN-SANDBOX-API-KEY": KEY[:-1]}):
            reply = wire.request(keyed.address, method, path, CREATE if method == "POST" else None, headers)
            assert reply.status == 401 and reply.json()["code"] and reply.json()["message"], (method, path, headers, reply)
            assert KEY not in reply.text
    for path in ("/health", "/version"):
        assert wire.request(keyed.address, "GET", path).status == 200
    assert len(keyed.list()) == 1 and keyed.state_of(sandbox["id"]) == "Running"
    assert KEY not in keyed.log.read_text()


def test_client_with_and_without_the_key(keyed):
    for proxy in (False, True):
        config = ConnectionConfigSync(domain=keyed.address, api_key=KEY, use_server_proxy=proxy)
        sandbox = SandboxSync.create("host", connection_config=config)
        with sandbox:
            assert sandbox.commands.run("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'").text.count(KEY) == 0
            sandbox.kill()
    with pytest.raises(SandboxApiException) as error:
        SandboxSync.create("host", connection_config=ConnectionConfigSync(domain=keyed.address, api_key="wrong"))
    assert error.value.status_code == 401


def test_key_from_the_configuration_file(own_server, tmp_path):
    file = tmp_path / "sandbox.toml"
    file.write_text(f'[server]\napi_key = "{KEY}"\n')
    server = own_server(start=False, args=["--config", str(file)])
    server.api_key = KEY
    server.start()
    assert wire.request(server.address, "GET", "/v1/sandboxes").status == 401
    assert server.list() == []


def test_execd_wants_its_token(server, sandbox, execd):
    assert wire.request(execd.address, "GET", "/ping").status == 200
    routes = [("POST", "/command"), ("DELETE", "/command?id=x"), ("GET", "/files/info?path=/"), ("GET", "/files/download?path=/etc/passwd"),
              ("POST", "/files/upload"), ("DELETE", "/files?path=/x"), ("POST", "/code"), ("GET", "/metrics"), ("GET", "/nothing"),
              ("GET", "/ping/../files/info?path=/"), ("POST", "/code/context"), ("GET", "/directories/list?path=/")]
    token = next(iter(execd.headers.values()))
    for method, path in routes:
        for headers in ({}, {"X-EXECD-ACCESS-TOKEN": ""}, {"X-EXECD-ACCESS-TOKEN": token[:-1]}, {"X-EXECD-ACCESS-TOKEN": token + "0"}):
            reply = wire.request(execd.address, method, path, {"command": "id"} if method == "POST" else None, headers)
            assert reply.status == 401, (method, path, headers, reply)
            assert reply.json()["code"] and reply.json()["message"] and reply.json()["error"]
    through = f"/v1/sandboxes/{sandbox['id']}/proxy/44772/files/info?path=/"
    assert server.request("GET", through).status == 401, "the proxy adds no token of its own"


def test_tokens_differ_and_fit_one_sandbox(server):
    one, two = (server.execd(server.create()["id"]) for _ in range(2))
    assert one.headers != two.headers
    assert wire.request(one.address, "GET", "/files/info", headers=two.headers).status == 401


def test_secrets_are_not_in_the_sandbox(server, sandbox, execd):
    token = next(iter(execd.headers.values()))
    seen = execd.run("env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; "
                     "grep -rsl 'EXECD-ACCESS\\|api_key' /run /tmp /root /opt 2>/dev/null; true")
    assert token not in seen and "ACCESS_TOKEN" not in seen
    # PID 1 knows its token; nothing inside may read it out of there.
    looks = """python3 - <<'E'
import re
try:
    with open("/proc/1/maps") as maps, open("/proc/1/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if "rw" in line.split()[1]:
                memory.seek(start); data = memory.read(end - start)
                if re.search(rb"TOKEN_PATTERN", data): print("found")
except OSError as error:
    print(type(error).__name__)
E"""
    assert "found" not in execd.run(looks.replace("TOKEN_PATTERN", token[:8] + "[" + token[8] + "]" + token[9:]))
    assert token not in server.log.read_text()


def refuses_to_start(server, *words):
    server.start(wait=False)
    assert server.process.wait(timeout=30) != 0
    log = server.log.read_text()
    assert all(word in log for word in words), log
    return log


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_no_open_listening_without_a_key(own_server, host):
    server = own_server(start=False)
    port = server.port
    server.args[server.args.index("--listen") + 1] = f"{host}:{port}"
    refuses_to_start(server, "key", "OPENSANDBOX_INSECURE_SERVER")


def test_open_listening_when_insisted_or_with_a_key(own_server):
    for env in ({"OPENSANDBOX_INSECURE_SERVER": "YES"}, {"OPENSANDBOX_SERVER_API_KEY": KEY}):
        server = own_server(start=False, env=env)
        server.api_key = env.get("OPENSANDBOX_SERVER_API_KEY")
        server.args[server.args.index("--listen") + 1] = f"0.0.0.0:{server.port}"
        server.start()
        assert server.list() == []


def test_a_runtime_that_is_not_built_is_refused(own_server, tmp_path):
    file = tmp_path / "sandbox.toml"
    file.write_text('[runtime]\ntype = "docker"\n')
    refuses_to_start(own_server(start=False, args=["--config", str(file)]), "docker")


def test_bad_command_lines():
    import subprocess

    from support.server import PROGRAM

    for args in (["server", "--listen", "nonsense"], ["server", "--no-such-option"], ["no-such-verb"], ["server", "--config", "/none/such.toml"]):
        done = subprocess.run([str(PROGRAM), *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode != 0 and (done.stderr or done.stdout), args


def test_a_second_server_on_one_state_directory_is_refused(own_server):
    first = own_server()
    second = Server(state=first.state)
    second.log = first.state.parent / "second.log"
    second.start(wait=False)
    assert second.process.wait(timeout=30) != 0
    assert first.create()["id"] and first.log.read_text()
