"""What this machine holds: processes, cgroups, links, mounts. Everything is read from /proc, /sys and iproute2."""
import json
import os
import re
import subprocess
import time
from pathlib import Path


def wait_for(condition, what, seconds=20.0, interval=0.05):
    """Polls until condition() is true and returns its value; fails with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(interval)


def read(path):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def status_field(pid, field):
    match = re.search(rf"^{field}:\s*(.*)$", read(f"/proc/{pid}/status"), re.M)
    return match.group(1).strip() if match else None


def parent(pid):
    value = status_field(pid, "PPid")
    return int(value) if value else None


def alive(pid):
    state = status_field(pid, "State")
    return state is not None and not state.startswith(("Z", "X"))


def children(pid):
    return [p for p in pids() if parent(p) == pid]


def resident_kib(pid, peak=False):
    value = status_field(pid, "VmHWM" if peak else "VmRSS")
    return int(value.split()[0]) if value else None


def open_files(pid):
    """What the descriptors of a process lead to; one that it closes meanwhile is left out."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


def open_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cgroup_of(pid):
    return read(f"/proc/{pid}/cgroup")


def cgroup_directories_of(pid):
    """Those groups of a process that belong to a sandbox, over all hierarchies."""
    paths = {line.split(":", 2)[2] for line in cgroup_of(pid).splitlines()}
    return [directory for path in paths if path.count("/") >= 2 for directory in cgroups(path) if directory.endswith(path)]


def processes_of(sandbox):
    """Processes inside a sandbox: those whose root has its id as host name."""
    return [p for p in pids() if read(f"/proc/{p}/root/etc/hostname") == f"{sandbox}\n" and alive(p)]


def cgroups(part):
    """cgroup directories whose path has `part` in it, over all hierarchies."""
    found = []
    for root, dirs, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(root, d) for d in dirs if part in os.path.join(root, d)]
    return found


def links(prefix):
    out = subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
    return [link["ifname"] for link in json.loads(out or "[]") if link["ifname"].startswith(prefix)]


def link_towards(address):
    out = subprocess.run(["ip", "-json", "route", "get", address], capture_output=True, text=True, check=True).stdout
    return json.loads(out)[0]["dev"]


def mounts(part, pid="self"):
    return [line for line in read(f"/proc/{pid}/mountinfo").splitlines() if part in line]


def addresses_of_process(pid):
    """The numeric IPv4 addresses in the network namespace of a process."""
    return set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", read(f"/proc/{pid}/net/fib_trie")))


def links_by_address():
    """{remote address: link} of the point-to-point links of this host."""
    out = subprocess.run(["ip", "-json", "route"], capture_output=True, text=True, check=True).stdout
    return {route["dst"]: route["dev"] for route in json.loads(out) if "dev" in route}


def filter_tables(part):
    """nftables tables with `part` in their name; empty where nft is missing or sees none."""
    out = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if part in line]
