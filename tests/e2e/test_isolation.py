"""The walls: what a sandbox must not reach, and what it holds."""
import os
import re
import socket
import subprocess
import threading

import pytest
from support import machine, wire
from support.machine import wait_for

CAPABILITIES = {  # number: name, of the only ones a sandbox may have
    0: "CHOWN", 1: "DAC_OVERRIDE", 3: "FOWNER", 4: "FSETID", 5: "KILL", 6: "SETGID", 7: "SETUID", 8: "SETPCAP", 10: "NET_BIND_SERVICE",
    18: "SYS_CHROOT"}


def python(execd, source, timeout=60):
    return execd.run(f"python3 - <<'END'\n{source}\nEND", timeout=timeout).strip()


def connect(execd, address, port, kind="SOCK_STREAM"):
    return python(execd, f"""
import socket
s = socket.socket(socket.AF_INET, socket.{kind}); s.settimeout(3)
try:
    s.connect(("{address}", {port}))
    s.sendall(b"hello")
    print("answer", s.recv(100))
except OSError as error:
    print("refused", type(error).__name__)
""")


def test_privileges(server, sandbox, execd):
    allowed = sum(1 << number for number in CAPABILITIES)
    # Of execd, the entrypoint, a command and a code worker, seen from the host.
    execd.run("sleep 300 >/dev/null 2>&1 & true")
    execd.events({"code": "1", "context": {"language": "python"}}, path="/code")
    pids = machine.processes_of(sandbox["id"])
    assert len(pids) >= 4
    for pid in pids:
        what = machine.read(f"/proc/{pid}/cmdline")
        for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(machine.status_field(pid, field), 16) & ~allowed == 0, (field, what)
        assert machine.status_field(pid, "NoNewPrivs") == "1", what
        assert machine.status_field(pid, "Seccomp") == "2", what
        for space in ("pid", "mnt", "net", "uts", "ipc", "cgroup"):
            if os.path.exists(f"/proc/self/ns/{space}"):
                assert os.readlink(f"/proc/{pid}/ns/{space}") != os.readlink(f"/proc/self/ns/{space}"), (space, what)
        fds = machine.open_files(pid)
        # Nothing of the server's but the end of the sandbox's own log.
        held = {f for f in fds if str(server.state) in f}
        assert held <= {str(server.state / "launcher" / "sandboxes" / sandbox["id"] / "log")}, f"{what} holds {fds}"


FORBIDDEN = {
    "mount": "libc.mount(b'none', b'/mnt', b'tmpfs', 0, None)",
    "umount": "libc.umount2(b'/proc', 2)",
    "unshare": "libc.unshare(0x10000000)",
    "setns": "libc.setns(0, 0)",
    "reboot": "libc.syscall(169, 0xfee1dead, 672274793, 0, None)",
    "init_module": "libc.syscall(175, None, 0, b'')",
    "kexec_load": "libc.syscall(246, 0, 0, None, 0)",
    "bpf": "libc.syscall(321, 0, None, 0)",
    "keyctl": "libc.syscall(250, 0, 0, 0, 0, 0)",
    "open_by_handle_at": "libc.syscall(304, 0, None, 0)",
    "perf_event_open": "libc.syscall(298, None, 0, 0, -1, 0)",
    "settimeofday": "libc.settimeofday(ctypes.create_string_buffer(16), None)",
    "swapon": "libc.swapon(b'/x', 0)",
    "pivot_root": "libc.syscall(155, b'/', b'/')",
    "acct": "libc.acct(b'/x')",
    "iopl": "libc.syscall(172, 3)",
    "mknod": "libc.syscall(133, b'/tmp/sda', 0o60600, (8 << 8))",
    "io_uring_setup": "libc.syscall(425, 1, ctypes.create_string_buffer(200))",
    "userfaultfd": "libc.syscall(323, 0)",
    "fsopen": "libc.syscall(430, b'tmpfs', 0)",
    "move_mount": "libc.syscall(429, -100, b'/tmp', -100, b'/mnt', 0)",
}


def test_system_calls_that_must_fail(execd):
    source = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    for name, call in FORBIDDEN.items():
        source += f"r = {call}\nprint('{name}', r, ctypes.get_errno())\n"
    lines = python(execd, source).splitlines()
    assert len(lines) == len(FORBIDDEN)
    got_through = [line for line in lines if line.split()[1] != "-1"]
    assert not got_through
    wrong = [line for line in lines if line.split()[2] not in ("1", "38", "13")]  # EPERM, ENOSYS, EACCES
    assert not wrong, f"refused for their arguments, not by the wall: {wrong}"


def test_kernel_files_are_out_of_reach(execd):
    for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/sys/kernel/uevent_helper",
                 "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward"):
        assert execd.run(f"(echo x > {path}) 2>/dev/null && echo WROTE || echo no") == "no\n", path
    for path in ("/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/net/tun", "/dev/fuse", "/dev/kvm",
                 "/sys/kernel/debug/x", "/proc/keys", "/proc/timer_list"):
        assert execd.run(f"head -c 10 {path} 2>/dev/null | wc -c") == "0\n", path
    assert execd.run("ls /dev | tr '\\n' ' '").split() and "loop0" not in execd.run("ls /dev").split()
    assert execd.run("(echo 1 > /proc/1/oom_score_adj) 2>/dev/null; (echo -1000 > /proc/self/oom_score_adj) 2>/dev/null && echo LOWERED || echo no") == "no\n"
    assert "docker.sock" not in execd.run("ls /run /var/run 2>/dev/null")


def test_processes_and_names_are_private(server, sandbox, execd):
    assert int(execd.run("ls -d /proc/[0-9]* | wc -l")) < 15
    seen = execd.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; cat /proc/self/mountinfo /proc/self/cgroup")
    assert str(server.state) not in seen and "/var/tmp" not in seen, "host paths show inside"
    other = server.execd(server.create()["id"])
    other.run("sleep 4321 >/dev/null 2>&1 & true")
    assert "4321" not in execd.run("ps -e -o args")
    assert execd.run("ipcs -m | wc -l") == other.run("ipcs -m | wc -l")


def test_neighbours_cannot_reach_each_other(server, sandbox, execd):
    other = server.create()
    other_ip = server.address_of(other["id"])
    server.execd(other["id"]).run("python3 -m http.server 8000 >/dev/null 2>&1 & sleep 0.5")
    wait_for(lambda: answers(f"{other_ip}:8000"), "the neighbour's server, for the host")
    assert connect(execd, other_ip, 8000).startswith("refused")
    assert connect(execd, other_ip, 44772).startswith("refused")
    assert connect(execd, "127.0.0.1", 8000).startswith("refused")
    assert execd.run("echo fine") == "fine\n"


def answers(address):
    try:
        return wire.request(address, "GET", "/", timeout=5).status > 0
    except OSError:
        return False


def test_host_services_are_out_of_reach(server, sandbox, execd, outside_world):
    """A service on every address of the host, tried at the two that belong to tests: the host's end of the sandbox's own
    link, and the host's address towards the test host."""
    listener = socket.socket()
    listener.bind(("0.0.0.0", 0))
    listener.listen()
    port = listener.getsockname()[1]

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
                peer.sendall(b"reached")
                peer.close()
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        link = machine.link_towards(server.address_of(sandbox["id"]))
        out = subprocess.run(["ip", "-o", "-4", "addr", "show", "dev", link], capture_output=True, text=True, check=True).stdout
        for address in [*re.findall(r"inet ([\d.]+)", out), "203.0.113.1"]:
            with socket.create_connection((address, port), timeout=5) as s:
                assert s.recv(10) == b"reached"
            assert connect(execd, address, port).startswith("refused"), f"reached the host at {address}"
            assert connect(execd, address, server.port).startswith("refused"), f"reached the server at {address}"
    finally:
        listener.close()


def test_link_local_addresses_are_out_of_reach(execd, outside_world):
    """Where clouds serve credentials. Played by the test host, so that nothing real is asked."""
    subprocess.run(["ip", "-n", "osbe2e", "addr", "add", "169.254.77.1/32", "dev", "e2e-out"], check=True)
    subprocess.run(["ip", "route", "add", "169.254.77.1/32", "dev", "e2e-host", "src", "203.0.113.1"], check=True)
    with socket.create_connection(("169.254.77.1", 7000), timeout=5) as s:
        assert s.recv(20) == b"203.0.113.1"
    assert connect(execd, "169.254.77.1", 7000).startswith("refused")


def test_no_raw_sockets(execd):
    assert "opened" not in python(execd, """
import socket
for family, kind, protocol in ((socket.AF_PACKET, socket.SOCK_RAW, 3), (socket.AF_PACKET, socket.SOCK_DGRAM, 3),
                               (socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_INET6, socket.SOCK_RAW, 58)):
    try:
        socket.socket(family, kind, protocol)
        print("opened", family, kind)
    except OSError:
        print("refused")
""")


@pytest.fixture
def outside_world():
    """A test host in a network namespace of its own: 203.0.113.2, reached over a veth; it knows no route to sandboxes, so
    an answer proves that the machine put its own address in front (NAT)."""
    name, a, b = "osbe2e", "e2e-host", "e2e-out"  # links that begin with osb are sandboxes' to every launcher

    def ip(*args, check=True):
        subprocess.run(["ip", *args], check=check, capture_output=True)

    ip("netns", "del", name, check=False)
    ip("netns", "add", name)
    ip("link", "add", a, "type", "veth", "peer", "name", b, "netns", name)
    ip("addr", "add", "203.0.113.1/24", "dev", a)
    ip("link", "set", a, "up")
    for command in (["addr", "add", "203.0.113.2/24", "dev", b], ["link", "set", b, "up"], ["link", "set", "lo", "up"]):
        ip("-n", name, *command)
    server = subprocess.Popen(["ip", "netns", "exec", name, "python3", "-u", "-c", """
import socket, threading
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); tcp.bind(("0.0.0.0", 7000)); tcp.listen()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("0.0.0.0", 7000))
def datagrams():
    while True:
        data, peer = udp.recvfrom(1000); udp.sendto(peer[0].encode(), peer)
threading.Thread(target=datagrams, daemon=True).start()
print("up", flush=True)
while True:
    c, peer = tcp.accept(); c.sendall(peer[0].encode()); c.close()
"""], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "up\n"
        yield "203.0.113.2", 7000
    finally:
        server.kill()
        server.wait()
        ip("netns", "del", name, check=False)
        ip("link", "del", a, check=False)


def test_outbound_goes_through_nat(server, sandbox, execd, outside_world):
    address, port = outside_world
    assert connect(execd, address, port) == "answer b'203.0.113.1'"
    assert connect(execd, address, port, "SOCK_DGRAM") == "answer b'203.0.113.1'"


def test_the_outside_cannot_come_in(server, sandbox, outside_world):
    """The outside host routes the sandbox's address to us, as a neighbour on the wire could; it must not get through."""
    ip = server.address_of(sandbox["id"])
    subprocess.run(["ip", "-n", "osbe2e", "route", "add", ip, "via", "203.0.113.1"], check=True)
    done = subprocess.run(["ip", "netns", "exec", "osbe2e", "python3", "-c",
                           f"import socket; s = socket.create_connection(('{ip}', 44772), timeout=3); print('in')"],
                          capture_output=True, text=True)
    assert done.returncode != 0 and "in" not in done.stdout


def test_name_resolution_is_configured(execd):
    assert "nameserver" in execd.run("cat /etc/resolv.conf")
    assert "127.0.0" not in execd.run("grep nameserver /etc/resolv.conf")
    assert execd.run("getent hosts localhost").split()[0] in ("127.0.0.1", "::1")
    assert execd.run("getent hosts $(hostname)").strip()
