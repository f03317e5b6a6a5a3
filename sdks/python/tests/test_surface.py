"""Everything that the released packages offer is here under the same names, with the same parameters and defaults."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))

from describe import default_of, describe_class, shown  # noqa: E402

# What is deliberately different, with the reason.
EXCEPT = {
    # Blocking and async contexts are one class here, so that one may be passed to the other.
    ("code_interpreter.models.code_sync", "CodeContextSync"),
    ("code_interpreter.models.code_sync", "SupportedLanguageSync"),
    # Imported there for the module's own use.
    ("code_interpreter.sync.code_interpreter", "DEFAULT_EXECD_PORT"),
}
# Constructors that only this package itself calls.
INTERNAL_INIT = {"CodeInterpreter", "CodeInterpreterSync"}
# Settings of 0.1 that newer releases changed; 1.1.1 stands where they disagree.
CHANGED_SINCE_OLD = {
    "user_agent", "warmup_concurrency", "warmup_health_check_polling_interval", "reconcile_interval",
}  # fmt: skip


def released(name):
    return json.loads((HERE / "surface" / f"released-{name}.json").read_text())


def cases():
    for version in ("1.1.1", "0.1.11"):
        for module, members in released(version).items():
            for name, told in members.items():
                yield pytest.param(version, module, name, told, id=f"{version}-{module}.{name}")


@pytest.mark.parametrize("version, module, name, told", list(cases()))
def test_name(version, module, name, told):
    if (module, name) in EXCEPT:
        return
    ours = getattr(importlib.import_module(module), name)
    if "from" in told:
        return
    if told.get("kind") == "constant":
        assert shown(ours) == told["value"]
    elif told.get("kind") == "function":
        assert function_problems(ours, told, version) == []
    else:
        assert class_problems(ours, told, version) == []


def class_problems(ours, told, version):
    problems = []
    names = {base.__name__ for base in ours.__mro__}
    expected = set(told["bases"]) - {"BaseModel", "Protocol", "Generic"}
    problems += [f"does not derive from {base}" for base in sorted(expected - names)]
    mine = describe_class(ours)
    for field, facts in told.get("fields", {}).items():
        have = mine.get("fields", {}).get(field)
        if have is None:
            problems.append(f"field {field} is missing")
            continue
        alias = facts["alias"] if facts["alias"] != field else None
        if alias is not None and have["alias"] != alias:
            problems.append(f"field {field}: alias {have['alias']}, not {alias}")
        same = have["required"] == facts["required"] and have["default"] == facts["default"]
        if not same and not (version == "0.1.11" and field in CHANGED_SINCE_OLD):
            problems.append(f"field {field}: {have}, not {facts}")
    for member, facts in told["members"].items():
        if member == "__init__" and ours.__name__ in INTERNAL_INIT:
            continue
        value = getattr(ours, member, None)
        if member in mine.get("fields", {}) or (value is None and member in getattr(ours, "__dataclass_fields__", {})):
            continue
        if not hasattr(ours, member):
            if member.startswith(("validate_", "normalize_")) or "_must_" in member:
                continue  # names of validators
            problems.append(f"{member} is missing")
        elif facts["kind"] == "constant":
            if shown(value) != facts["value"]:
                problems.append(f"{member} is {shown(value)}, not {facts['value']}")
        elif facts["kind"] == "property":
            if not isinstance(inspect.getattr_static(ours, member), property):
                problems.append(f"{member} is no property")
        elif "parameters" in facts:
            problems += [f"{member}: {problem}" for problem in function_problems(value, facts, version)]
    return problems


def function_problems(ours, facts, version):
    problems = []
    plain = inspect.unwrap(ours)
    if facts.get("async") and not (inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)):
        problems.append("is not async")
    if not facts.get("async") and inspect.iscoroutinefunction(plain):
        problems.append("is async")
    have = {p.name: p for p in inspect.signature(ours).parameters.values()}
    takes_more = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in have.values())
    order = []
    for name, kind, default in facts["parameters"]:
        if name in ("self", "cls") or kind.startswith("VAR_"):
            continue
        parameter = have.get(name)
        if parameter is None:
            if not (name in CHANGED_SINCE_OLD and (takes_more or version == "0.1.11")):
                problems.append(f"parameter {name} is missing")
            continue
        if kind == "POSITIONAL_OR_KEYWORD":
            order.append(name)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                problems.append(f"parameter {name} cannot be given by position")
        mine = default_of(parameter)
        if mine != default and not (version == "0.1.11" and name in CHANGED_SINCE_OLD):
            problems.append(f"parameter {name} defaults to {mine}, not {default}")
    if version == "1.1.1":
        positions = [name for name in have if name in order]
        if positions != order:
            problems.append(f"parameters stand in the order {positions}, not {order}")
    return problems
