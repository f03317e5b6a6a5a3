"""Writes docs/python-api.md from the docstrings.

    python tools/reference.py          write the file
    python tools/reference.py --check  say whether it differs from what would be written, and which public name has no docstring

The blocking classes have the methods of the async ones without `await`, so each pair stands once, under the async name. Run it with both
packages on the path.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import FunctionType
from typing import Any

import pydantic

TARGET = Path(__file__).resolve().parents[3] / "docs" / "python-api.md"

# Heading, and the modules whose public names stand there.
CHAPTERS = (
    ("Sandboxes", ("opensandbox.sandbox", "opensandbox.manager")),
    ("Connection", ("opensandbox.config.connection", "opensandbox.transport.retry")),
    ("Commands, sessions, terminals", ("opensandbox.services.command", "opensandbox.services.pty", "opensandbox.models.execd", "opensandbox.models.execd_sync")),
    ("Files", ("opensandbox.services.filesystem", "opensandbox.services.watch", "opensandbox.models.filesystem")),
    ("Code", ("code_interpreter.code_interpreter", "code_interpreter.services.code", "code_interpreter.models.code")),
    ("Isolated sessions", ("opensandbox.services.isolated", "opensandbox.models.isolated")),
    ("Egress and credentials", ("opensandbox.services.egress",)),
    ("Diagnostics, health, metrics",
     ("opensandbox.services.diagnostics", "opensandbox.services.health", "opensandbox.services.metrics", "opensandbox.models.diagnostics")),
    ("Values of the lifecycle", ("opensandbox.models.sandboxes", "opensandbox.models.templates")),
    ("Pools", ("opensandbox.pool_async", "opensandbox.pool_manager_async", "opensandbox.pool_memory", "opensandbox.async_redis_pool_store",
               "opensandbox.pool_types")),
    ("Errors", ("opensandbox.exceptions.sandbox",)),
)  # fmt: skip


def members(module: Any) -> Iterator[tuple[str, Any]]:
    """Public classes and functions that are written in the module, in the order of its text."""
    for name, value in vars(module).items():
        if not name.startswith("_") and inspect.getmodule(value) is module and (inspect.isclass(value) or inspect.isfunction(value)):
            yield name, value


def first_of(value: Any) -> Any:
    """The function below a descriptor."""
    return value.__func__ if isinstance(value, (classmethod, staticmethod)) else value.fget if isinstance(value, property) else value


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(cls).items():
        function = first_of(value)
        if name.startswith("_") or not isinstance(function, FunctionType):
            continue
        if hasattr(cls, "model_fields") and name not in inspect.getsource(cls):
            continue
        yield name, value


def annotation(value: Any) -> str:
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b(opensandbox|code_interpreter|datetime|collections\.abc|typing)\.([\w.]*\.)?", "", text)


def signature(name: str, value: Any) -> str:
    function = first_of(value)
    if isinstance(value, property):
        return f"{name}: {annotation(inspect.signature(function).return_annotation)}"
    parts = []
    star = False
    for parameter in list(inspect.signature(function).parameters.values()):
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        sign = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        star = star or sign == "*"
        text = sign + parameter.name
        if parameter.annotation is not inspect.Parameter.empty:
            text += f": {annotation(parameter.annotation)}"
        if parameter.default is not inspect.Parameter.empty:
            text += f" = {default(parameter.default)}"
        parts.append(text)
    back = inspect.signature(function).return_annotation
    awaited = "await " if inspect.iscoroutinefunction(function) else ""
    told = "" if back is inspect.Signature.empty or name == "__init__" else f" -> {annotation(back)}"
    return f"{awaited}{name}({', '.join(parts)}){told}"


def default(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, timedelta):
        whole = value % timedelta(seconds=1) == timedelta(0)
        return f"timedelta(seconds={value // timedelta(seconds=1)})" if whole else f"timedelta(milliseconds={value // timedelta(milliseconds=1)})"
    text = repr(value)
    return getattr(value, "__qualname__", type(value).__name__) if " at 0x" in text or text.startswith("<") else text.replace("datetime.", "")


def prose(text: str) -> str:
    """A docstring as Markdown: sections become lists, examples become code."""
    out: list[str] = []
    section = None
    for line in inspect.cleandoc(text).split("\n"):
        head = re.fullmatch(r"(Args|Attributes|Raises|Example|Every method also raises):", line)
        if head:
            if section == "Example":
                out.append("```")
            section = head[1]
            out += ["", "```pycon"] if section == "Example" else ["", f"*{section}:*", ""]
            continue
        if section == "Example":
            if line and not line.startswith(" "):
                out.append("```")
                section = None
            out.append(line[4:] if line.startswith("    ") else line)
        elif section and line.startswith("        "):
            out[-1] += " " + line.strip()
        elif section and line.startswith("    "):
            name, colon, rest = line.strip().partition(": ")
            out.append(f"* `{name}`: {rest}" if colon and "`" not in name else f"* {line.strip()}")
        else:
            if line.strip():
                section = None
            out.append(line)
    if section == "Example":
        while out[-1] == "":
            out.pop()
        out.append("```")
    return "\n".join(out).strip()


def fields(cls: type) -> Iterator[str]:
    """Fields of a model and members of an enumeration, with types and defaults."""
    if isinstance(cls, type) and issubclass(cls, pydantic.BaseModel):
        for name, field in cls.model_fields.items():
            if name in getattr(cls, "__annotations__", {}):
                what = "" if field.is_required() else f" = {default(field.get_default(call_default_factory=True))}"
                yield f"{name}: {annotation(cls.__annotations__[name])}{what}"
    elif issubclass(cls, enum.Enum):
        for member in cls:
            yield f"{member.name} = {member.value!r}"
    elif hasattr(cls, "__dataclass_fields__"):
        yield from (f"{name}: {annotation(field.type)}" for name, field in cls.__dataclass_fields__.items() if not name.startswith("_"))


def class_text(name: str, cls: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base.__module__.startswith(("opensandbox", "code_interpreter")) and base.__name__ != "Model")
    yield f"\n### {name}{f'({bases})' if bases else ''}\n"
    yield prose(cls.__doc__ or "")
    listed = list(fields(cls))
    own = vars(cls).get("__init__")
    if listed:
        yield "\n```python\n" + "\n".join(listed) + "\n```"
    elif isinstance(own, FunctionType) and not name.startswith("Sandbox") or name.startswith("SandboxPool"):
        yield f"\n```python\n{signature('__init__', own).replace('__init__', name, 1)}\n```" if own else ""
    for method, value in methods(cls):
        text = first_of(value).__doc__ or ""  # what is inherited stands with its class
        if text:
            yield f"\n#### `{name}.{method}`\n\n```python\n{signature(method, value)}\n```\n\n{prose(text)}"


def undocumented() -> Iterator[str]:
    """Public names without a docstring. Methods of protocols and of what implements them are told by the class."""
    for _, names in CHAPTERS:
        for module_name in names:
            for name, value in members(importlib.import_module(module_name)):
                if not inspect.getdoc(value) or value.__doc__ is None:
                    yield f"{module_name}.{name}"
                if inspect.isclass(value):
                    for method, function in methods(value):
                        if not inspect.getdoc(getattr(value, method)) and not is_validator(value, method):
                            yield f"{module_name}.{name}.{method}"


def is_validator(cls: type, name: str) -> bool:
    return "must" in name or name.startswith(("validate", "normalize"))


def reference() -> str:
    out = [
        "# Python API",
        "",
        "Made from the docstrings by `sdks/python/tools/reference.py`; edit those. Every example is run by a test.",
        "",
        "What stands here with `await` has a blocking twin without: `Sandbox` and `SandboxSync`, `SandboxManager` and `SandboxManagerSync`, "
        "`ConnectionConfig` and `ConnectionConfigSync`, `CodeInterpreter` and `CodeInterpreterSync`, `SandboxPoolAsync` and `SandboxPoolSync`. Times are "
        "`timedelta` and `datetime` with offset unless a unit is told.",
        "",
        *(f"* [{chapter}](#{re.sub(r'[^a-z -]', '', chapter.lower()).replace(' ', '-')})" for chapter, _ in CHAPTERS),
    ]
    for chapter, names in CHAPTERS:
        out.append(f"\n## {chapter}")
        for module_name in names:
            module = importlib.import_module(module_name)
            for name, value in members(module):
                if inspect.isclass(value):
                    out += list(class_text(name, value))
                else:
                    out.append(f"\n### {name}\n\n```python\n{signature(name, value)}\n```\n\n{prose(value.__doc__ or '')}")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).rstrip() + "\n"


def main() -> int:
    text = reference()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text)
        return 0
    problems = [f"no docstring: {name}" for name in undocumented()]
    if not TARGET.exists() or TARGET.read_text() != text:
        problems.append(f"{TARGET.name} is not up to date: run sdks/python/tools/reference.py")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
