"""Commands: streams, exit codes, environment, timeouts, interrupts, background, and what must not hurt."""
import threading
from datetime import timedelta

import pytest
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync
from support import machine, wire
from support.machine import wait_for


def kinds(events):
    return [e["type"] for e in events if e["type"] != "ping"]


def test_stream_shape(execd):
    events = execd.events({"command": "echo one; echo; printf three"})
    assert kinds(events) == ["init", "stdout", "stdout", "stdout", "execution_complete"]
    assert len(events[0]["text"]) == 32
    assert [e["text"] for e in events if e["type"] == "stdout"] == ["one\n", "\n", "three"]
    assert all(isinstance(e["timestamp"], int) for e in events)


def test_old_clients_get_texts_without_terminators(execd):
    for agent in ("OpenSandbox-Python-SDK/0.1.11", "OpenSandbox-JS-SDK/0.1.8"):
        events = execd.events({"command": "echo one; printf two"}, headers={"User-Agent": agent})
        assert [e["text"] for e in events if e["type"] == "stdout"] == ["one", "two"]
    events = execd.events({"command": "echo one"}, headers={"User-Agent": "OpenSandbox-Python-SDK/1.1.1"})
    assert wire.texts(events) == "one\n"


def test_exit_codes(execd, client):
    events = execd.events({"command": "echo out; echo err >&2; exit 3"})
    assert events[-1]["error"] == {"ename": "CommandExecError", "evalue": "3", "traceback": ["exit status 3"]}
    assert wire.texts(events) == "out\n" and wire.texts(events, "stderr") == "err\n"
    assert "execution_complete" not in kinds(events)

    events = execd.events({"command": "kill -9 $$"})
    assert events[-1]["error"]["evalue"] == "-1" and events[-1]["error"]["traceback"] == ["signal: killed"]

    run = client.commands.run("exit 7")
    assert run.exit_code == 7 and run.error.name == "CommandExecError" and run.complete is None
    assert client.commands.run("no-such-program-here").exit_code == 127
    assert client.commands.run("true").exit_code == 0


def test_connection_is_kept(execd):
    with execd.connect() as connection:
        for n in range(20):
            events = list(connection.events("POST", "/command", {"command": f"echo {n}"}, execd.headers))
            assert wire.texts(events) == f"{n}\n"


def test_text_survives(client, execd):
    assert client.commands.run("printf 'a\\u2028b\\u0085c\\fd\\x1ce\\n'").text == "a\u2028b\u0085c\fd\x1ce"
    events = execd.events({"command": "printf '\\xff\\xfe\\n'"})
    assert wire.texts(events) == "\ufffd\ufffd\n"
    assert client.commands.run("echo 'Grüße, 世界 🎉'").text == "Grüße, 世界 🎉"
    # A character cut by a slow writer stays whole.
    assert client.commands.run("printf '\\xe4\\xb8'; sleep 0.3; printf '\\x96\\n'").text == "世"


def test_environment_and_directory(server):
    created = server.create(env={"FROM_CREATE": "one", "OVER": "create"})
    execd = server.execd(created["id"])
    assert execd.run("echo $FROM_CREATE $OVER $OPENSANDBOX_ID") == f"one create {created['id']}\n"
    assert execd.run("echo $OVER $NEW", envs={"OVER": "request", "NEW": "2"}) == "request 2\n"
    assert execd.run("pwd", cwd="/usr/bin") == "/usr/bin\n"
    assert execd.run("echo $HOME $LANG; pwd", cwd="~") == "/root C.UTF-8\n/root\n"
    for cwd in ("/none", "/etc/hostname"):
        reply = execd.request("POST", "/command", {"command": "pwd", "cwd": cwd})
        assert reply.status == 400 and reply.json()["code"] == "INVALID_REQUEST_BODY" and cwd in reply.text


def test_client_options(client):
    run = client.commands.run("pwd; echo $X; id -u", opts=RunCommandOpts(working_directory="/tmp", envs={"X": "y"}, uid=65534))
    assert run.text.split() == ["/tmp", "y", "65534"]


def test_argv_form_runs_no_shell(client):
    run = client.commands.run(["printf", "%s|", "$HOME", "", "a b"])
    assert run.text == "$HOME||a b|"


def test_set_env(client):
    client.commands.set_env("QUOTED", "it's")
    client.commands.set_env("PLAIN", "a $HOME b")  # the client keeps a dollar literal unless there is a quote, too
    assert client.commands.run('echo "$QUOTED $PLAIN"').text == "it's a $HOME b"
    client.commands.set_env("PLAIN", "changed")
    assert client.commands.run("echo $PLAIN").text == "changed"


def test_stdin_is_empty(execd):
    assert execd.run("cat; echo end") == "end\n"


def test_timeout_kills_the_group(execd):
    events = execd.events({"command": "sleep 1234 & sleep 1234", "timeout": 200})
    assert events[-1]["error"]["evalue"] == "-1"
    assert execd.run("pgrep -c -f 'sleep 123[4]' || true").strip() == "0"


def test_interrupt(client):
    started = threading.Event()
    ids = []

    def on_init(init):
        ids.append(init.id)
        started.set()

    runs = []
    thread = threading.Thread(target=lambda: runs.append(
        client.commands.run("echo on; sleep 600", handlers=ExecutionHandlersSync(on_init=on_init))))
    thread.start()
    assert started.wait(30)
    client.commands.interrupt(ids[0])
    thread.join(30)
    assert runs and runs[0].error.value == "-1"
    status = client.commands.get_command_status(ids[0])
    assert status.running is False and status.exit_code == -1


def test_interrupt_beats_a_command_that_ignores_sigterm(execd):
    with execd.connect() as connection:
        stream = connection.events("POST", "/command", {"command": "trap '' TERM INT HUP; echo armed; while :; do sleep 0.1; done"},
                                   execd.headers)
        command = next(e["text"] for e in stream if e["type"] == "init")
        next(e for e in stream if e["type"] == "stdout")
        assert execd.request("DELETE", f"/command?id={command}").status == 200
        rest = list(stream)
        assert rest[-1]["error"]["traceback"] == ["signal: killed"]
    assert execd.run("echo next") == "next\n"


def test_background(client):
    run = client.commands.run("echo out; sleep 0.2; echo err >&2; exit 4", opts=RunCommandOpts(background=True))
    assert run.id and run.exit_code is None
    status = wait_for(lambda: (s := client.commands.get_command_status(run.id)) and not s.running and s, "the end")
    assert status.exit_code == 4 and status.finished_at and status.content.startswith("echo out")
    logs = client.commands.get_background_command_logs(run.id)
    assert logs.content == "out\nerr\n" and logs.cursor == 8
    assert client.commands.get_background_command_logs(run.id, cursor=4).content == "err\n"
    endless = client.commands.run("sleep 600", opts=RunCommandOpts(background=True))
    assert client.commands.get_command_status(endless.id).running
    client.commands.interrupt(endless.id)
    assert not client.commands.get_command_status(endless.id).running


def test_unknown_commands(execd, client):
    assert execd.request("GET", "/command/status/none").status == 404
    assert execd.request("GET", "/command/none/logs").status in (400, 404)
    assert execd.request("DELETE", "/command?id=none").status in (404, 500)
    assert execd.request("DELETE", "/command").status == 400
    with pytest.raises(SandboxApiException):
        client.commands.interrupt("none")


def test_server_in_the_background_of_a_command(execd):
    # The command ends although its child lives on and holds stdout; the child must not die from writing to it.
    assert execd.run("(trap 'echo died > /tmp/died' PIPE; for i in $(seq 1000); do echo tick || break; sleep 0.02; done) & echo started") \
        .startswith("started\n")
    for _ in range(5):
        assert execd.run("pgrep -f 'seq 1000|sleep 0.0[2]' >/dev/null && echo alive || test ! -e /tmp/died && echo fine").strip()
    assert execd.run("test ! -e /tmp/died && echo fine") == "fine\n"
    # And a server that was started like this answers.
    execd.run("nohup python3 -m http.server 8123 --bind 127.0.0.1 >/dev/null 2>&1 & echo up")
    wait_for(lambda: "200" in wire.texts(execd.events({"command": "python3 -c \"import urllib.request as u; "
                                                      "print(u.urlopen('http://127.0.0.1:8123/').status)\""})), "its answer")


def test_client_that_leaves_does_not_stop_the_command(execd):
    connection = execd.connect()
    stream = connection.events("POST", "/command", {"command": "echo on; sleep 0.5; echo done > /tmp/done"}, execd.headers)
    command = next(e["text"] for e in stream if e["type"] == "init")
    connection.close()
    wait_for(lambda: not execd.request("GET", f"/command/status/{command}").json()["running"], "the command's end")
    assert execd.run("cat /tmp/done") == "done\n"


def gigabyte(execd, server_pid, execd_pid, size):
    with execd.connect(120) as connection:
        line = "q" * 1000  # a letter that stands in no event but these
        connection.send("POST", "/command", {"command": f"yes {line} | head -c {size}"}, execd.headers)
        assert connection.head().status == 200
        received, tail = 0, b""
        for chunk in connection.chunks():
            received += chunk.count(b"q")
            tail = (tail + chunk)[-4000:]
    assert b'"execution_complete"' in tail
    assert received == size - size // 1001
    assert machine.resident_kib(execd_pid, peak=True) < 64 * 1024
    assert machine.resident_kib(server_pid, peak=True) < 128 * 1024


def test_a_gigabyte_of_output_in_bounded_memory(server, sandbox, execd):
    gigabyte(execd, server.process.pid, server.init_pid(sandbox["id"]), 1 << 30)
    assert execd.run("echo next") == "next\n"


def test_much_output_through_the_proxy_in_bounded_memory(server, sandbox):
    execd = server.execd(sandbox["id"], "?use_server_proxy=true")
    gigabyte(execd, server.process.pid, server.init_pid(sandbox["id"]), 1 << 28)


def test_a_reader_that_stalls_costs_no_memory(server, sandbox, execd):
    """Nobody reads: execd must hold the output on disk or hold the command back, not in memory."""
    with execd.connect() as connection:
        connection.send("POST", "/command", {"command": "yes | head -c 300000000; touch /tmp/wrote"}, execd.headers)
        assert connection.head().status == 200
        execd.run("for i in $(seq 100); do test -e /tmp/wrote && break; sleep 0.1; done; true")
        assert machine.resident_kib(server.init_pid(sandbox["id"]), peak=True) < 64 * 1024
    assert execd.run("echo next") == "next\n"


def test_long_line_without_end(execd):
    assert len(execd.run("head -c 5000000 /dev/zero | tr '\\0' y")) == 5_000_000


def test_many_commands_leave_nothing_behind(server, sandbox, execd):
    pid = server.init_pid(sandbox["id"])
    with execd.connect() as connection:
        def run(times):
            for _ in range(times):
                events = list(connection.events("POST", "/command", {"command": "true"}, execd.headers))
                assert events[-1]["type"] == "execution_complete"

        run(100)
        fds, memory = machine.open_fds(pid), machine.resident_kib(pid)
        run(400)
        assert machine.open_fds(pid) <= fds
        assert machine.resident_kib(pid) < memory + 2048
    assert len(machine.processes_of(sandbox["id"])) <= 4, "no zombie, no leftover shell"


def test_orphans_are_reaped(server, sandbox, execd):
    execd.run("for i in $(seq 20); do (sleep 0.05 &) ; done; true")
    def zombies():
        return [p for p in machine.pids() if sandbox["id"] in machine.cgroup_of(p)
                and (machine.status_field(p, "State") or "").startswith("Z")]

    wait_for(lambda: not zombies() and "sleep 0.05" not in execd.run("ps -e -o args"), "orphans to be reaped")


def test_metrics(client, execd):
    metrics = client.get_metrics()
    assert metrics.cpu_count > 0 and 0 < metrics.memory_used_in_mib <= metrics.memory_total_in_mib
    raw = execd.request("GET", "/metrics").json()
    assert raw.keys() >= {"cpu_count", "cpu_used_pct", "mem_total_mib", "mem_used_mib", "timestamp"}


def test_timedelta_timeout(client):
    run = client.commands.run("sleep 60", opts=RunCommandOpts(timeout=timedelta(milliseconds=300)))
    assert run.error.value == "-1"
