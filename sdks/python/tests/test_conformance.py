"""The scenarios that clients of every language share (tests/conformance/clients), with both faces."""

from __future__ import annotations

import asyncio
import copy
import sys

import pytest
from conformance_client import outcome_of
from conftest import REPOSITORY

FOLDER = REPOSITORY / "tests" / "conformance" / "clients"
sys.path.insert(0, str(FOLDER))

from play import play  # noqa: E402
from player import Player  # noqa: E402
from scenario import judge, scenarios  # noqa: E402

ALL = dict(scenarios())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_scenario(kind, name):
    scenario = ALL[name]
    with Player(scenario) as player:
        outcome = asyncio.run(outcome_of(kind == "sync", player.address, scenario["call"]))
        assert judge(scenario, player, outcome) == []


def test_a_program_is_judged():
    program = [sys.executable, str(FOLDER.parents[2] / "sdks/python/tests/conformance_client.py"), "async"]
    scenario = ALL["requests/command-with-everything"]
    assert play(program, scenario) == []
    other = copy.deepcopy(scenario)
    other["requests"][0]["json"]["timeout"] = 1501
    assert len(play(program, other)) == 1
    assert "printed no JSON" in play([sys.executable, "-c", "print('x')"], scenario)[0]


@pytest.mark.parametrize("change, told", [
    (lambda s: s["requests"][0].update(request="POST /commands"), "POST /command is not POST /commands"),
    (lambda s: s["requests"][0]["headers"].update({"OPEN-SANDBOX-API-KEY": "k"}), "OPEN-SANDBOX-API-KEY"),
    (lambda s: s["requests"][0]["headers"].update({"X-EXECD-ACCESS-TOKEN": None}), "X-EXECD-ACCESS-TOKEN is there"),
    (lambda s: s["requests"].append(s["requests"][0]), "requests: "),
    (lambda s: s["outcome"].update(exit_code=1), "outcome.exit_code"),
    (lambda s: s["outcome"].update(stdout=["x"]), "outcome.stdout"),
    (lambda s: s["outcome"].update(exit_code={"$absent": True}), "is there"),
    (lambda s: s["answers"].update({"GET /never": [{}]}), "nobody asked for GET /never"),
])  # fmt: skip
def test_what_is_wrong_is_told(change, told):
    scenario = copy.deepcopy(ALL["requests/command"])
    change(scenario)
    with Player(scenario) as player:
        problems = judge(scenario, player, asyncio.run(outcome_of(False, player.address, scenario["call"])))
    assert len(problems) == 1 and told in problems[0]
