"""Writes down the surface of the installed packages `opensandbox` and `code_interpreter` as JSON: names, parameters, defaults, fields.

    VENV/bin/python tools/describe.py >tests/surface/NAME.json

Run it in an environment with the released packages. Names and defaults are facts; nothing else is kept.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import pkgutil
import sys
from typing import Any

import pydantic

# Modules that are nobody's business, and names that are imported for the module's own use.
PRIVATE = (".api", ".adapters", "._", ".internal", ".converter")


def default_of(parameter: inspect.Parameter) -> str | None:
    if parameter.default is inspect.Parameter.empty:
        return None
    return shown(parameter.default)


def shown(value: Any) -> str:
    text = repr(value)
    if " at 0x" in text or text.startswith(("<bound method", "<class")):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return text


def function(value: Any, kind: str) -> dict[str, Any]:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return {"kind": kind}
    return {
        "kind": kind,
        "async": inspect.iscoroutinefunction(value),
        "parameters": [[p.name, p.kind.name, default_of(p)] for p in parameters],
    }


def describe_class(cls: type) -> dict[str, Any]:
    told: dict[str, Any] = {"bases": [b.__name__ for b in cls.__mro__[1:] if b is not object]}
    if issubclass(cls, pydantic.BaseModel):
        told["fields"] = {
            name: {
                "required": field.is_required(),
                "default": None if field.is_required() else shown(field.get_default(call_default_factory=True)),
                "alias": field.alias,
            }
            for name, field in cls.model_fields.items()
        }
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        if not base.__module__.startswith(("opensandbox", "code_interpreter")):
            continue
        for name, value in vars(base).items():
            special = name in ("__init__", "__aenter__", "__aexit__", "__enter__", "__exit__", "__str__")
            if (name.startswith("_") and not special) or name.startswith("model_"):
                continue
            if name == "__init__" and ("fields" in told or getattr(cls, "_is_protocol", False)):
                continue
            if isinstance(value, property):
                members[name] = {"kind": "property"}
            elif isinstance(value, (classmethod, staticmethod)):
                members[name] = function(value.__func__, type(value).__name__)
            elif inspect.isfunction(value):
                members[name] = function(value, "method")
            elif isinstance(value, enum.Enum) or not callable(value):
                if name.isupper():
                    members[name] = {"kind": "constant", "value": shown(value)}
    told["members"] = members
    return told


def describe() -> dict[str, Any]:
    told: dict[str, Any] = {}
    for root in ("opensandbox", "code_interpreter"):
        package = importlib.import_module(root)
        names = [root] + [found.name for found in pkgutil.walk_packages(package.__path__, root + ".", onerror=lambda _: None)]
        for name in names:
            if any(part in name for part in PRIVATE):
                continue
            try:
                module = importlib.import_module(name)
            except ImportError:
                continue
            members: dict[str, Any] = {}
            exported = getattr(module, "__all__", None)
            for key in sorted(set(vars(module)) | set(exported or ())):
                value = getattr(module, key)
                if key.startswith("_") or inspect.ismodule(value):
                    continue
                home = getattr(value, "__module__", name)
                ours = isinstance(home, str) and home.startswith(("opensandbox", "code_interpreter"))
                if inspect.isclass(value) and ours:
                    if home == name:
                        members[key] = describe_class(value)
                    elif exported is not None and key in exported:
                        members[key] = {"from": home}
                elif inspect.isfunction(value) and home == name:
                    members[key] = function(value, "function")
                elif isinstance(value, (str, int)) and key.isupper() and key != "TYPE_CHECKING":
                    members[key] = {"kind": "constant", "value": shown(value)}
            told[name] = members
    return told


if __name__ == "__main__":
    json.dump(describe(), sys.stdout, indent=1, sort_keys=True)
    print()
