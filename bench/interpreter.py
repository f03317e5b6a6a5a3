"""Code contexts of one stand-alone execd: Python beside the engines of a notebook, and the other languages.

Also a program: interpreter.py EXECD prints the figures of ours.
"""
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import load
from commands import execd

CONTEXTS = 30
RUNS = 300
AT_ONCE = 100
FORKS = 100
WARM_UP = 3  # seconds
# What a user's first cell of a language looks like, and a later one that uses the state; `expected` is in the result or the output of both.
LANGUAGES = {
    "python": ("x = 1\nx + 1", "x + 1", "2"),
    "bash": ("x=1; echo $((x + 1))", "echo $((x + 1))", "2"),
    "javascript": ("const x = 1; x + 1", "x + 1", "2"),
    "typescript": ("const x: number = 1; x + 1", "const y: number = x + 1; y", "2"),
    "go": ("import \"fmt\"\nx := 1\nfmt.Println(x + 1)", "fmt.Println(x + 1)", "2"),
    "java": ("int x = 1; x + 1", "x + 1", "2"),
}


class Contexts:
    """The routes under /code on one kept connection."""

    def __init__(self, address):
        self.kept = load.Kept(address)

    def create(self, language="python", **more):
        return json.loads(self.kept.call(load.message("POST", "/code/context", {"language": language, **more})))

    def run(self, context, code, expected):
        """Seconds until the whole stream is there."""
        begin = time.perf_counter()
        reply = self.kept.call(load.message("POST", "/code", {"code": code, "context": context}))
        took = time.perf_counter() - begin
        if expected.encode() not in reply or b'"execution_complete"' not in reply:
            raise RuntimeError(f"{context['language']}: {reply[:2000]!r}")
        return took

    def call(self, path, body=None):
        return json.loads(self.kept.call(load.message("POST", path, body or {})))

    def delete(self, context):
        self.kept.call(load.message("DELETE", f"/code/contexts/{context['id']}"))


def descendants(pid):
    found = []
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        for number in child.read_text().split():
            found += [int(number), *descendants(int(number))]
    return found


def unshared_kib(pids):
    """Memory that each of these processes has for itself."""
    sizes = []
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        sizes.append(sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")))
    return sizes


def first_and_next(contexts, language, count=CONTEXTS, runs=RUNS, pause=0.0):
    """(create → first result of each context, later runs), the first context of the language left out."""
    first_cell, next_cell, expected = LANGUAGES[language]
    starts, times = [], []
    for number in range(count + 1):
        begin = time.perf_counter()
        context = contexts.create(language)
        contexts.run(context, first_cell, expected)
        if number > 0:
            starts.append(time.perf_counter() - begin)
        times += [contexts.run(context, next_cell, expected) for _ in range(runs // count)]
        contexts.delete(context)
        time.sleep(pause)
    return starts, times


def cold(program, language):
    """The very first result of that language: nothing is warm. Seconds."""
    with execd(program) as (_, address):
        contexts = Contexts(address)
        begin = time.perf_counter()
        first_cell, _, expected = LANGUAGES[language]
        contexts.run(contexts.create(language), first_cell, expected)
        return time.perf_counter() - begin


def idle_memory(program, language, count):
    """KiB that each of `count` contexts has for itself after a run, its own processes added up."""
    first_cell, _, expected = LANGUAGES[language]
    with execd(program) as (pid, address):
        contexts = Contexts(address)
        made = []
        before = set()
        for number in range(count + 1):
            if number == 1:
                time.sleep(WARM_UP)  # the warm parent of a language loads what it shares
                before = set(descendants(pid))
            made.append(contexts.create(language))
            contexts.run(made[-1], first_cell, expected)
        time.sleep(0.5)
        new = [p for p in descendants(pid) if p not in before]
        return sum(unshared_kib(new)) / count


def at_once(program):
    """Seconds until AT_ONCE new Python contexts have each given a result, asked for at the same time."""
    with execd(program) as (_, address):
        warm = Contexts(address)
        warm.run(warm.create(), "1+1", "2")
        clients = [Contexts(address) for _ in range(AT_ONCE)]

        def one(client):
            return client.run(client.create(), "1+1", "2")

        begin = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, clients))
        return time.perf_counter() - begin


def forks(program, python, code):
    """Seconds for one request that makes FORKS forks of a context after `code`, whose data the last one must have, and how
    many they are. `python` is the folder of the interpreter to use."""
    with execd(program, {"PATH": f"{python}:{os.environ['PATH']}"}) as (_, address):
        contexts = Contexts(address)
        context = contexts.create()
        contexts.run(context, code + "\nint(data[-1])", "1")
        begin = time.perf_counter()
        made = contexts.call(f"/code/contexts/{context['id']}/fork?count={FORKS}")["contexts"]
        took = time.perf_counter() - begin
        contexts.run(made[-1], "int(data[-1])", "1")
        return took, len(made)


def milliseconds(times):
    return f"{statistics.median(times) * 1e3:.2f} ms"


if __name__ == "__main__":
    wanted = sys.argv[2:] or list(LANGUAGES)
    for name in wanted:
        with execd(sys.argv[1]) as (_, where):
            try:
                begun, later = first_and_next(Contexts(where), name, count=10, runs=50, pause=0.0 if name == "python" else 1.0)
            except RuntimeError as error:
                print(f"{name}: {error}")
                continue
        print(f"{name}: cold {cold(sys.argv[1], name) * 1e3:.0f} ms, create → first result {milliseconds(begun)}, run {milliseconds(later)}, "
              f"{idle_memory(sys.argv[1], name, 5):.0f} KiB for each", flush=True)
