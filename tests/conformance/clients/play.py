#!/usr/bin/env python3
"""Plays the scenarios to a client program: `play.py [--only GLOB] -- PROGRAM [ARGUMENT...]`.

The program is started once for each scenario with the address as its last argument and the call as JSON on its input, and prints the
outcome as JSON on its output; README.md tells both. Closes with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
from typing import Any

from player import Player
from scenario import judge, scenarios


def play(program: list[str], scenario: dict[str, Any]) -> list[str]:
    """What is wrong with what the program did."""
    with Player(scenario) as player:
        try:
            done = subprocess.run([*program, player.address], input=json.dumps(scenario["call"]), capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return ["the program did not end within 60 s"]
        try:
            outcome = json.loads(done.stdout)
        except ValueError:
            return [f"the program ended with {done.returncode} and printed no JSON: {done.stdout[:300]} {done.stderr[-600:]}"]
        return judge(scenario, player, outcome)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="scenarios by name, FILE/NAME")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()
    passed = failed = 0
    for name, scenario in scenarios():
        if not fnmatch.fnmatch(name, options.only):
            continue
        problems = play(options.program, scenario)
        passed, failed = passed + (not problems), failed + bool(problems)
        for problem in problems:
            print(f"{name}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
