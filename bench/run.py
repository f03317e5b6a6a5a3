"""Measures and reports; see README.md. Run by ./dev bench as root."""
import datetime
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))
sys.path.insert(0, str(REPOSITORY / "bench"))

import commands  # noqa: E402
import files  # noqa: E402
import interpreter  # noqa: E402
import load  # noqa: E402
import terminal  # noqa: E402
from support import machine  # noqa: E402
from support.server import Server, clean_environment, free_port  # noqa: E402

PEER = "the public reference server 1.1.1 on Docker Engine 20.10, measured 2026-11-21 on this kind of machine (2 vCPU, 24 GiB)"
SETTLE = 3  # seconds
ROWS = []  # (what, ours, bar, peer, ratio)


def row(what, ours, bar="", peer="", ratio=""):
    ROWS.append((what, ours, bar, peer, ratio))
    print(f"  {what:66} {ours:>22}  {bar:16} {peer:>18}  {ratio}", flush=True)


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def ms(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def against(peer_seconds, seconds):
    return f"{peer_seconds / seconds:.0f}×"


def part_create(server):
    kept = load.Kept(server.address)
    for _ in range(5):  # warm
        server.delete(load.create_to_ping(server.address, kept)[1])
    times, begin = [], time.perf_counter()
    ids = []
    for _ in range(200):
        took, sandbox = load.create_to_ping(server.address, kept)
        times.append(took)
        ids.append(sandbox)
    total = time.perf_counter() - begin
    p50 = percentile(times, 50)
    row("create → execd answers, 200 in sequence, p50", ms(p50), "≤ 10 ms", "0.97 s", against(0.97, p50))
    row("  p99", ms(percentile(times, 99)))
    row("  per second", f"{200 / total:.0f}")
    begin = time.perf_counter()
    remove(server, ids)
    row("  kill, 200, per second", f"{200 / (time.perf_counter() - begin):.0f}", "", "1 / 0.35 s")

    time.sleep(SETTLE)  # the kernel is still busy with what was killed, and the launcher makes sandboxes ahead
    times, ids, failures, total = load.create_many(server.address, 100)
    row("100 creates at once: succeeded", f"{len(times)} of 100", "100 of 100", "10 of 100")
    if failures:
        print("   ", failures[:3])
    if times:
        row("  p50", ms(percentile(times, 50)), "", "12.0 s (20 at once)", against(12.0, percentile(times, 50)))
        row("  p99", ms(percentile(times, 99)), "≤ 400 ms")
        row("  per second", f"{len(times) / total:.0f}", "", "1.4", f"{len(times) / total / 1.4:.0f}×")
    remove(server, ids)
    create_unprepared()
    return p50


def create_unprepared():
    """The same burst where no sandbox is made ahead."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write("[native]\nprepared_sandboxes = 0\n")
        config.flush()
        server = Server(args=["--config", config.name]).start()
        try:
            time.sleep(SETTLE)
            times, ids, _, _ = load.create_many(server.address, 100)
            row("  with none made ahead: p50 / p99", f"{ms(percentile(times, 50))} / {ms(percentile(times, 99))}")
            remove(server, ids)
        finally:
            server.stop()


def remove(server, ids):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(server.delete, ids))


def part_docker(server):
    """`docker run --rm` of a tiny image in the same run, where an engine runs."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode != 0 or \
            "Server:" not in subprocess.run([docker, "info"], capture_output=True, text=True).stdout:
        row("docker run --rm", "no Docker Engine is running here")
        return
    busybox = shutil.which("busybox")
    if not busybox:
        row("docker run --rm", "busybox-static is missing (./dev setup)")
        return
    folder = REPOSITORY / "build" / "bench-image"
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, folder / "bin" / "true")
    tar = subprocess.run(["tar", "-C", str(folder), "-c", "bin"], capture_output=True, check=True).stdout
    subprocess.run([docker, "import", "-", "osb-bench:tiny"], input=tar, check=True, capture_output=True)
    try:
        times = []
        for _ in range(22):
            begin = time.perf_counter()
            subprocess.run([docker, "run", "--rm", "osb-bench:tiny", "/bin/true"], check=True, capture_output=True)
            times.append(time.perf_counter() - begin)
        docker_p50 = percentile(times[2:], 50)
        kept = load.Kept(server.address)
        ours = []
        for _ in range(20):
            took, sandbox = load.create_to_ping(server.address, kept)
            ours.append(took)
            server.delete(sandbox)
        row("docker run --rm (busybox) true, p50 of 20, in this run", ms(docker_p50))
        row("create → execd answers beside it", ms(percentile(ours, 50)), "≥ 20× faster", ms(docker_p50),
            against(docker_p50, percentile(ours, 50)))
    finally:
        subprocess.run([docker, "rmi", "osb-bench:tiny"], capture_output=True)


def released_beside_stub(server, program, *arguments):
    """What a program with the released client prints about a stub and about our server."""
    port = free_port()
    stub = subprocess.Popen([sys.executable, str(REPOSITORY / "bench" / "stub.py"), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        stub.stdout.readline()
        command = [sys.executable, str(REPOSITORY / "bench" / program), *map(str, arguments), f"127.0.0.1:{port}", server.address]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])
        return json.loads(done.stdout)
    finally:
        stub.kill()
        stub.wait()


def part_client(server):
    alone, ours = released_beside_stub(server, "released.py", 20, 100)
    stub_first, first = percentile(alone["first"], 50), percentile(ours["first"], 50)
    row("client 1.1.1 against a stub: create → first command, p50", ms(stub_first))
    row("client 1.1.1: create → first command, p50", ms(first), "≤ stub + 20 ms", "1.99 s", against(1.99, first))
    beyond = percentile([mine - stub for mine, stub in zip(ours["first"], alone["first"])], 50)
    row("  beyond the stub, p50 of 20 pairs", ms(max(beyond, 0)), "≤ 20 ms")
    command = percentile(ours["commands"], 50)
    row("client 1.1.1: command, p50 of 400", ms(command), "≤ 6 ms", "1.010 s", against(1.01, command))
    row("  against the stub", ms(percentile(alone["commands"], 50)))
    row("client 1.1.1: kill, p50", ms(percentile(ours["kills"], 50)), "", "0.35 s", against(0.35, percentile(ours["kills"], 50)))
    many = ours["concurrent"]
    row("client 1.1.1: 100 at once, each create + command: succeeded", f"{len(many['times'])} of 100", "100 of 100", "10 of 100")
    if many["failures"]:
        print("   ", many["failures"][:3])
    if many["times"]:
        row("  p50 / all done after", f"{ms(percentile(many['times'], 50))} / {ms(many['total'])}")
    row("  against the stub (the client's own time)", f"{ms(percentile(alone['concurrent']['times'], 50))} / {ms(alone['concurrent']['total'])}")


def part_sdk(server):
    """Our Python client beside the released one, the same program, in turns."""
    copy = REPOSITORY / "build" / "bench-sdk"  # with bytecode, as pip installs it
    shutil.rmtree(copy, ignore_errors=True)
    for package in ("opensandbox/src/opensandbox", "code-interpreter/src/code_interpreter"):
        shutil.copytree(REPOSITORY / "sdks" / "python" / package, copy / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    python = str(REPOSITORY / ".venv-sdk" / "bin" / "python")
    subprocess.run([python, "-m", "compileall", "-q", str(copy)], check=True)
    ours = ([python], clean_environment(PYTHONPATH=str(copy)))
    theirs = ([sys.executable], clean_environment())

    def run(client, what):
        command, environment = client
        begin = time.perf_counter()
        done = subprocess.run([*command, str(REPOSITORY / "bench" / "sdk.py"), server.address, what], env=environment, capture_output=True,
                              text=True, timeout=300)
        took = time.perf_counter() - begin
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return took, json.loads(done.stdout)

    for client in (ours, theirs):  # their bytecode is compiled
        run(client, "once")
    fresh = [(run(ours, "once")[0], run(theirs, "once")[0], run(ours, "floor")[0]) for _ in range(15)]
    mine, other, floor = (percentile([times[side] for times in fresh], 50) for side in (0, 1, 2))
    row("create → command → kill, fresh Python process, async, p50", ms(mine), "≤ 0.25×", ms(other), f"{mine / other:.2f}×")
    fresh = [(run(ours, "blocking")[0], run(theirs, "blocking")[0]) for _ in range(15)]
    blocking, others = (percentile([times[side] for times in fresh], 50) for side in (0, 1))
    row("  with the blocking clients", ms(blocking), "≤ 0.25×", ms(others), f"{blocking / others:.2f}×")
    row("  floor: interpreter, event loop, one pydantic model; nothing sent", ms(floor), "", ms(other), f"{floor / other:.2f}×")
    (_, mine), (_, other) = run(ours, "warm"), run(theirs, "warm")
    for face in ("async", "sync"):
        a, b = percentile(mine[face], 50), percentile(other[face], 50)
        row(f"  warm process, {face}, p50", ms(a), "≤ 0.6×", ms(b), f"{a / b:.2f}×")
    (_, mine), (_, other) = run(ours, "commands"), run(theirs, "commands")
    row("1000 commands at once from one async process", f"{mine['good']} in {ms(mine['seconds'])}", "all", f"{other['good']} in {ms(other['seconds'])}",
        f"{mine['seconds'] / other['seconds']:.2f}×")
    (_, mine), (_, other) = run(ours, "memory"), run(theirs, "memory")
    row("memory per connected sandbox object", f"{mine['bytes'] / 1024:.1f} KiB", "", f"{other['bytes'] / 1024:.1f} KiB",
        f"{mine['bytes'] / other['bytes']:.2f}×")


def part_cli(server):
    """`osb` beside the released command line client, the same command, in turns."""
    theirs = [str(REPOSITORY / ".venv-bench-cli" / "bin" / "osb"), "--domain", server.address, "command", "run"]
    ours = [str(REPOSITORY / "build" / "osb"), "--domain", server.address, "exec"]
    sandbox = server.create()["id"]

    def run(program):
        begin = time.perf_counter()
        done = subprocess.run([*program, sandbox, "--", "echo", "hello"], capture_output=True, text=True, env=clean_environment())
        if done.returncode != 0 or "hello" not in done.stdout:
            raise RuntimeError(f"{program[0]}: {done.stdout}{done.stderr}")
        return time.perf_counter() - begin

    run(theirs)  # its bytecode is compiled
    pairs = [(run(ours), run(theirs)) for _ in range(15)]
    mine, other = (percentile([pair[side] for pair in pairs], 50) for side in (0, 1))
    row("osb exec, start to exit, p50 of 15", ms(mine), "≤ 1/10", f"{ms(other)} (its CLI)", f"{mine / other:.3f}×")
    server.delete(sandbox)


def part_command(server):
    sandbox = server.create()["id"]
    endpoint = server.endpoint(sandbox)
    pid = server.init_pid(sandbox)
    kept = load.Kept(endpoint["endpoint"])
    request = load.message("POST", "/command", {"command": "true"}, endpoint["headers"])

    def run(count):
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            kept.call(request)
            times.append(time.perf_counter() - begin)
        return times

    run(1000)  # fills what execd keeps of ended commands
    memory, fds = machine.resident_kib(pid), machine.open_fds(pid)
    times = run(1000)
    p50 = percentile(times, 50)
    row("POST /command true, kept connection, p50 of 1000", ms(p50), "≤ 4 ms", "1.010 s", against(1.01, p50))
    row("  p99", ms(percentile(times, 99)))
    row("  growth of execd over the 1000: memory", f"{machine.resident_kib(pid) - memory:+d} KiB", "none")
    row("  growth of execd over the 1000: open files", f"{machine.open_fds(pid) - fds:+d}", "none")
    server.delete(sandbox)
    commands_alone()


PROGRAMS = REPOSITORY / "build" / "release" / "bench"


def commands_alone():
    """A stand-alone execd beside spawn + wait of the same program, in turns."""
    execd = REPOSITORY / "build" / "execd"
    for what, ours, floor in commands.round_trips(execd, PROGRAMS):
        p50, floor_p50 = percentile(ours, 50), percentile(floor, 50)
        row(what, f"{p50 * 1e3:.2f} ms", "≤ 1.4× floor", f"{floor_p50 * 1e3:.2f} ms (floor)", f"{p50 / floor_p50:.2f}× the floor")
    memory, fds = commands.growth(execd, PROGRAMS)
    row(f"  growth of execd over {commands.MANY} commands: memory", f"{memory:+d} KiB", "none")
    row(f"  growth of execd over {commands.MANY} commands: open files", f"{fds:+d}", "none")


def part_stream(server):
    """What a command prints, to a client that only reads. The floor moves the same number of bytes without looking at them."""
    execd = REPOSITORY / "build" / "execd"
    for size, line in commands.FLOODS:
        got = commands.flood(execd, PROGRAMS, size, line)
        floor = commands.flood_floor(PROGRAMS, size, line, got.wire / got.payload)
        lines = f"lines of {line} bytes" if line else "one line without an end"
        row(f"a command prints {size / commands.GB:g} GB in {lines}: payload", f"{got.payload / 1e6:.0f} MB/s", "≥ 300 MB/s" if line > 2 else "",
            f"{floor / 1e6:.0f} MB/s (floor)", f"{got.payload / floor:.0%} of the floor")
        row("  on the wire; processor time of execd for 1 GB printed", f"{got.wire / 1e6:.0f} MB/s; {got.cpu:.1f} s")
        row("  resident memory of execd, highest", f"{got.peak_kib / 1024:.1f} MiB", "≤ 20 MB")
    rate, first = commands.at_once(execd, PROGRAMS)
    row(f"{commands.AT_ONCE} commands at once print 1 MB each: payload of all", f"{rate / 1e6:.0f} MB/s")
    row("  first output, p50 / p99", f"{ms(percentile(first, 50))} / {ms(percentile(first, 99))}")


def part_pty(server):
    """A byte through `cat` on a terminal and back. The floor is the same without us, in the same run."""
    sandbox = server.create()["id"]
    endpoint = server.endpoint(sandbox)
    floor, ours = [], []
    for _ in range(3):  # in turns: what else the machine does meets both
        floor += terminal.round_trips(terminal.Floor(), 700)
        ours += terminal.round_trips(terminal.Terminal(endpoint), 700)
    floor_p50, p50 = percentile(floor, 50), percentile(ours, 50)
    row("a byte through cat on a local terminal (floor), p50 of 2100", f"{floor_p50 * 1e6:.0f} us")
    row("a byte through cat over the WebSocket, p50 of 2100", f"{p50 * 1e6:.0f} us", "≤ 500 us", "", f"{p50 / floor_p50:.1f}× the floor")
    row("  p99", f"{percentile(ours, 99) * 1e6:.0f} us", "", "", f"floor {percentile(floor, 99) * 1e6:.0f} us")
    server.delete(sandbox)


def first_result_of_client(server):
    alone, ours = released_beside_stub(server, "released_code.py", 15)
    row("interpreter client 1.1.1: sandbox create → first result, p50", ms(percentile(ours, 50)), "≤ stub + 60 ms", "7.9 s",
        against(7.9, percentile(ours, 50)))
    beyond = percentile([mine - stub for mine, stub in zip(ours, alone)], 50)
    row("  beyond the stub, p50 of 15 pairs", ms(max(beyond, 0)), "≤ 60 ms")


def part_code(server):
    """The released client; Python contexts beside a notebook's engines; then every language."""
    first_result_of_client(server)
    program = REPOSITORY / "build" / "execd"
    peers = json.loads(subprocess.run([REPOSITORY / ".venv-bench" / "bin" / "python", "bench/notebook.py"], cwd=REPOSITORY,
                                      capture_output=True, text=True, check=True).stdout)
    fresh_sandboxes(server)
    python_contexts(program, peers)
    other_languages(program, peers)


def fresh_sandboxes(server):
    """The first result of a sandbox that has never run Python."""
    first = []
    for _ in range(5):
        sandbox = server.create()["id"]
        endpoint = server.endpoint(sandbox)
        request = load.message("POST", "/code", {"code": "1+1", "context": {"language": "python"}}, endpoint["headers"])
        begin = time.perf_counter()
        load.Kept(endpoint["endpoint"]).call(request)
        first.append(time.perf_counter() - begin)
        server.delete(sandbox)
    row("first Python result of a fresh sandbox (cold interpreter), p50 of 5", ms(percentile(first, 50)), "", "7.9 s (with create)")


def beside(times, peer):
    return f"{percentile(peer, 50) / percentile(times, 50):.0f}×"


def python_contexts(program, peers):
    kernel, notebook = peers["kernel"], peers["server"]
    with commands.execd(program) as (_, address):
        starts, runs = interpreter.first_and_next(interpreter.Contexts(address), "python", count=30, runs=300, pause=0.05)
    row("Python: context create → first result, p50 of 30", ms(percentile(starts, 50)), "≤ 5 ms", f"{ms(percentile(kernel['start'], 50))} (ipykernel)",
        beside(starts, kernel["start"]))
    row("  … beside a notebook server", "", "", f"{ms(percentile(notebook['start'], 50))} (and {ms(notebook['ready'][0])} to start it)",
        beside(starts, notebook["start"]))
    row("Python: a run, p50 of 300", ms(percentile(runs, 50)), "≤ 1.5 ms", f"{ms(percentile(kernel['runs'], 50))} (ipykernel)", beside(runs, kernel["runs"]))
    row("  … beside a notebook server", "", "", ms(percentile(notebook["runs"], 50)), beside(runs, notebook["runs"]))
    kib = interpreter.idle_memory(program, "python", 20)
    row("Python: memory that an idle context has for itself", f"{kib / 1024:.1f} MiB", "≤ 3 MB", f"{percentile(kernel['kib'], 50) / 1024:.0f} MiB (ipykernel)")
    row(f"Python: {interpreter.AT_ONCE} contexts at once, all with a result after", ms(interpreter.at_once(program)))
    python = REPOSITORY / ".venv-bench" / "bin"
    took, count = interpreter.forks(program, python, "import numpy\ndata = numpy.ones(1 << 27)")
    row(f"Python: {count} forks of a context with 1 GiB of numpy data", ms(took), "≤ 300 ms")
    took, count = interpreter.forks(program, python, "data = bytearray(1 << 30)\ndata[::4096] = b'x' * (1 << 18)\ndata[-1] = 1")
    row("  the same in a bytearray, which has no huge pages", ms(took))


def other_languages(program, peers):
    bars = {"bash": "≤ 30 ms", "javascript": "≤ 30 ms"}
    run_bars = {"typescript": "≤ 30 ms", "java": "≤ 120 ms", "go": "≤ 400 ms"}
    for language in ("bash", "javascript", "typescript", "java", "go"):
        cold = interpreter.cold(program, language)
        with commands.execd(program) as (_, address):
            starts, runs = interpreter.first_and_next(interpreter.Contexts(address), language, count=8, runs=80, pause=2.0)
        peer = peers.get(language)
        row(f"{language}: the very first result", ms(cold))
        row("  context create → first result, p50 of 8", ms(percentile(starts, 50)), bars.get(language, ""),
            ms(percentile(peer["start"], 50)) + " (its usual kernel)" if peer else "", beside(starts, peer["start"]) if peer else "")
        row("  a run, p50 of 80", ms(percentile(runs, 50)), run_bars.get(language, ""), ms(percentile(peer["runs"], 50)) if peer else "",
            beside(runs, peer["runs"]) if peer else "")
        row("  memory of an idle context", f"{interpreter.idle_memory(program, language, 3) / 1024:.1f} MiB", "",
            f"{percentile(peer['kib'], 50) / 1024:.0f} MiB" if peer else "")


def wrk(address, path, connections, seconds=3, threads=1, headers=()):
    if not shutil.which("wrk"):
        return None
    done = subprocess.run(["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", *sum((["-H", h] for h in headers), []),
                           f"http://{address}{path}"], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


def part_api(server):
    if not shutil.which("wrk"):
        row("API requests", "wrk is missing (./dev setup)")
        return
    ids = [server.create()["id"] for _ in range(10)]
    for what, path, connections, peer in (("GET /v1/sandboxes/{id}, 1 connection", f"/v1/sandboxes/{ids[0]}", 1, 93),
                                          ("GET /v1/sandboxes/{id}, 16 connections", f"/v1/sandboxes/{ids[0]}", 16, 101),
                                          ("GET /v1/sandboxes with 10 sandboxes, 1 connection", "/v1/sandboxes", 1, 14),
                                          ("GET /health, 16 connections", "/health", 16, 396)):
        rate = wrk(server.address, path, connections)
        row(what, f"{rate:.0f}/s", "", f"{peer}/s", f"{rate / peer:.0f}×")
    remove(server, ids)


def small_requests(name, *how):
    """One server on one core, wrk on the other: requests per second, processor time of the server for each in
    microseconds, and the share of its own core that wrk needed."""
    program = next(iter((REPOSITORY / "build" / "release").glob(f"**/{name}")))
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", "0", str(program), str(port)], stdout=subprocess.DEVNULL)
    try:
        machine.wait_for(lambda: answers(port), name)
        before = os.times()
        done = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", "-c32", "-d3s", *how, f"http://127.0.0.1:{port}/hello"],
                              capture_output=True, text=True, check=True)
        after = os.times()
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
        ticks = sum(int(field) for field in machine.read(f"/proc/{process.pid}/stat").rpartition(")")[2].split()[11:13])
        total = int(re.search(r"(\d+) requests in", done.stdout).group(1))
        wrk = after.children_user + after.children_system - before.children_user - before.children_system
        return rate, ticks / os.sysconf("SC_CLK_TCK") / total * 1e6, wrk / (after.elapsed - before.elapsed)
    finally:
        process.kill()
        process.wait()


def part_http(server):
    if not shutil.which("wrk"):
        row("HTTP server alone", "wrk is missing (./dev setup)")
        return
    pairs = [(small_requests("bench_http_floor"), small_requests("bench_http_server")) for _ in range(3)]
    floor, ours = ([percentile([pair[i][k] for pair in pairs], 50) for k in range(3)] for i in (0, 1))
    ahead = percentile([small_requests("bench_http_server", "-s", str(REPOSITORY / "bench" / "ahead.lua"))[0] for _ in range(3)], 50)
    row("HTTP server alone, one core, wrk on the other: 16 requests ahead per connection", f"{ahead:.0f}/s", "≥ 100 000/s")
    row("HTTP floor (epoll, recv, send, fixed answer), one request at a time", f"{floor[0]:.0f}/s")
    row("HTTP server alone, beside it", f"{ours[0]:.0f}/s", "", f"{floor[0]:.0f}/s (floor)", f"{ours[0] / floor[0]:.0%} of the floor")
    row("… processor time per request", f"{ours[1]:.1f} µs", "", f"{floor[1]:.1f} µs (floor)", f"{ours[1] / floor[1]:.1f}×")
    row("… wrk's use of its own core, against the floor", f"{floor[2]:.0%}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def part_files(server):
    figures, growth = files.measure(REPOSITORY / "build" / "execd")
    for what, ours, floor in figures:
        row(what, files.rate(ours), "≥ 1 GB/s" if ours > 1e7 else "", f"{files.rate(floor)} (floor)", f"{ours / floor:.0%} of the floor")
    row("  memory of execd above idle while it moves 6 GiB, highest", f"{growth:+d} KiB", "constant")


def part_size(server):
    fresh = Server().start()
    try:
        row("server, idle, resident", f"{machine.resident_kib(fresh.process.pid) / 1024:.1f} MiB", "≤ 30 MB", "187 MB",
            f"{187 / (machine.resident_kib(fresh.process.pid) / 1024):.0f}×")
        sandbox = fresh.create()["id"]
        execd = fresh.init_pid(sandbox)
        fresh.execd(sandbox).run("true")
        row("execd, idle, resident", f"{machine.resident_kib(execd) / 1024:.1f} MiB", "≤ 6 MB", "29 MB per sandbox",
            f"{29 / (machine.resident_kib(execd) / 1024):.0f}×")
    finally:
        fresh.stop()
    for name in ("opensandbox", "execd"):
        size = (REPOSITORY / "build" / name).stat().st_size / 1e6
        row(f"{name}, stripped", f"{size:.1f} MB", "≤ 8 MB" if name == "execd" else "")


PARTS = {"create": part_create, "docker": part_docker, "client": part_client, "sdk": part_sdk, "cli": part_cli, "command": part_command, "stream": part_stream, "pty": part_pty, "code": part_code,
         "api": part_api, "http": part_http, "files": part_files, "size": part_size}


def main():
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        sys.exit(f"unknown part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if os.geteuid() != 0:
        sys.exit("the benchmarks need root: they make real sandboxes")
    commit = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) // (1 << 20)
    where = f"{datetime.date.today()}, commit {commit}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}"
    print(f"{where}\npeer: {PEER}\n")
    print(f"  {'what':66} {'ours':>22}  {'bar':16} {'peer':>18}  ratio")
    server = Server().start()
    failed = False
    try:
        for name in chosen:
            try:
                PARTS[name](server)
            except Exception as error:  # one part's failure must not hide the others' figures
                failed = True
                row(f"{name}: FAILED", str(error).splitlines()[-1][:100] if str(error) else repr(error))
    finally:
        server.stop()
    report = REPOSITORY / "build" / "bench-report.md"
    with open(report, "w") as out:
        out.write(f"{where}. Peer: {PEER}.\n\n| what | ours | bar | peer | ratio |\n|---|---|---|---|---|\n")
        for cells in ROWS:
            out.write("| " + " | ".join(cell.strip() for cell in cells) + " |\n")
    print(f"\nwritten to {report.relative_to(REPOSITORY)}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
