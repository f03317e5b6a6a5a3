"""osb, the command line client, against a real server: what it prints, with which exit code, and what it leaves behind."""
import fcntl
import filecmp
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from support.machine import wait_for
from test_images import rootfs
from support.server import REPOSITORY, clean_environment, free_port

OSB = REPOSITORY / "build" / "osb"
MEBIBYTE = 1 << 20


class Osb:
    """Runs osb in a home directory of its own."""

    def __init__(self, address, home):
        self.home = home
        self.env = clean_environment(OPEN_SANDBOX_DOMAIN=address)
        self.env.update(HOME=str(home), PATH=f"{OSB.parent}:{os.environ['PATH']}")

    def run(self, *words, stdin=b"", timeout=60, env=None):
        """CompletedProcess with bytes."""
        return subprocess.run([str(OSB), *map(str, words)], input=stdin, capture_output=True, timeout=timeout,
                              env={**self.env, **(env or {})}, cwd=self.home)

    def ok(self, *words, **options):
        """stdout of a command that must succeed."""
        done = self.run(*words, **options)
        assert done.returncode == 0, (words, done)
        return done.stdout.decode()

    def json(self, *words, **options):
        return json.loads(self.ok(*words, "-o", "json", **options))

    def fails(self, *words, code=1, **options):
        """stderr of a command that must fail with this code."""
        done = self.run(*words, **options)
        assert done.returncode == code, (words, done)
        return done.stderr.decode()

    def start(self, *words, **options):
        return subprocess.Popen([str(OSB), *map(str, words)], env=self.env, cwd=self.home, **options)


class OnTerminal:
    """osb, or another program, on a terminal of the test's own."""

    def __init__(self, osb, *words, size=(24, 80), program=OSB):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(osb.home)
            os.execve(str(program), [str(program), *words], {**osb.env, "TERM": "xterm"})
        self.resize(*size)
        self.printed = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return None
        try:
            return os.read(self.fd, 65536)
        except OSError:  # nobody has the other end any more
            return b""

    def expect(self, text, seconds=20):
        """Waits until `text` is printed; forgets everything up to it."""
        end = time.monotonic() + seconds
        while text not in self.printed:
            assert time.monotonic() < end, f"no {text!r} in {self.printed!r}"
            self.printed += (self.read(0.2) or b"").decode(errors="replace")
        self.printed = self.printed.split(text, 1)[1]

    def exit_code(self):
        while chunk := self.read(20):
            pass
        if chunk is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise AssertionError("the program does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def osb(server, tmp_path):
    return Osb(server.address, tmp_path)


@pytest.fixture
def box(osb):
    """Id of a running sandbox."""
    return osb.ok("sandbox", "create", "--image", "host", "-o", "raw").strip()


def test_life_of_a_sandbox(osb, server):
    made = osb.json("sandbox", "create", "--image", "host", "--timeout", "1h", "-e", "A=b=c", "-m", "team=red")
    box = made["id"]
    assert made["status"]["state"] == "Running" and made["image"] == "host" and made["metadata"] == {"team": "red"}
    assert osb.json("sandbox", "get", box)["id"] == box
    assert [each["id"] for each in osb.json("sandbox", "list", "-m", "team=red", "-s", "RUNNING")] == [box]
    assert osb.json("sandbox", "list", "-m", "team=blue") == []
    assert osb.ok("sandbox", "list", "-o", "raw") == box + "\n"
    assert osb.ok("exec", box, "echo $A") == "b=c\n"
    assert osb.json("sandbox", "health", box) == {"id": box, "healthy": True}
    assert re.fullmatch(r"[\d.]+:8000", osb.json("sandbox", "endpoint", box, "-p", "8000")["endpoint"])
    before = osb.json("sandbox", "get", box)["expires_at"]
    assert osb.json("sandbox", "renew", box, "-t", "2h")["expires_at"] > before
    assert osb.ok("sandbox", "pause", box) == f"Pause request accepted: {box}\n"
    wait_for(lambda: osb.json("sandbox", "get", box)["status"]["state"] == "Paused", "Paused")
    osb.ok("sandbox", "resume", box)
    figures = osb.json("sandbox", "metrics", box)
    assert set(figures) == {"cpu_count", "cpu_used_percentage", "memory_total_in_mib", "memory_used_in_mib", "timestamp"}
    assert osb.json("sandbox", "kill", box)["killed"] == [box]
    assert server.list() == []


def test_until_it_is_killed(osb, server):
    assert osb.json("sandbox", "create", "--image", "host", "-t", "none")["expires_at"] is None


def test_kill_goes_on_after_a_failure(osb, box, server):
    assert "SANDBOX_NOT_FOUND" in osb.fails("sandbox", "kill", "unknown", box)
    assert server.list() == []


def test_a_request_from_a_file(osb, server):
    request = {"image": {"uri": "host"}, "timeout": 300, "env": {"A": "1"}, "resourceLimits": {"cpu": "1", "memory": "256Mi"}}
    made = osb.json("sandbox", "create", "-f", "-", stdin=json.dumps(request).encode())
    assert osb.ok("exec", made["id"], "echo $A") == "1\n"
    request["env"], request["enviroment"] = {}, {"A": "1"}
    assert "enviroment: there is no such member" in osb.fails("sandbox", "create", "-f", "-", stdin=json.dumps(request).encode())
    assert "does not go with --file" in osb.fails("sandbox", "create", "-f", "-", "--image", "x", code=2)


def test_output_is_the_commands_own(osb, box):
    done = osb.run("exec", box, r"printf 'one\r\n\n  two'; printf 'bad\nworse' >&2")
    assert (done.stdout, done.stderr, done.returncode) == (b"one\r\n\n  two", b"bad\nworse", 0)
    lines = "".join(f"line {i} of many\n" for i in range(20000))
    osb.ok("file", "write", box, "/tmp/lines", stdin=lines.encode())
    for words in (("exec", box, "cat", "/tmp/lines"), ("command", "run", box, "--", "cat", "/tmp/lines"),
                  ("command", "run", box, "--argv", "--", "cat", "/tmp/lines")):
        assert osb.ok(*words) == lines


def test_exit_codes_are_the_commands_own(osb, box):
    for command in ("exec", "command run"):
        assert osb.run(*command.split(), box, "--", "sh", "-c", "exit 7").returncode == 7
        assert osb.run(*command.split(), box, "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
        assert osb.run(*command.split(), box, "-t", "200ms", "--", "sleep", "60").returncode == 128 + signal.SIGKILL
    assert osb.run("exec", box, "no-such-program").returncode == 127
    assert osb.run("run", "host", "--", "sh", "-c", "exit 9").returncode == 9


def test_words_stay_words(osb, box):
    hostile = ["a b", "it's", "$HOME", "*", "", "-la", "--", "\\", "`id`", "äö\n"]
    for words in (("exec", box, "--"), ("command", "run", box, "--"), ("command", "run", box, "--argv", "--")):
        assert osb.ok(*words, "printf", "[%s]", *hostile) == "".join(f"[{word}]" for word in hostile)
    assert osb.ok("exec", box, "echo a | tr a b") == "b\n"  # one word is a line for the shell


def test_where_and_with_what_it_runs(osb, box):
    assert osb.ok("exec", "-w", "/usr", "-e", "A=1 2", "--uid", "65534", box, "pwd; echo $A; id -u") == "/usr\n1 2\n65534\n"


def test_input_is_passed_on_byte_for_byte(osb, box):
    data = bytes(range(256)) * 4096
    assert osb.run("exec", "-i", box, "cat", stdin=data).stdout == data
    done = osb.run("exec", "-i", box, "cat >&2; exit 3", stdin=b"\xff\x00\n")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"\xff\x00\n", 3)


def test_ctrl_c_ends_the_command_and_then_osb(osb, box):
    running = osb.start("exec", box, "trap 'echo bye; exit 1' TERM; echo up; while :; do sleep 0.05; done", stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"up\n"
    running.send_signal(signal.SIGINT)
    assert running.stdout.read() == b"bye\n"
    assert running.wait(20) == 130
    assert osb.run("exec", box, "pgrep", "-f", "sleep 0.0[5]").returncode == 1


def test_a_reader_that_is_gone_ends_the_command(osb, box, server):
    running = osb.start("exec", box, "yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.read(10)
    running.stdout.close()
    assert running.wait(20) == 128 + signal.SIGPIPE and running.stderr.read() == b""
    wait_for(lambda: osb.run("exec", box, "pgrep", "-x", "yes").returncode == 1, "yes to end")


def test_run_leaves_nothing(osb, server):
    assert osb.ok("run", "host", "-e", "A=x", "--", "sh", "-c", "echo $A") == "x\n"
    assert server.list() == []
    running = osb.start("run", "host", "--", "sh", "-c", "echo up; sleep 100", stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"up\n" and len(server.list()) == 1
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130
    assert server.list() == []
    kept = osb.run("run", "--keep", "host", "true").stderr.decode().strip()
    assert [each["id"] for each in server.list()] == [kept]


def test_background_commands_and_their_logs(osb, box):
    script = "for i in 1 2 3; do echo $i; sleep 0.1; done; exit 5"
    run = json.loads(osb.ok("command", "run", box, "-d", "-o", "json", "--", "sh", "-c", script))["execution_id"]
    followed = osb.run("logs", "-f", box, run)
    assert (followed.stdout, followed.returncode) == (b"1\n2\n3\n", 5)
    status = osb.json("command", "status", box, run)
    assert (status["running"], status["exit_code"]) == (False, 5)
    assert osb.ok("command", "logs", box, run) == "1\n2\n3\n"
    assert osb.json("command", "logs", box, run, "--cursor", "4")["content"] == "3\n"
    sleeper = osb.ok("command", "run", box, "-d", "-o", "raw", "--", "sleep", "100").strip()
    osb.ok("command", "interrupt", box, sleeper)
    wait_for(lambda: not osb.json("command", "status", box, sleeper)["running"], "sleep to end")
    assert osb.run("logs", "-f", box, sleeper).returncode == 128 + signal.SIGTERM


def test_sessions_keep_their_state(osb, box):
    session = osb.ok("command", "session", "create", box, "-o", "raw").strip()
    osb.ok("command", "session", "run", box, session, "cd /usr; X=1")
    done = osb.run("command", "session", "run", box, session, "echo $PWD $X; (exit 4)")
    assert (done.stdout, done.returncode) == (b"/usr 1\n", 4)
    osb.ok("command", "session", "delete", box, session)
    osb.fails("command", "session", "run", box, session, "true", code=125)


def test_files(osb, box):
    osb.ok("file", "write", box, "/tmp/a.txt", "-c", "one two one", "--mode", "0640", "--owner", "nobody")
    info = osb.json("file", "info", box, "/tmp/a.txt")[0]
    assert (info["mode"], info["owner"], info["size"], info["entry_type"]) == (640, "nobody", 11, "file")
    assert osb.json("file", "replace", box, "/tmp/a.txt", "--old", "one", "--new", "1")["replaced_count"] == 2
    assert osb.ok("file", "cat", box, "/tmp/a.txt") == "1 two 1"
    osb.ok("file", "mkdir", box, "/tmp/d/e", "/tmp/f")
    osb.ok("file", "mv", box, "/tmp/a.txt", "/tmp/d/e/b.txt")
    assert [each["path"] for each in osb.json("file", "search", box, "/tmp/d", "-p", "**/*.txt")] == ["/tmp/d/e/b.txt"]
    assert [each["path"] for each in osb.json("file", "ls", box, "/tmp/d")] == ["/tmp/d/e"]
    osb.ok("file", "chmod", box, "/tmp/d/e/b.txt", "--mode", "600")
    assert osb.json("file", "info", box, "/tmp/d/e/b.txt")[0]["mode"] == 600
    osb.ok("file", "rm", box, "/tmp/d/e/b.txt")
    osb.ok("file", "rmdir", box, "/tmp/d", "/tmp/f")
    error = osb.fails("file", "cat", box, "/tmp/d/e/b.txt")
    assert "code: FILE_NOT_FOUND (HTTP 404" in error


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "binary").write_bytes(bytes(range(256)) * 5000)
    (root / "sub" / "tool").write_text("#!/bin/sh\n")
    (root / "sub" / "tool").chmod(0o755)
    (root / "sub" / "secret").write_text("x")
    (root / "sub" / "secret").chmod(0o600)
    for i in range(450):  # more than one request holds
        (root / f"name {i}é'\"").write_text(str(i))
    return root


def same(left, right):
    """Names, contents and modes of files."""
    compared = filecmp.dircmp(left, right, ignore=[])
    assert not (compared.left_only or compared.right_only or compared.funny_files or compared.diff_files), compared.report()
    for name in compared.common_files:
        assert (left / name).read_bytes() == (right / name).read_bytes()
        assert (left / name).stat().st_mode == (right / name).stat().st_mode, name
    for name in compared.common_dirs:
        same(left / name, right / name)


def test_directories_come_back_as_they_went(osb, box, tree, tmp_path):
    for proxy in ("--no-use-server-proxy", "--use-server-proxy"):
        name = proxy.strip("-")
        report = osb.json("cp", proxy, tree, f"{box}:/{name}")
        assert report["files"] == 453 and report["skipped"] == 0
        osb.ok("cp", proxy, f"{box}:/{name}", tmp_path / name)
        same(tree, tmp_path / name)
        osb.ok("cp", proxy, f"{box}:/{name}", tmp_path / name)  # it is there now: into it
        same(tree, tmp_path / name / name)


def test_copies_of_single_files(osb, box, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(20 * MEBIBYTE))
    osb.ok("cp", "big", f"{box}:/tmp/")
    osb.ok("cp", f"{box}:/tmp/big", "back")
    assert filecmp.cmp(tmp_path / "big", tmp_path / "back", shallow=False)
    osb.ok("cp", "-", f"{box}:/tmp/piped", stdin=b"\x00piped")
    assert osb.run("cp", f"{box}:/tmp/piped", "-").stdout == b"\x00piped"
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    osb.ok("file", "download", box, "/tmp/piped", "pipe")
    assert reader.communicate(timeout=20)[0] == b"\x00piped"


def test_a_failed_download_leaves_the_old_file(osb, box, tmp_path):
    (tmp_path / "mine").write_text("old")
    osb.fails("cp", f"{box}:/nope", "mine")
    assert (tmp_path / "mine").read_text() == "old" and os.listdir(tmp_path) == ["mine"]
    assert "SANDBOX:PATH" in osb.fails("cp", "a", "b", code=2)
    assert "No such file" in osb.fails("cp", "a", f"{box}:/b")


def test_links_are_named_not_followed(osb, box, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "up").symlink_to("/etc")
    done = osb.run("cp", "tree", f"{box}:/tree")
    assert done.returncode == 0 and b"not copied" in done.stderr
    osb.ok("exec", box, "ln -s /etc/passwd /tree/link")
    done = osb.run("cp", f"{box}:/tree", "out")
    assert b"/tree/link" in done.stderr and os.listdir(tmp_path / "out") == []


def test_code(osb, box, tmp_path):
    assert osb.ok("code", box, "-c", "print('a')\n6 * 7") == "a\n42\n"
    (tmp_path / "x.sh").write_text("echo $((6 * 7))")
    assert osb.ok("code", box, "x.sh") == "42\n"
    assert osb.ok("code", box, stdin=b"print(1)") == "1\n"
    done = osb.run("code", box, "-c", "1 / 0")
    assert done.returncode == 1 and b"ZeroDivisionError" in done.stderr


def test_conversation(osb, box):
    talk = OnTerminal(osb, "code", box)
    talk.expect("python> ")
    talk.type("x = 6\r")
    talk.expect("python> ")
    talk.type("for i in range(2):\r")
    talk.expect("... ")
    talk.type("  print('no', i)\r\r")
    talk.expect("no 0\r\nno 1\r\n")
    talk.expect("python> ")
    talk.type("import time; time.sleep(60)\r")
    talk.expect("\r\n")
    time.sleep(0.5)
    talk.type("\x03")
    talk.expect("KeyboardInterrupt")
    talk.expect("python> ")
    talk.type("x * 7\r")
    talk.expect("\r\n42\r\n")
    talk.type("\x04")
    assert talk.exit_code() == 0
    assert "x * 7" in (osb.home / ".opensandbox" / "history-python").read_text()
    again = OnTerminal(osb, "code", box)
    again.expect("python> ")
    again.type("\x1b[A")
    again.expect("x * 7")
    again.type("\x15\x04")
    assert again.exit_code() == 0


def test_shell_on_a_terminal(osb, box):
    shell = OnTerminal(osb, "shell", box, size=(40, 100))
    shell.expect("# ")
    shell.type("stty size\r")
    shell.expect("40 100")
    shell.resize(50, 120)
    wait_for(lambda: shell.type("stty size\r") or "50 120" in (shell.read(1) or b"").decode(), "the new size")
    shell.type("sleep 100\r")
    time.sleep(0.5)
    shell.type("\x03echo status=$?\r")
    shell.expect("status=130")
    shell.type("exit 9\r")
    assert shell.exit_code() == 9


def test_a_shell_without_its_osb_ends(osb, box):
    shell = OnTerminal(osb, "shell", box, "--", "sleep 4242")
    wait_for(lambda: osb.run("exec", box, "pgrep", "-f", "sleep 424[2]").returncode == 0, "sleep to begin")
    os.kill(shell.pid, signal.SIGHUP)
    assert shell.exit_code() == 130
    assert osb.run("exec", box, "pgrep", "-f", "sleep 424[2]").returncode == 1


def test_shell_on_pipes(osb, box):
    done = osb.run("shell", box, stdin=b"echo out; echo err >&2; exit 4\n")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 4)


def test_doctor_finds_what_is_wrong(osb, box, own_server):
    def doctor(*words):
        done = osb.run("doctor", *words, "-o", "json")
        checks = json.loads(done.stdout)
        failed = [each for each in checks if each["state"] == "failed"]
        assert done.returncode == (1 if failed else 0) and len(failed) < 2
        return (failed[0]["check"], failed[0]["advice"]) if failed else (None, "")

    assert doctor(box) == (None, "")
    assert doctor("--domain", f"127.0.0.1:{free_port()}")[0] == "connection"
    assert doctor("--domain", "no.such.host.invalid")[0] == "host name"
    assert doctor("unknown")[0] == "sandbox"
    osb.ok("sandbox", "pause", box)
    wait_for(lambda: doctor(box) == ("sandbox", f"osb sandbox resume {box}"), "the doctor to see it")
    osb.ok("sandbox", "resume", box)
    locked = own_server(env={"OPENSANDBOX_SERVER_API_KEY": "right"})
    locked.api_key = "right"
    check, advice = doctor("--domain", locked.address)
    assert check == "key" and "--api-key" in advice
    assert doctor("--domain", locked.address, "--api-key", "right")[0] is None


class TestImages:
    @pytest.fixture
    def archive(self, tmp_path):
        return rootfs(tmp_path / "tiny.tar")

    def test_through_the_server(self, osb, archive):
        assert [row for row in osb.json("image", "list") if row["name"] == "host"] == [
            {"name": "host", "size": None, "created_at": None, "alias_of": None}]
        assert osb.ok("image", "upload", "team/tiny:1", archive) == "Stored image team/tiny:1\n"
        try:
            row, = [row for row in osb.json("image", "list") if row["name"] == "team/tiny:1"]
            assert row["size"] > 100_000 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["created_at"])
            table = osb.ok("image", "list")
            assert "MiB" in table and "ALIAS OF" in table and re.search(r"code-interpreter:latest +- +- +host", table)
            assert osb.ok("run", "team/tiny:1", "--", "cat", "/etc/release") == "tiny 1.0\n"
            assert osb.json("image", "upload", "team/tiny:1", "-", stdin=archive.read_bytes())["status"] == "ok"
            junk = osb.fails("image", "upload", "junk", "-", stdin=b"x" * 5_000_000)
            assert "code: IMAGE::INVALID_ARCHIVE (HTTP 400" in junk
            assert "reading /none" in osb.fails("image", "upload", "x", "/none")
        finally:
            assert osb.ok("image", "remove", "team/tiny:1") == "Removed image team/tiny:1\n"
        missing = osb.fails("image", "remove", "team/tiny:1")
        assert "code: IMAGE::NOT_FOUND (HTTP 404" in missing and "osb image list" in missing

    def test_in_use(self, osb, archive):
        osb.ok("image", "upload", "busy", archive)
        box = osb.ok("sandbox", "create", "--image", "busy", "-o", "raw").strip()
        refused = osb.fails("image", "remove", "busy")
        assert "code: IMAGE::IN_USE (HTTP 409" in refused and "osb sandbox list" in refused
        osb.ok("sandbox", "kill", box)
        osb.ok("image", "remove", "busy")

    def test_progress_on_a_terminal(self, osb, archive):
        with open(archive, "ab") as file:  # padding behind the end of the archive
            file.truncate(400 << 20)
        terminal = OnTerminal(osb, "image", "upload", "large", str(archive))
        terminal.expect("MiB of 400.0 MiB")
        terminal.expect("Stored image large", seconds=60)
        assert terminal.exit_code() == 0
        osb.ok("image", "remove", "large")

    def test_without_a_server(self, osb, archive, tmp_path):
        store = ("--state", tmp_path / "state")
        tmp_path.chmod(0o755)
        assert osb.ok("image", "upload", "tiny", archive, *store) == "Stored image tiny\n"
        names = [row["name"] for row in osb.json("image", "list", *store)]
        assert names == ["host", "opensandbox/code-interpreter:latest", "tiny:latest"]
        assert "LOCAL" in osb.fails("image", "upload", "bad", "-", *store, stdin=b"junk")
        osb.ok("image", "remove", "tiny", *store)
        assert "there is no such image" in osb.fails("image", "remove", "tiny", *store)
        # Nobody listens where a server of this machine would be: its store, as the configuration says.
        images = tmp_path / "store"
        config = tmp_path / "server.toml"
        config.write_text(f'[native]\nimages_dir = "{images}"\n')
        nowhere = {"OPEN_SANDBOX_DOMAIN": f"localhost:{free_port()}", "SANDBOX_CONFIG_PATH": str(config)}
        done = osb.run("image", "upload", "tiny", "-", stdin=archive.read_bytes(), env=nowhere)
        assert done.returncode == 0 and b"No server answers at localhost" in done.stderr, done
        assert "tiny:latest" in osb.ok("image", "list", env=nowhere)
        assert (images / "tiny%3alatest").is_dir()
        osb.ok("image", "remove", "tiny", env=nowhere)
        elsewhere = osb.fails("image", "list", env={"OPEN_SANDBOX_DOMAIN": "nowhere.invalid:1"})
        assert "UNREACHABLE" in elsewhere and "store" not in elsewhere, "another machine's store is not this one's"


def test_bad_input_is_named(osb, box):
    assert "is no command of osb" in osb.fails("sandbx", code=2)
    assert "osb sandbox" in osb.fails("sandbx", code=2)
    assert "--frobnicate" in osb.fails("sandbox", "list", "--frobnicate", code=2)
    assert "no duration" in osb.fails("sandbox", "renew", box, "-t", "soon", code=2)
    assert "KEY=VALUE" in osb.fails("sandbox", "create", "--image", "host", "-e", "A", code=2)
    assert "no image is named" in osb.fails("sandbox", "create", code=2)
    assert "code: DOCKER::SANDBOX_NOT_FOUND (HTTP 404" in osb.fails("sandbox", "get", "unknown")
    assert "SANDBOX_NOT_FOUND" in osb.fails("exec", "unknown", "true", code=125)
    assert "code: UNREACHABLE" in osb.fails("sandbox", "list", "--domain", f"127.0.0.1:{free_port()}")
    assert "osb doctor" in osb.fails("--domain", f"127.0.0.1:{free_port()}", "run", "host", "true", code=125)
    assert "no such file" in osb.fails("sandbox", "list", "--config", "nowhere")


def test_wrong_key(osb, own_server):
    server = own_server(env={"OPENSANDBOX_SERVER_API_KEY": "right"})
    server.api_key = "right"
    error = osb.fails("sandbox", "list", "--domain", server.address, "--api-key", "not-the-key")
    assert "HTTP 401" in error and "--api-key KEY" in error and "not-the-key" not in error
    assert osb.json("sandbox", "list", "--domain", server.address, env={"OPEN_SANDBOX_API_KEY": "right"}) == []


def test_settings_last(osb, server):
    config = osb.home / ".opensandbox" / "config.toml"
    osb.ok("config", "init")
    assert "--force" in osb.fails("config", "init")
    config.write_text("# mine\n" + config.read_text())
    osb.ok("config", "set", "connection.domain", server.address)
    osb.ok("config", "set", "connection.api_key", "0123456789abcdef")
    osb.ok("config", "set", "defaults.image", "host")
    assert config.read_text().startswith("# mine\n")
    del osb.env["OPEN_SANDBOX_DOMAIN"]
    shown = osb.json("config", "show")["settings"]
    assert shown["connection.domain"] == {"value": server.address, "source": "file"}
    assert "89abc" not in json.dumps(shown)
    assert osb.json("sandbox", "create")["image"] == "host"
    assert "no setting" in osb.fails("config", "set", "connection.host", "x", code=2)


def test_formats_agree(osb, box):
    assert f'"id": "{box}"' in osb.ok("sandbox", "get", box, "-o", "json")
    assert re.search(rf'^id: "?{box}"?$', osb.ok("sandbox", "get", box, "-o", "yaml"), re.M)
    table = osb.ok("sandbox", "list").splitlines()
    assert table[0].split() == ["ID", "STATE", "IMAGE", "ENDS", "METADATA"] and table[1].startswith(box)
    assert "\x1b" not in "".join(table)
    on_terminal = OnTerminal(osb, "sandbox", "list")
    on_terminal.expect("\x1b[1mID")
    on_terminal.expect(box)
    assert on_terminal.exit_code() == 0


def test_skills_come_and_go(osb, tmp_path):
    names = [each["name"] for each in osb.json("skills", "list")]
    assert len(names) == 6
    (tmp_path / "AGENTS.md").write_text("# Mine\n")
    osb.ok("skills", "install", "--all-builtins", "--target", "all")
    for name in names:
        assert (tmp_path / ".claude" / "skills" / name / "SKILL.md").read_text().startswith(f"---\nname: {name}\n")
        assert osb.ok("skills", "show", name) in (tmp_path / "AGENTS.md").read_text()
    assert osb.ok("skills", "install", "--all-builtins", "--target", "all") == "Nothing to do\n"
    osb.ok("skills", "uninstall", "--target", "all")
    assert (tmp_path / "AGENTS.md").read_text() == "# Mine\n"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "AGENTS.md"]


def test_what_is_not_there_is_said(osb, box):
    assert "error:" in osb.fails("egress", "get", box)


def test_examples_of_the_documentation(osb, box, server):
    """Every ```bash block of docs/osb.md, in one directory, one after the other, with $SANDBOX set."""
    text = (REPOSITORY / "docs" / "osb.md").read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) > 5
    script = "set -eu\n" + "\n".join(blocks)
    done = subprocess.run(["bash", "-c", script], env={**osb.env, "SANDBOX": box}, cwd=osb.home, capture_output=True, text=True,
                          timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
