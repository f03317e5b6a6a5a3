#!/usr/bin/env python3
"""Runs the conformance cases against an execd: the one at --address, or one that it starts itself (--start PROGRAM)."""
import argparse
import fnmatch
import json
import os
import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from daemon import TOKEN, Daemon  # noqa: E402
from matching import Mismatch  # noqa: E402
from steps import Case  # noqa: E402
from wire import Closed  # noqa: E402

CASES = Path(__file__).parent / "cases"
FILE_MEMBERS = {"about", "daemon", "needs", "cases"}
CASE_MEMBERS = {"name", "shows", "needs", "gap", "steps"}


@dataclass
class Result:
    area: str
    name: str
    outcome: str  # passed, failed, gap (failed, and known to), skipped
    why: str = ""

    def __str__(self):
        return f"{self.outcome:8}{self.area}: {self.name}" + (f"\n    {self.why}" if self.why else "")


def load(path):
    """A file of cases; refuses members that nobody would read."""
    text = json.loads(Path(path).read_text(encoding="utf-8"))
    strange = set(text) - FILE_MEMBERS
    names = [case["name"] for case in text["cases"]]
    for case in text["cases"]:
        strange |= set(case) - CASE_MEMBERS
    if strange or len(names) != len(set(names)):
        raise ValueError(f"{path}: members {sorted(strange)}, or a name that stands twice")
    return text


def files(pattern="*"):
    return [path for path in sorted(CASES.glob("*.json")) if fnmatch.fnmatch(path.stem, pattern)]


class Target:
    """The execd that cases run against."""

    def __init__(self, address, token):
        self.address = address
        self.token = token
        self.programs = {}

    def command(self, argv):
        """Exit status of a program inside; for what the runner itself needs to know."""
        case = Case(self.address, self.token, {})
        try:
            case.run({"request": "POST /command", "json": {"argv": argv}, "leave": True, "expect": {
                "status": 200, "events": [{"type": "init"}, {"$some": {"type": {"$match": "std(out|err)"}}}, {"type": "execution_complete"}]}})
            return True
        except (Mismatch, Closed, OSError):
            return False
        finally:
            case.close()

    def missing(self, needs):
        """What the cases need and this execd does not have; None when all is there."""
        if needs.get("token") and not self.token:
            return "no token is known"
        for program in needs.get("programs", []):
            if not self.has(program):
                return f"there is no {program} inside"
        for program in needs.get("without", []):
            if self.has(program):
                return f"there is a {program} inside"
        return None

    def has(self, program):
        if program not in self.programs:
            self.programs[program] = self.command(["sh", "-c", f"command -v {program}"])
        return self.programs[program]


@contextmanager
def scratch(target):
    """A directory inside for one case, by the file API itself."""
    name = f"/tmp/conformance-{os.urandom(6).hex()}"
    case = Case(target.address, target.token, {})
    try:
        case.run({"request": "POST /directories", "json": {name: {"mode": 755}}, "expect": {"status": 200}})
        yield name
        case.run({"request": f"DELETE /directories?path={name}", "expect": {"status": 200}})
    finally:
        case.close()


def attempt(target, steps, variables):
    case = Case(target.address, target.token, variables)
    at = 0
    try:
        for at, step in enumerate(steps, 1):
            case.run(step)
        return "passed", ""
    except (Mismatch, Closed) as error:
        return "failed", f"step {at}: {error}"
    except TimeoutError:
        return "failed", f"step {at}: nothing more came"
    except Exception:  # a mistake in the case itself, most of the time
        return "failed", f"step {at}: {traceback.format_exc(limit=-3)}"
    finally:
        case.close()


def run_case(target, area, case):
    variables = {"nonce": os.urandom(8).hex(), "address": target.address, "token": target.token or "", "host": target.address.split("/")[0]}
    missing = target.missing(case.get("needs", {}))
    if missing:
        return Result(area, case["name"], "skipped", missing)
    if "${dir}" not in json.dumps(case["steps"]):
        outcome = attempt(target, case["steps"], variables)
    else:
        try:
            with scratch(target) as variables["dir"]:
                outcome = attempt(target, case["steps"], variables)
        except (Mismatch, Closed, OSError) as error:
            outcome = "failed", f"its directory: {error}"
    return Result(area, case["name"], *judge(outcome, case.get("gap")))


def judge(outcome, gap):
    """A case with a known gap has to fail: when it does not, the mark is out of date."""
    if not gap:
        return outcome
    return ("gap", f"{gap}: {outcome[1]}") if outcome[0] == "failed" else ("failed", f"it passes, but is marked: {gap}")


def run_file(path, target=None, program=None):
    """Results of all cases of a file. One with a `daemon` of its own runs only where there is a program to start."""
    text, area = load(path), Path(path).stem
    if "daemon" in text:
        if not program:
            return [Result(area, case["name"], "skipped", "needs an execd that is started for it") for case in text["cases"]]
        wanted = dict(text["daemon"])
        fresh = wanted.pop("for_each", False)
        return run_with_daemon(area, text["cases"], program, wanted, fresh)
    if target is None:
        raise ValueError("neither an address nor a program")
    missing = target.missing(text.get("needs", {}))
    if missing:
        return [Result(area, case["name"], "skipped", missing) for case in text["cases"]]
    return [run_case(target, area, case) for case in text["cases"]]


def run_with_daemon(area, cases, program, wanted, fresh):
    results = []
    for group in [[case] for case in cases] if fresh else [cases]:
        with Daemon(program, **wanted) as daemon:
            results += [run_case(Target(daemon.address, daemon.token), area, case) for case in group]
    return results


def run_all(paths, target, program, tell):
    results = []
    for path in paths:
        for result in run_file(path, target, program):
            tell(result)
            results.append(result)
    return results


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", metavar="HOST:PORT", help="of a running execd; a path behind it goes before every path")
    parser.add_argument("--token", default=os.environ.get("EXECD_ACCESS_TOKEN", ""), help="its access token")
    parser.add_argument("--start", metavar="PROGRAM", help="an execd to start, instead of or beside an address")
    parser.add_argument("--only", metavar="GLOB", default="*", help="files of cases by name, without .json")
    given = parser.parse_args(arguments)
    if not given.address and not given.start:
        parser.error("say --address or --start")
    tell = lambda result: print(result, flush=True)  # noqa: E731
    if given.address:
        results = run_all(files(given.only), Target(given.address, given.token), given.start, tell)
    else:
        with Daemon(given.start) as daemon:
            results = run_all(files(given.only), Target(daemon.address, TOKEN), given.start, tell)
    count = {outcome: sum(r.outcome == outcome for r in results) for outcome in ("passed", "failed", "gap", "skipped")}
    if count["gap"]:
        print(f"{count['gap']} known gaps")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
