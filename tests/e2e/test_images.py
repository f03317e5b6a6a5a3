"""Image names: host, aliases, imported root file systems, and names that nobody has."""
import io
import lzma
import subprocess
import tarfile
import zlib

import pytest
from support import machine, wire
from support.machine import wait_for
from support.server import PROGRAM

APPLETS = ["sh", "ls", "cat", "echo", "sleep", "tail", "id", "env", "mkdir", "rm", "stat", "seq", "head", "true", "false", "uname", "touch"]


def busybox():
    path = subprocess.run(["sh", "-c", "command -v busybox"], capture_output=True, text=True).stdout.strip()
    assert path, "busybox-static is missing: run ./dev setup"
    return path


def rootfs(path, extra=()):
    """A root file system of one static program, as a tar."""
    with tarfile.open(path, "w") as tar:
        def add(name, kind=tarfile.DIRTYPE, data=b"", mode=0o755, link=""):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.size, info.linkname = kind, mode, len(data), link
            tar.addfile(info, io.BytesIO(data))

        for directory in ("bin", "etc", "tmp", "root"):
            add(directory)
        with open(busybox(), "rb") as program:
            add("bin/busybox", tarfile.REGTYPE, program.read())
        for applet in APPLETS:
            add(f"bin/{applet}", tarfile.SYMTYPE, link="busybox")
        add("etc/release", tarfile.REGTYPE, b"tiny 1.0\n", 0o644)
        for name, kind, data, link in extra:
            add(name, kind, data, 0o644, link)
    return path


def image(server, *args, check=True, timeout=120):
    done = subprocess.run([str(PROGRAM), "image", *args, "--state", str(server.state)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.fixture
def tiny(server, tmp_path):
    """A running server with the image `ubuntu` imported."""
    image(server, "import", "ubuntu", str(rootfs(tmp_path / "tiny.tar")))
    yield server
    for sandbox in server.list():
        server.delete(sandbox["id"])
    image(server, "remove", "ubuntu")
    assert "ubuntu" not in image(server, "list").stdout


def test_imported_image_runs(tiny):
    assert "ubuntu" in image(tiny, "list").stdout and "host" in image(tiny, "list").stdout
    for name in ("ubuntu", "ubuntu:latest"):
        sandbox = tiny.create(image={"uri": name})
        execd = tiny.execd(sandbox["id"])
        assert execd.run("cat /etc/release; echo hi") == "tiny 1.0\nhi\n"
        assert "usr" not in execd.run("ls /").split(), "nothing of the host shows"
        execd.run("touch /bin/added; rm /etc/release")
        assert execd.request("GET", "/files/info?path=/bin/added").status == 200
        assert tiny.get(sandbox["id"])["image"]["uri"] == name
    fresh = tiny.execd(tiny.create(image={"uri": "ubuntu"})["id"])
    assert fresh.run("ls /bin/added 2>/dev/null || cat /etc/release") == "tiny 1.0\n", "the image stays as imported"


def test_contract_flow_with_ubuntu(tiny):
    from opensandbox import SandboxSync
    from opensandbox.config import ConnectionConfigSync

    sandbox = SandboxSync.create("ubuntu", connection_config=ConnectionConfigSync(domain=tiny.address))
    with sandbox:
        assert sandbox.commands.run("echo 'Hello Sandbox!'").logs.stdout[0].text.strip() == "Hello Sandbox!"
        sandbox.files.write_file("/tmp/new/dir/file", "x")
        assert sandbox.commands.run("cat /tmp/new/dir/file").text == "x"
        sandbox.kill()


def test_code_needs_an_interpreter_in_the_image(tiny):
    execd = tiny.execd(tiny.create(image={"uri": "ubuntu"})["id"])
    reply = execd.request("POST", "/code", {"code": "1", "context": {"language": "python"}})
    assert reply.status >= 400 and "python" in reply.json()["message"].lower()
    assert execd.run("echo ok") == "ok\n"


def test_entrypoint_of_the_clients_default_is_there(tiny):
    tiny.create(image={"uri": "ubuntu"}, entrypoint=["tail", "-f", "/dev/null"])
    assert "bash" in tiny.create(expect=400, image={"uri": "ubuntu"}, entrypoint=["bash"])["message"]


def test_image_in_use_and_removed(tiny):
    sandbox = tiny.create(image={"uri": "ubuntu"})
    image(tiny, "remove", "ubuntu", check=False)  # refused or put off; the sandbox must go on either way
    assert tiny.execd(sandbox["id"]).run("cat /etc/release") == "tiny 1.0\n"
    tiny.delete(sandbox["id"])
    if "ubuntu" not in image(tiny, "list").stdout:
        image(tiny, "import", "ubuntu", str(rootfs(tiny.state.parent / "again.tar")))


def test_import_without_a_server(own_server, tmp_path):
    server = own_server(start=False)
    image(server, "import", "tiny:1", str(rootfs(tmp_path / "tiny.tar")))
    server.start()
    assert server.execd(server.create(image={"uri": "tiny:1"})["id"]).run("cat /etc/release") == "tiny 1.0\n"


def test_compressed_archives(server, tmp_path):
    plain = rootfs(tmp_path / "tiny.tar")
    for suffix, command in ((".gz", ["gzip", "-k"]), (".xz", ["xz", "-k", "-0"])):
        subprocess.run([*command, str(plain)], check=True)
        image(server, "import", f"packed{suffix[1:]}", str(plain) + suffix)
        sandbox = server.create(image={"uri": f"packed{suffix[1:]}"})
        assert server.execd(sandbox["id"]).run("cat /etc/release") == "tiny 1.0\n"
        server.delete(sandbox["id"])
        image(server, "remove", f"packed{suffix[1:]}")


def test_unknown_image_says_what_there_is(server):
    reply = server.request("POST", "/v1/sandboxes", {
        "image": {"uri": "nope/such:1"}, "timeout": 600, "resourceLimits": {"cpu": "1"}, "entrypoint": ["true"]})
    assert 400 <= reply.status < 600
    message = reply.json()["message"]
    assert "nope/such:1" in message and "host" in message and "image import" in message, message


@pytest.mark.parametrize("name", ["opensandbox/code-interpreter", "opensandbox/code-interpreter:v9", "registry.example/opensandbox/code-interpreter:latest",
                                  "registry.example:5000/deep/er/opensandbox/code-interpreter@sha256:" + "0" * 64])
def test_interpreter_alias(server, name):
    sandbox = server.create(image={"uri": name})
    assert server.get(sandbox["id"])["image"]["uri"] == name
    assert "4" in str(server.execd(sandbox["id"]).events({"code": "2 + 2", "context": {"language": "python"}}, path="/code"))
    assert "alias" in server.log.read_text()


def test_python_is_started_where_the_interpreter_is_asked_for(server):
    def programs(name):
        execd = server.execd(server.create(image={"uri": name})["id"])
        return lambda: execd.run("cat /proc/[0-9]*/comm 2>/dev/null || true")

    interpreter = programs("opensandbox/code-interpreter")
    wait_for(lambda: "python" in interpreter(), "a Python that nobody asked for yet")
    plain = programs("host")
    assert "execd" in plain() and "python" not in plain()


@pytest.mark.parametrize("name", ["", "../etc", "/etc", "a/../../b", "host/../x", "a b", "x" * 5000, "..", "\u0000", "ho\nst"])
def test_hostile_names(server, name):
    reply = server.request("POST", "/v1/sandboxes", {
        "image": {"uri": name}, "timeout": 600, "resourceLimits": {"cpu": "1"}, "entrypoint": ["true"]})
    assert 400 <= reply.status < 500, (name, reply.status, reply.text)


@pytest.fixture
def victim(tmp_path):
    """A file of the machine that no archive may touch."""
    (tmp_path / "outside").mkdir()
    path = tmp_path / "outside" / "victim"
    path.write_text("untouched")
    yield path
    assert path.read_text() == "untouched"


def hostile_archives(tmp_path, victim):
    """{name: archive} that reach for the victim."""
    cases = {
        "dots": [(f"../../../../../../..{victim}", tarfile.REGTYPE, b"gone", "")],
        "absolute": [(str(victim), tarfile.REGTYPE, b"gone", "")],
        "through-link": [("escape", tarfile.SYMTYPE, b"", str(victim.parent)), ("escape/victim", tarfile.REGTYPE, b"gone", "")],
        "hard-link": [("stolen", tarfile.LNKTYPE, b"", str(victim)), ("stolen", tarfile.REGTYPE, b"gone", "")],
    }
    return {name: rootfs(tmp_path / f"{name}.tar", extra) for name, extra in cases.items()}


def test_hostile_archives(server, tmp_path, victim):
    for name, archive in hostile_archives(tmp_path, victim).items():
        image(server, "import", name, str(archive), check=False)
        assert victim.read_text() == "untouched", name
        image(server, "remove", name, check=False)
    (tmp_path / "junk.tar").write_bytes(b"\x00garbage" * 1000)
    done = image(server, "import", "junk", str(tmp_path / "junk.tar"), check=False)
    assert done.returncode != 0 and done.stderr
    with open(rootfs(tmp_path / "whole.tar"), "rb") as whole:
        (tmp_path / "cut.tar").write_bytes(whole.read()[:300_000])
    assert image(server, "import", "cut", str(tmp_path / "cut.tar"), check=False).returncode != 0
    assert image(server, "import", "none", str(tmp_path / "none.tar"), check=False).returncode != 0
    assert image(server, "import", "../evil", str(tmp_path / "whole.tar"), check=False).returncode != 0
    listed = image(server, "list").stdout
    assert not any(name in listed for name in ("junk", "cut", "evil"))


def test_host_image_hides_the_operator(server, execd):
    etc = set(execd.run("ls /etc").split())
    assert {"hostname", "hosts", "resolv.conf", "os-release", "passwd", "group", "nsswitch.conf"} <= etc
    assert not etc & {"shadow", "ssh", "sudoers", "machine-id", "ssl/private", "cron.d", "apt"}
    assert execd.run("ls -A /root /home /srv /var/lib 2>/dev/null | grep -v ':$' | grep -c . || true").strip() in ("0", "1", "2", "3"), \
        execd.run("ls -A /root /home /srv /var/lib")
    users = [line.split(":") for line in execd.run("cat /etc/passwd").splitlines()]
    assert {"root", "nobody"} <= {u[0] for u in users} and all(int(u[2]) < 1000 or u[0] == "nobody" for u in users)
    assert execd.run("touch /usr/bin/mine /opt/x /etc/new && echo writable") == "writable\n"
    assert execd.run("python3 --version | grep -c 'Python 3'").strip() == "1"
    assert execd.run("hostname").strip() and execd.run("cat /etc/hostname").strip() == execd.run("hostname").strip()


def test_two_servers_share_an_image_store(own_server, tmp_path):
    store = tmp_path / "images"
    store.mkdir()
    tmp_path.chmod(0o755)
    one, two = own_server(images=store), own_server(images=store)
    subprocess.run([str(PROGRAM), "image", "import", "shared", str(rootfs(tmp_path / "tiny.tar")), "--images", str(store)], check=True)
    for server in (one, two):
        wait_for(lambda: server.execd(server.create(image={"uri": "shared"})["id"]).run("cat /etc/release") == "tiny 1.0\n", "the image")


class TestOverTheApi:
    """/v1/images: the server has no privilege, so all of this goes through the launcher's workers."""

    NAME = "registry.example:5000/team/tool:v1"

    @pytest.fixture
    def store(self, server):
        """The server; afterwards its store is as it was."""
        before = self.directories(server)
        yield server
        for sandbox in server.list():
            server.delete(sandbox["id"])
        for item in self.items(server):
            if "size" in item:
                assert server.request("DELETE", f"/v1/images/{item['name']}").status == 204
        wait_for(lambda: self.directories(server) | {".lock"} == before | {".lock"}, "the store to be empty again")

    @staticmethod
    def directories(server):
        return {path.name for path in (server.state / "images").iterdir()}

    @staticmethod
    def items(server):
        reply = server.request("GET", "/v1/images")
        assert reply.status == 200, reply.text
        return reply.json()["items"]

    def upload(self, server, name, data, expect=201, code=None, headers=None):
        reply = server.request("PUT", f"/v1/images/{name}", data, {"Content-Type": "application/x-tar", **(headers or {})})
        assert reply.status == expect, reply.text
        assert code is None or reply.json()["code"] == code
        return reply.json()

    def test_upload_list_run_remove(self, store, tmp_path):
        data = rootfs(tmp_path / "tiny.tar").read_bytes()
        stored = self.upload(store, self.NAME.replace("/", "%2F"), data)
        assert stored["name"] == self.NAME and stored["size"] > 0 and stored["createdAt"].endswith("Z")
        assert stored in self.items(store) and {"name": "host"} in self.items(store)
        assert store.request("GET", f"/images/{self.NAME}").json() == stored
        sandbox = store.create(image={"uri": self.NAME})
        assert store.execd(sandbox["id"]).run("cat /etc/release") == "tiny 1.0\n"
        refused = store.request("DELETE", f"/v1/images/{self.NAME}")
        assert refused.status == 409 and refused.json()["code"] == "IMAGE::IN_USE"

        changed = rootfs(tmp_path / "changed.tar", [("etc/more", tarfile.REGTYPE, b"second\n", "")]).read_bytes()
        assert self.upload(store, self.NAME, changed, expect=200)["size"] > stored["size"]  # slashes as they are
        assert store.execd(sandbox["id"]).run("ls /etc/more 2>/dev/null || cat /etc/release") == "tiny 1.0\n", "it keeps what it has"
        fresh = store.create(image={"uri": self.NAME})
        assert store.execd(fresh["id"]).run("cat /etc/more") == "second\n"
        for box in (sandbox, fresh):
            store.delete(box["id"])
        assert store.request("DELETE", f"/v1/images/{self.NAME}").status == 204
        assert store.request("DELETE", f"/v1/images/{self.NAME}").json()["code"] == "IMAGE::NOT_FOUND"
        assert "image import" in store.create(expect=400, image={"uri": self.NAME})["message"]

    def test_packed_and_chunked(self, store, tmp_path):
        plain = rootfs(tmp_path / "tiny.tar")
        for tool in ("gzip", "xz", "bzip2", "zstd"):
            try:
                packed = subprocess.run([tool, "-c", str(plain)], capture_output=True, check=True).stdout
            except FileNotFoundError:
                continue
            self.upload(store, f"packed-{tool}", packed)
        data = plain.read_bytes()
        with wire.Connection(store.address) as connection:
            connection.send_raw(b"PUT /v1/images/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(data), 70_001):
                piece = data[at:at + 70_001]
                connection.send_raw(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.send_raw(b"0\r\n\r\n")
            assert connection.reply().status == 201
        for name in [item["name"] for item in self.items(store) if "size" in item]:
            sandbox = store.create(image={"uri": name})
            assert store.execd(sandbox["id"]).run("cat /etc/release") == "tiny 1.0\n"

    def test_half_sent_ones_leave_nothing(self, store, tmp_path):
        data = rootfs(tmp_path / "tiny.tar").read_bytes()
        before = self.directories(store)
        for head in (f"Content-Length: {len(data)}", "Transfer-Encoding: chunked"):
            for part in (data[:1000], data[:len(data) // 2], data[:-1]):
                body = part if "Length" in head else b"%x\r\n%s\r\n" % (len(part), part)
                with wire.Connection(store.address) as connection:
                    connection.send_raw(f"PUT /v1/images/half HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
        wait_for(lambda: self.directories(store) - {".lock"} == before - {".lock"}, "half-made images to go")
        assert not [item for item in self.items(store) if item["name"].startswith("half")]

    def test_hostile_and_damaged_archives(self, store, tmp_path, victim):
        for name, archive in hostile_archives(tmp_path, victim).items():
            self.upload(store, name, archive.read_bytes(), expect=400, code="IMAGE::INVALID_ARCHIVE")
            assert victim.read_text() == "untouched", name
        whole = rootfs(tmp_path / "whole.tar").read_bytes()
        for junk in (b"", b"\x00garbage" * 1000, whole[:300_000], b"x" * 30_000_000):
            self.upload(store, "junk", junk, expect=400, code="IMAGE::INVALID_ARCHIVE")
        assert not [item for item in self.items(store) if "size" in item]

    def test_unpacking_has_a_memory_limit(self, store, tmp_path):
        """An xz that asks for a window of 1.5 GiB: a byte of its header says so, and a checksum confirms it."""
        packed = bytearray(lzma.compress(rootfs(tmp_path / "tiny.tar").read_bytes()))
        self.upload(store, "window", bytes(packed))
        size = (packed[12] + 1) * 4
        assert packed[14:16] == b"\x21\x01", "one filter, LZMA2"
        packed[16] = 37
        packed[12 + size - 4:12 + size] = zlib.crc32(packed[12:12 + size - 4]).to_bytes(4, "little")
        assert len(lzma.decompress(packed)) > 0, "nothing is wrong with it but its wish"
        self.upload(store, "window2", bytes(packed), expect=400, code="IMAGE::INVALID_ARCHIVE")

    @pytest.mark.parametrize("name", ["", "..", "../../etc", "..%2f..%2fetc", "%2e%2e/x", "a/../b", "UPPER", "a%00b", "a%20b", "%zz", "x" * 300])
    def test_bad_names(self, store, tmp_path, name):
        data = rootfs(tmp_path / "tiny.tar").read_bytes()
        self.upload(store, name, data, expect=400, code="IMAGE::INVALID_NAME")
        assert store.request("DELETE", f"/v1/images/{name}").status == 400

    def test_the_hosts_own_name_is_reserved(self, store):
        self.upload(store, "host", b"x", expect=409, code="IMAGE::RESERVED")
        assert store.request("DELETE", "/v1/images/host").json()["code"] == "IMAGE::RESERVED"

    def test_two_at_once(self, store, tmp_path):
        import threading

        archives = [rootfs(tmp_path / f"{n}.tar", [("etc/which", tarfile.REGTYPE, b"%d\n" % n, "")]).read_bytes() for n in range(3)]
        answers = []
        threads = [threading.Thread(target=lambda data=data: answers.append(store.request("PUT", "/v1/images/same", data).status))
                   for data in archives]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) <= {200, 201}
        sandbox = store.create(image={"uri": "same"})
        assert store.execd(sandbox["id"]).run("cat /etc/which").strip() in ("0", "1", "2")
        assert len([item for item in self.items(store) if item["name"] == "same:latest"]) == 1

    def test_memory_stays_bounded(self, store):
        """64 MiB of zeros in a file, sent as they are."""
        size = 64 << 20
        head = tarfile.TarInfo("zeros")
        head.size = size
        length = 512 + size + 1024
        before = machine.resident_kib(store.process.pid, peak=True)
        with wire.Connection(store.address) as connection:
            connection.send_raw(f"PUT /v1/images/large HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + head.tobuf())
            for _ in range(size >> 20):
                connection.send_raw(bytes(1 << 20))
            connection.send_raw(bytes(1024))
            assert connection.reply().status == 201
        assert {"name": "large:latest", "size": size}.items() <= store.request("GET", "/v1/images/large").json().items()
        assert machine.resident_kib(store.process.pid, peak=True) - before < 8 * 1024

    def test_limit_key_and_full_disk(self, own_server, tmp_path):
        config = tmp_path / "server.toml"
        config.write_text('[native]\nmax_image_bytes = "3Mi"\n')
        disk = tmp_path / "images"
        disk.mkdir()
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m,mode=755", "none", str(disk)], check=True)
        try:
            server = own_server(args=["--config", str(config)], env={"OPENSANDBOX_SERVER_API_KEY": "right"}, images=disk)
            assert server.request("GET", "/v1/images").status == 401
            assert server.request("PUT", "/v1/images/x", b"x").status == 401
            server.api_key = "right"
            self.upload(server, "large", bytes(4 << 20), expect=413, code="IMAGE::TOO_LARGE")
            bomb = io.BytesIO()
            with tarfile.open(fileobj=bomb, mode="w:gz") as tar:
                info = tarfile.TarInfo("zeros")
                info.size = 20 << 20
                tar.addfile(info, io.BytesIO(bytes(info.size)))
            self.upload(server, "bomb", bomb.getvalue(), expect=413, code="IMAGE::TOO_LARGE")
            full = rootfs(tmp_path / "full.tar", [("fill", tarfile.REGTYPE, bytes(1 << 20), "")]).read_bytes()
            (disk / "filler").write_bytes(bytes(5 << 20))
            self.upload(server, "full", full, expect=507, code="IMAGE::STORE_FULL")
            (disk / "filler").unlink()
            assert self.directories_of(disk) <= {".lock"}
        finally:
            if server := locals().get("server"):
                server.stop()
            subprocess.run(["umount", str(disk)], check=True)

    @staticmethod
    def directories_of(path):
        return {entry.name for entry in path.iterdir()}

    def test_a_killed_server_leaves_nothing(self, own_server, tmp_path):
        server = own_server()
        data = rootfs(tmp_path / "tiny.tar").read_bytes()
        with wire.Connection(server.address) as connection:
            connection.send_raw(f"PUT /v1/images/dead HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:-600])
            wait_for(lambda: any(name.startswith(".import-") for name in self.directories(server)), "the upload to begin")
            server.kill()
        wait_for(lambda: self.directories(server) <= {".lock"}, "the half-made image to go")
        server.start()
        self.upload(server, "dead", data)
