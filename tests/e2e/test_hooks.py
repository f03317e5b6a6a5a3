"""Hooks of a sandbox: before its entrypoint and again and again, asked for by client and by wire."""
from opensandbox import SandboxSync
from opensandbox.models import LifecycleHook, PeriodicLifecycleHook, SandboxLifecycle
from support import wire
from support.machine import wait_for


def shell(text):
    return ["sh", "-c", text]


def test_a_client_asks_for_hooks(config):
    hooks = SandboxLifecycle(
        pre_start=LifecycleHook(command=shell("echo before $HOME >> /tmp/story"), timeout_seconds=10),
        periodic=[PeriodicLifecycleHook(name="tick", schedule="1s", command=shell("echo tick >> /tmp/story"))])
    sandbox = SandboxSync.create("host", entrypoint=shell("echo main ${OPENSANDBOX_LIFECYCLE-none} >> /tmp/story; exec sleep 1000"),
                                 connection_config=config, lifecycle=hooks)
    try:
        wait_for(lambda: sandbox.files.read_file("/tmp/story").count("tick\n") >= 2, "two turns of the periodic hook")
        assert sandbox.files.read_file("/tmp/story").startswith("before /root\nmain none\n")
        assert "OPENSANDBOX_LIFECYCLE" not in sandbox.commands.run("env; cat /proc/[0-9]*/environ").text
    finally:
        sandbox.kill()
        sandbox.close()


def test_a_hook_that_fails_fails_the_create(server):
    for command, why in ((shell("exit 3"), "exit status 3"), (["/no/such"], "no such program"), (["sleep", "100"], "time")):
        reply = server.create(expect=400, lifecycle={"preStart": {"command": command, "timeoutSeconds": 1}})
        assert "preStart" in reply["message"] and why in reply["message"], reply
    assert server.list() == []


def test_a_long_hook_does_not_hold_the_answer(server):
    """The sandbox is there to be looked at while its hook works; the entrypoint waits."""
    sandbox = server.create(lifecycle={"preStart": {"command": shell("sleep 7; touch /tmp/hook"), "timeoutSeconds": 60}},
                            entrypoint=shell("touch /tmp/main; exec sleep 1000"))["id"]
    execd = server.execd(sandbox)
    assert wire.texts(execd.events({"command": "ls /tmp/hook /tmp/main 2>/dev/null; true"})) == ""
    wait_for(lambda: "main" in wire.texts(execd.events({"command": "ls /tmp"})), "the entrypoint behind its hook")


def test_hooks_that_make_no_sense_are_refused(server):
    for hooks in ({"preStart": {"command": []}}, {"periodic": [{"name": "a", "schedule": "1s"}]}, {"other": 1}):
        server.create(expect=422, lifecycle=hooks)
    reply = server.create(expect=400, lifecycle={"periodic": [{"name": "a", "schedule": "now", "command": ["true"]}]})
    assert "schedule" in reply["message"], reply
