"""The user's own program: what becomes of the sandbox when it is missing, ends, fails, or is told to stop."""
import pytest
from support import machine
from support.machine import wait_for


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/hostname", "/tmp"])
def test_missing_program_is_the_callers_error(server, program):
    reply = server.request("POST", "/v1/sandboxes", {
        "image": {"uri": "host"}, "timeout": 600, "resourceLimits": {"cpu": "1", "memory": "256Mi"}, "entrypoint": [program, "x"]})
    assert 400 <= reply.status < 500 and program in reply.json()["message"], reply
    assert not server.list()


@pytest.mark.parametrize("script,state,code", [("exit 0", "Terminated", "0"), ("sleep 0.2; exit 3", "Failed", "3"), ("kill -9 $$", "Failed", "137")])
def test_a_program_that_ends_leaves_its_record(server, script, state, code):
    sandbox = server.create(entrypoint=["sh", "-c", script])["id"]
    shown = wait_for(lambda: (s := server.get(sandbox))["status"]["state"] != "Running" and s, "the end of the entrypoint")
    assert shown["status"]["state"] == state
    assert code in shown["status"]["message"], shown
    wait_for(lambda: not machine.processes_of(sandbox), "its processes to be gone")
    assert [s["id"] for s in server.list(f"&state={state}")] == [sandbox]
    assert server.request("GET", f"/v1/sandboxes/{sandbox}/endpoints/80").status in (404, 409)
    assert server.request("POST", f"/v1/sandboxes/{sandbox}/pause").status == 409
    assert server.delete(sandbox) == 204
    assert server.request("GET", f"/v1/sandboxes/{sandbox}").status == 404


def test_entrypoint_sees_its_environment(server):
    script = 'env > /tmp/env; pwd > /tmp/pwd; echo "$0" "$@" > /tmp/args; exec sleep 600'
    sandbox = server.create(entrypoint=["sh", "-c", script, "zero", "one two", ""], env={"MINE": "a b"})
    execd = server.execd(sandbox["id"])
    wait_for(lambda: "zero" in execd.run("cat /tmp/args 2>/dev/null || true"), "the entrypoint")
    env = dict(line.split("=", 1) for line in execd.run("cat /tmp/env").splitlines())
    assert env["MINE"] == "a b" and env["OPENSANDBOX_ID"] == sandbox["id"] and env["HOME"] == "/root" and env["LANG"] == "C.UTF-8"
    assert execd.run("cat /tmp/args") == "zero one two \n"


@pytest.mark.parametrize("path", ["/opt/opensandbox/code-interpreter.sh", "/opt/code-interpreter/code-interpreter.sh"])
def test_interpreter_entrypoints_exist_everywhere(server, path):
    sandbox = server.create(entrypoint=[path])["id"]
    assert server.execd(sandbox).run(f"test -x {path} && echo there") == "there\n"
    assert server.state_of(sandbox) == "Running"


def test_the_sandbox_may_not_kill_its_init(server, sandbox, execd):
    execd.events({"command": "kill -9 1; kill -TERM 1; kill -STOP 1; kill -INT 1; sleep 0.2"})
    assert execd.run("echo alive") == "alive\n"
    assert server.state_of(sandbox["id"]) == "Running"


def test_execd_is_pid_one(execd):
    assert execd.run("cat /proc/1/comm") == "execd\n"
