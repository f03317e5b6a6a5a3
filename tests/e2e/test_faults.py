"""kill -9 of every process that matters, with sandboxes running; and servers side by side."""
import os
import shutil
import signal
import threading
from datetime import datetime, timedelta, timezone

import pytest
from support import machine, wire
from support.machine import wait_for


@pytest.fixture
def world(own_server):
    """A server of the test's own whose names are known, checked for leftovers at the end."""
    server = own_server().learn_names()
    yield server
    for sandbox in server.list():
        server.delete(sandbox["id"])
    server.assert_clean()


def works(server):
    sandbox = server.create()["id"]
    assert server.execd(sandbox).run("echo works") == "works\n"
    assert server.delete(sandbox) == 204


def test_killed_server_is_replaced_and_adopts(world):
    sandbox = world.create(metadata={"keep": "me"}, env={"A": "b"})
    execd = world.execd(sandbox["id"])
    execd.run("echo kept > /root/file; (while :; do date +%s%N > /tmp/tick; sleep 0.05; done) >/dev/null 2>&1 & true")
    execd.events({"code": "x = 41", "context": {"language": "python"}}, path="/code")
    init = world.init_pid(sandbox["id"])
    before = world.get(sandbox["id"])
    paused = world.create()
    assert world.request("POST", f"/v1/sandboxes/{paused['id']}/pause").status == 202

    world.kill()
    assert machine.alive(init), "the sandbox outlives the server"
    assert execd.run("cat /root/file") == "kept\n", "and answers without it"
    world.start()

    assert world.get(sandbox["id"]) == before
    assert world.init_pid(sandbox["id"]) == init
    again = world.execd(sandbox["id"])
    assert (again.address, again.headers) == (execd.address, execd.headers)
    assert again.run("cat /root/file; echo $A") == "kept\nb\n"
    events = again.events({"code": "x + 1", "context": {"language": "python"}}, path="/code")
    assert next(e for e in events if e["type"] == "result")["results"]["text"] == "42"
    assert world.state_of(paused["id"]) == "Paused"
    assert world.request("POST", f"/v1/sandboxes/{paused['id']}/resume").status == 202
    assert world.execd(paused["id"]).run("echo back") == "back\n"
    works(world)


def test_server_killed_again_and_again_during_creates(world):
    """Whatever is cut, at the end the list and the machine agree."""
    for _ in range(4):
        threads = [threading.Thread(target=lambda: quietly(lambda: world.create())) for _ in range(8)]
        [t.start() for t in threads]
        wait_for(lambda: world.directories(), "some creates to be under way")
        world.kill()
        [t.join(60) for t in threads]
        world.start()
        for sandbox in world.list():
            if sandbox["status"]["state"] == "Running":
                assert world.execd(sandbox["id"]).run("echo ok") == "ok\n"
            assert world.delete(sandbox["id"]) == 204
        world.assert_clean()
    works(world)


def quietly(call):
    try:
        call()
    except Exception:  # the server was killed under the request
        pass


def test_expired_while_the_server_was_down(world):
    sandbox = world.create()["id"]
    soon = (datetime.now(timezone.utc) + timedelta(seconds=1)).isoformat()
    assert world.request("POST", f"/v1/sandboxes/{sandbox}/renew-expiration", {"expiresAt": soon}).status == 200
    world.kill()
    wait_for(lambda: datetime.now(timezone.utc) > datetime.fromisoformat(soon), "its time to pass")
    assert machine.processes_of(sandbox), "nobody is there to end it"
    world.start()
    wait_for(lambda: world.request("GET", f"/v1/sandboxes/{sandbox}").status == 404, "expiry")
    wait_for(lambda: not machine.processes_of(sandbox), "its processes to end")


def test_ended_while_the_server_was_down(world):
    sandbox = world.create(entrypoint=["sh", "-c", "sleep 1; exit 5"])["id"]
    world.kill()
    wait_for(lambda: not machine.processes_of(sandbox), "the entrypoint's end")
    world.start()
    shown = wait_for(lambda: (s := world.get(sandbox))["status"]["state"] == "Failed" and s, "the record")
    assert "5" in shown["status"]["message"]


def test_killed_launcher(world):
    sandboxes = [world.create()["id"] for _ in range(3)]
    launcher = world.launcher()
    os.kill(launcher, signal.SIGKILL)
    wait_for(lambda: not any(machine.processes_of(s) for s in sandboxes), "the sandboxes to die with it")
    for sandbox in sandboxes:
        wait_for(lambda: world.state_of(sandbox) == "Failed", "the record to say so")
        assert world.get(sandbox)["status"]["message"]
    wait_for(lambda: not world.leftovers(), "the sweep")
    works(world)
    created = world.create()["id"]
    assert world.launcher() != launcher
    assert world.delete(created) == 204
    for sandbox in sandboxes:
        assert world.delete(sandbox) == 204
    assert machine.alive(world.process.pid) and world.request("GET", "/health").status == 200


def test_killed_launcher_and_server_at_once(world):
    sandbox = world.create()["id"]
    launcher = world.launcher()
    os.kill(launcher, signal.SIGKILL)
    world.kill()
    world.start()
    wait_for(lambda: world.state_of(sandbox) == "Failed", "the record")
    works(world)


def test_killed_supervisor_launcher_and_server(world):
    sandbox = world.create()["id"]
    launcher = world.launcher()
    supervisor = machine.parent(launcher)
    world.kill()
    for pid in (supervisor, launcher):
        if pid > 1:
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not machine.processes_of(sandbox), "the sandbox to die")
    world.start()
    wait_for(lambda: world.state_of(sandbox) == "Failed", "the record")
    works(world)


def test_launcher_killed_again_and_again_during_creates(world):
    """What was under way fails or stands; nothing of the dead launcher's sandboxes is left."""
    for _ in range(4):
        world.create()
        launcher = world.launcher()
        answered = set()
        threads = [threading.Thread(target=lambda: quietly(lambda: answered.add(world.create()["id"]))) for _ in range(8)]
        [t.start() for t in threads]
        wait_for(lambda: len(world.directories()) > 1, "some creates to be under way", interval=0.002)
        os.kill(launcher, signal.SIGKILL)
        [t.join(60) for t in threads]
        for sandbox in world.list():
            path = f"/v1/sandboxes/{sandbox['id']}"

            def state():  # a create that failed takes its record away
                reply = world.request("GET", path)
                return "gone" if reply.status == 404 else reply.json()["status"]["state"]

            wait_for(lambda: state() in ("Running", "Failed", "gone"), "a settled state")
            if state() == "gone":
                assert sandbox["id"] not in answered, "only a create that was never answered may leave no record"
                continue
            if state() == "Running":
                assert world.execd(sandbox["id"]).run("echo ok") == "ok\n"
            assert world.delete(sandbox["id"]) == 204
        works(world)
        world.assert_clean()


def test_killed_supervisor(world):
    """Sandboxes do not notice, and the launcher gets another one."""
    sandbox = world.create()["id"]
    launcher = world.launcher()
    first = machine.parent(launcher)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not machine.alive(first), "its end")
    assert world.execd(sandbox).run("echo alive") == "alive\n"
    works(world)
    named = lambda: [p for p in world.own_processes() if machine.read(f"/proc/{p}/comm") == "osb-supervisor\n"]
    wait_for(named, "another supervisor")
    assert world.launcher() == launcher
    os.kill(launcher, signal.SIGKILL)
    wait_for(lambda: world.state_of(sandbox) == "Failed", "the record")
    works(world)


def test_killed_pid_one(world):
    sandbox = world.create()["id"]
    neighbour = world.create()["id"]
    os.kill(world.init_pid(sandbox), signal.SIGKILL)
    wait_for(lambda: world.state_of(sandbox) == "Failed", "the record")
    wait_for(lambda: not machine.processes_of(sandbox), "its processes to end")
    assert world.execd(neighbour).run("echo fine") == "fine\n"
    assert world.delete(sandbox) == 204 and world.delete(neighbour) == 204
    works(world)


def test_sigterm_to_pid_one_ends_in_good_order(world):
    sandbox = world.create(entrypoint=["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"])["id"]
    os.kill(world.init_pid(sandbox), signal.SIGTERM)
    wait_for(lambda: world.state_of(sandbox) == "Terminated", "the record")


def test_sigterm_leaves_sandboxes_running(world):
    sandbox = world.create()["id"]
    execd = world.execd(sandbox)
    assert world.terminate() == 0
    assert execd.run("echo still") == "still\n"
    assert world.own_processes(), "supervisor and launcher stay while a sandbox lives"
    world.start()
    assert world.execd(sandbox).run("echo again") == "again\n"


def test_everything_ends_when_no_sandbox_is_left(own_server):
    server = own_server().learn_names()
    works(server)
    assert server.own_processes()
    assert server.terminate() == 0
    wait_for(lambda: not server.own_processes(), "supervisor and launcher to end")
    wait_for(lambda: not machine.links(f"osb{server.tag}-") and not machine.filter_tables(server.tag)
             and not machine.mounts(str(server.state)), "links, tables, mounts to be gone")
    shutil.rmtree(server.state)  # nothing busy, nothing mounted


def test_streams_survive_nothing_but_say_so(world):
    """A stream through the proxy of a server that is killed breaks off; it does not end like a success."""
    sandbox = world.create()["id"]
    execd = world.execd(sandbox, "?use_server_proxy=true")
    with execd.connect() as connection:
        stream = connection.events("POST", "/command", {"command": "echo on; sleep 600"}, execd.headers)
        while next(stream)["type"] != "stdout":
            pass
        world.kill()
        with pytest.raises((ConnectionError, ValueError)):
            list(stream)
    world.start()
    assert world.execd(sandbox).run("pgrep -c -f 'sleep 60[0]' || true").strip() == "1", "the command itself goes on"


def test_two_servers_side_by_side(own_server):
    one, two = own_server().learn_names(), own_server().learn_names()
    assert one.tag != two.tag
    first, second = one.create()["id"], two.create()["id"]
    a, b = one.execd(first), two.execd(second)
    assert a.address != b.address and a.run("echo a") == "a\n" and b.run("echo b") == "b\n"
    assert one.request("GET", f"/v1/sandboxes/{second}").status == 404
    b_ip = two.address_of(second)
    reached = a.run(f"python3 -c \"import socket; socket.create_connection(('{b_ip}', 44772), timeout=3); print('reached')\" 2>&1 || true")
    assert "reached" not in reached.splitlines(), "sandboxes of different servers are apart, too"
    one.kill()
    assert b.run("echo fine") == "fine\n"
    one.start()
    assert one.execd(first).run("echo back") == "back\n"
    one.delete(first)
    one.assert_clean()
    assert two.state_of(second) == "Running" and b.run("echo fine") == "fine\n"


def test_foreign_files_in_the_state_directory_are_left_alone(own_server):
    server = own_server(start=False)
    foreign = server.state / "notes" / "mine.txt"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    os.chown(foreign, 4242, 4242)
    server.start()
    works(server)
    server.terminate()
    wait_for(lambda: not server.own_processes(), "supervisor and launcher to end, and to take their rules with them")
    assert foreign.read_text() == "mine" and foreign.stat().st_uid == 4242


def test_server_holds_no_privilege(world):
    pid = world.process.pid
    assert "0" not in machine.status_field(pid, "Uid").split()
    assert "0" not in machine.status_field(pid, "Gid").split()
    for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(machine.status_field(pid, field), 16) == 0, field
    world.create()
    assert machine.status_field(world.launcher(), "Uid").split() == ["0"] * 4
    assert wire.request(world.address, "GET", "/health").status == 200
