"""The scenarios, played to the program of the C++ client library (sdks/cpp/tests/conformance)."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from play import play
from scenario import scenarios

PROGRAM = Path(__file__).parents[3] / "build/release/sdks/cpp/tests/opensandbox_client_conformance"
ALL = dict(scenarios())

pytestmark = pytest.mark.skipif(not PROGRAM.parent.exists(), reason="the C++ client library has not been built")


@pytest.mark.parametrize("name", ALL)
def test_scenario(name):
    assert play([str(PROGRAM)], ALL[name]) == []


@pytest.mark.parametrize("change, told", [
    (lambda s: s["call"].update({"do": "dance"}), "printed no JSON"),
    (lambda s: s["call"].update({"nobody": 1}), "nobody reads the member nobody"),
    (lambda s: s["outcome"].update(exit_code=1), "outcome.exit_code"),
    (lambda s: s["requests"][0]["json"].update(command="y"), "json: "),
])  # fmt: skip
def test_what_is_wrong_is_told(change, told):
    """A call that the program does not know, or a member of one, is no scenario that passes."""
    scenario = copy.deepcopy(ALL["requests/command"])
    change(scenario)
    problems = play([str(PROGRAM)], scenario)
    assert problems and told in problems[0], problems
