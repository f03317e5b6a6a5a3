"""Commands of one stand-alone execd and the streams of what they print, against what the kernel gives.

Also a program: commands.py EXECD PROGRAMS prints the figures; PROGRAMS is where bench_printer and the like lie.
"""
import contextlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import files
import load

BLOCK = 1 << 20
ROUNDS = 4
PER_ROUND = 250
MANY = 10_000
AT_ONCE = 100
AT_ONCE_BYTES = 1_000_000
GB = 10**9
FLOODS = ((2 * GB, 80), (2 * GB, 4096), (GB // 10, 2), (GB, 0))  # bytes, and bytes of a line


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


@contextlib.contextmanager
def execd(program, variables=None):
    folder = tempfile.mkdtemp(prefix="osb-bench-")
    try:
        with files.execd(program, folder, variables) as (pid, port):
            yield pid, f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- short commands


def times_of(program, *arguments):
    """Seconds that a program of ours printed as microseconds, a line each."""
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.stderr}")
    return [float(line) / 1e6 for line in done.stdout.split()]


def spawn_times(programs, argv, count):
    """Seconds for spawn + wait of that program, `count` times: the floor."""
    return times_of(programs / "bench_spawn_floor", count, *argv)


def command_times(programs, address, body, count):
    """Seconds from the request to the last byte of each stream, on one kept connection."""
    return times_of(programs / "bench_round_trips", address.rsplit(":", 1)[1], count, load.message("POST", "/command", body).decode())


def connect(address):
    sock = socket.create_connection(address.split(":"))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def round_trips(program, programs):
    """[(what, ours, floor)], the times in seconds."""
    shell = shutil.which("bash") or shutil.which("sh")
    true = shutil.which("true")
    pairs = [("POST /command true against spawn + wait of the shell", {"command": "true"}, [shell, "-c", "true"], [], []),
             ("POST /command with argv [/bin/true] against its spawn + wait", {"argv": [true]}, [true], [], [])]
    with execd(program) as (_, address):
        for _ in range(ROUNDS):  # in turns: what else the machine does meets both
            for _, body, argv, ours, floor in pairs:
                floor += spawn_times(programs, argv, PER_ROUND)
                ours += command_times(programs, address, body, PER_ROUND)
    return [(what, ours, floor) for what, _, _, ours, floor in pairs]


def growth(program, programs):
    """Growth of resident memory in KiB and of open descriptors over MANY commands, behind the first thousand (so many ended ones are kept)."""
    def state(pid):
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0])
        return resident, len(list(Path(f"/proc/{pid}/fd").iterdir()))

    with execd(program) as (pid, address):
        command_times(programs, address, {"command": "true"}, 1500)
        before = state(pid)
        command_times(programs, address, {"command": "true"}, MANY)
        after = state(pid)
    return after[0] - before[0], after[1] - before[1]


# -- streams


@dataclass
class Flood:
    payload: float = 0  # bytes per second that the command printed
    wire: float = 0  # bytes per second on the connection
    cpu: float = 0  # seconds of execd for each GB printed
    peak_kib: int = 0


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def read_to_end(sock, buffer):
    """(bytes, the last few hundred of them)."""
    total, tail = 0, b""
    while n := sock.recv_into(buffer):
        total += n
        tail = (tail + bytes(memoryview(buffer)[max(0, n - 300):n]))[-300:]
    return total, tail


def flood(program, programs, size, line):
    """A command that prints `size` bytes in such lines (0: one line without an end), to a client that only reads."""
    out = Flood()
    body = {"argv": [str(programs / "bench_printer"), str(size), str(line)]}
    with execd(program) as (pid, address):
        with connect(address) as sock:
            before, begin = cpu_seconds(pid), time.perf_counter()
            sock.sendall(load.message("POST", "/command", body, {"Connection": "close"}))
            total, tail = read_to_end(sock, bytearray(BLOCK))
            took = time.perf_counter() - begin
        if b'"execution_complete"' not in tail:
            raise RuntimeError(f"the stream ended with {tail[-200:]!r}")
        out.payload, out.wire = size / took, total / took
        out.cpu = (cpu_seconds(pid) - before) / (size / GB)
        out.peak_kib = files.peak_kib(pid)
    return out


def flood_floor(programs, size, line, wire_share):
    """Bytes per second of the same program's output through a pipe and a connection, with as many bytes on the wire."""
    argv = [str(programs / "bench_stream_floor"), str(round(100 * wire_share)), str(programs / "bench_printer"), str(size), str(line)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as sock:
        begin = time.perf_counter()
        read_to_end(sock, bytearray(BLOCK))
        took = time.perf_counter() - begin
    process.wait()
    return size / took


def at_once(program, programs):
    """AT_ONCE commands that print AT_ONCE_BYTES each: (bytes per second of all, times to the first output of each)."""
    body = {"argv": [str(programs / "bench_printer"), str(AT_ONCE_BYTES), "80"]}
    request = load.message("POST", "/command", body, {"Connection": "close"})
    with execd(program) as (_, address):
        poll, waiting, first = select.epoll(), {}, []
        for _ in range(AT_ONCE):
            sock = connect(address)
            waiting[sock.fileno()] = sock
            poll.register(sock, select.EPOLLIN)
        heads = dict.fromkeys(waiting, b"")  # what came before the first output
        buffer, begin = bytearray(BLOCK), time.perf_counter()
        for sock in waiting.values():
            sock.sendall(request)
        while waiting:
            for fd, _ in poll.poll(60):
                n = waiting[fd].recv_into(buffer)
                if fd in heads:
                    heads[fd] += buffer[:min(n, 4096)]
                    if b'"stdout"' in heads[fd]:
                        first.append(time.perf_counter() - begin)
                        del heads[fd]
                if n == 0:
                    waiting.pop(fd).close()
        took = time.perf_counter() - begin
    if len(first) != AT_ONCE:
        raise RuntimeError(f"only {len(first)} of {AT_ONCE} printed")
    return AT_ONCE * AT_ONCE_BYTES / took, first


if __name__ == "__main__":
    execd_program, programs_folder = Path(sys.argv[1]), Path(sys.argv[2])
    for size, line in FLOODS:
        got = flood(execd_program, programs_folder, size, line)
        floor = flood_floor(programs_folder, size, line, got.wire / got.payload)
        print(f"lines of {line}: {got.payload / 1e6:.0f} MB/s ({got.wire / 1e6:.0f} on the wire), floor {floor / 1e6:.0f}, {got.cpu:.2f} s/GB, peak {got.peak_kib} KiB")
    print("100 at once: {:.0f} MB/s, first byte p99 {:.0f} ms".format(*(lambda rate, first: (rate / 1e6, percentile(first, 99) * 1e3))(*at_once(execd_program, programs_folder))))
    for what, ours, floor in round_trips(execd_program, programs_folder):
        print(f"{what}: {percentile(ours, 50) * 1e3:.2f} ms, floor {percentile(floor, 50) * 1e3:.2f} ms, {percentile(ours, 50) / percentile(floor, 50):.2f}")
    print("growth over {} commands: {:+d} KiB, {:+d} descriptors".format(MANY, *growth(execd_program, programs_folder)))
