"""Ceilings hold, and only the sandbox that reaches one feels it."""
from support import machine
from support.machine import wait_for


def test_fork_bomb_meets_the_pids_limit(server):
    victim = server.create()
    neighbour = server.create()
    execd = server.execd(victim["id"])
    execd.request("POST", "/command", {"command": "bomb() { bomb | bomb & }; bomb; sleep 2", "background": True, "timeout": 20000})

    def count():
        return len(machine.processes_of(victim["id"]))

    wait_for(lambda: count() > 50, "the bomb")
    assert server.execd(neighbour["id"]).run("echo fine") == "fine\n"
    assert count() <= 4096
    assert server.state_of(neighbour["id"]) == "Running"
    assert server.delete(victim["id"]) == 204
    wait_for(lambda: not count(), "the bomb's end")
    assert server.execd(server.create()["id"]).run("echo next") == "next\n"


def test_default_pids_limit_is_set(server):
    execd = server.execd(server.create(resourceLimits={"cpu": "2", "memory": "8Gi"})["id"])
    source = ("import os, time\nn = 0\ntry:\n    while n < 6000:\n        if os.fork() == 0: time.sleep(100); os._exit(0)\n        n += 1\n"
              "except OSError as e: print('stopped', n, e.errno, flush=True)")
    text = execd.run(f"python3 -c \"{source}\"; pkill -9 python; true", timeout=120)
    assert text.startswith("stopped"), text
    assert 3000 < int(text.split()[1]) <= 4096 and text.split()[2] == "11"


def test_memory_bomb_meets_the_memory_limit(server):
    victim = server.create(resourceLimits={"cpu": "1", "memory": "128Mi"})
    neighbour = server.create()
    execd = server.execd(victim["id"])
    events = execd.events({"command": "python3 -c \"b = []\nwhile True: b.append(bytearray(1 << 20))\""}, timeout=120)
    assert events[-1]["type"] == "error", events[-1]
    assert server.execd(neighbour["id"]).run("echo fine") == "fine\n"
    # execd itself survives its sandbox's shortage.
    assert execd.run("echo next") == "next\n"
    assert execd.run("python3 -c \"print(len(bytearray(50 << 20)))\"").strip() == str(50 << 20)


def test_tmp_and_shm_count_as_memory(server):
    execd = server.execd(server.create(resourceLimits={"cpu": "1", "memory": "128Mi"})["id"])
    execd.events({"command": "head -c 500000000 /dev/zero > /dev/shm/big; ls -l /dev/shm"}, timeout=120)
    used = execd.run("du -m /dev/shm 2>/dev/null | cut -f1").split()
    assert int(used[0]) <= 128
    assert execd.run("rm -f /dev/shm/big; echo next") == "next\n"


def test_cpu_limit_throttles(server):
    """Half a core for the busy loop: counted in processor time by the kernel, not in wall time by us."""
    sandbox = server.create(resourceLimits={"cpu": "500m", "memory": "128Mi"})["id"]
    server.execd(sandbox).run("(while :; do :; done) >/dev/null 2>&1 & sleep 1")

    def throttled():
        for path in machine.cgroup_directories_of(server.init_pid(sandbox)):
            for line in machine.read(f"{path}/cpu.stat").splitlines():
                if line.startswith("nr_throttled") and int(line.split()[1]) > 0:
                    return True
        return False

    wait_for(throttled, "the loop to be throttled")


def test_limits_show_in_metrics(server):
    sandbox = server.create(resourceLimits={"cpu": "500m", "memory": "256Mi"})["id"]
    metrics = server.execd(sandbox).request("GET", "/metrics").json()
    assert metrics["mem_total_mib"] == 256 and metrics["cpu_count"] == 1  # whole processors, at least one


def test_disk_of_a_killed_sandbox_is_freed(server, sandbox, execd):
    execd.run("head -c 50000000 /dev/zero > /root/big")
    assert server.delete(sandbox["id"]) == 204
    server.assert_clean()


def test_a_limit_above_the_machine_is_a_ceiling_not_a_reservation(server):
    for _ in range(3):
        server.create(resourceLimits={"cpu": "2", "memory": "16Gi"})
    assert len(server.list("&state=Running")) == 3
