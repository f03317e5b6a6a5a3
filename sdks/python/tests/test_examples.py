"""Every example of every docstring is run, against a real sandbox where it needs one. Outputs are compared."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import pkgutil

import pytest

ASYNC_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
PACKAGES = ("opensandbox", "code_interpreter")


def modules():
    for package in PACKAGES:
        root = importlib.import_module(package)
        yield package
        for found in pkgutil.walk_packages(root.__path__, package + "."):
            if "redis" not in found.name:
                yield found.name


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True, recurse=True)
    for name in modules():
        module = importlib.import_module(name)
        for test in finder.find(module, name, module=module):
            if test.examples:
                yield pytest.param(name, test, id=test.name)


async def run_example(test, names):
    """As doctest does, with `await` at top level."""
    for example in test.examples:
        printed = []
        names["print"] = lambda *words, end="\n", printed=printed: printed.append(" ".join(map(str, words)) + end)
        tree = ast.parse(example.source)
        value = None
        for node in tree.body:
            last = node is tree.body[-1] and isinstance(node, ast.Expr)
            part = ast.Expression(node.value) if last else ast.Module([node], [])
            code = compile(part, test.name, "eval" if last else "exec", flags=ASYNC_FLAGS)
            value = eval(code, names)
            if inspect.iscoroutine(value):
                value = await value
            if not last:
                value = None
        got = "".join(printed) + ("" if value is None else f"{value!r}\n")
        checker = doctest.OutputChecker()
        assert checker.check_output(example.want, got, 0), f"{example.source}\nexpected {example.want!r}, got {got!r}"


def is_sync(module):
    return ".sync" in module or module.endswith("_sync")


@pytest.mark.parametrize("module, test", list(examples()))
def test_example(module, test, request):
    source = "".join(example.source for example in test.examples)
    live = any(word in source for word in ("sandbox.", "(sandbox", "interpreter.", "Sandbox.create", "SandboxSync.create", "acquire(", "Manager.create", "ManagerSync.create"))
    if live:
        request.getfixturevalue("server")

    async def work():
        names = {}
        if not live:
            await run_example(test, names)
            return
        if is_sync(module):
            from code_interpreter import CodeInterpreterSync
            from opensandbox import SandboxSync

            with SandboxSync.create("host") as sandbox:
                try:
                    await run_example(test, {"sandbox": sandbox, "interpreter": CodeInterpreterSync.create(sandbox)})
                finally:
                    sandbox.kill()
        else:
            from code_interpreter import CodeInterpreter
            from opensandbox import Sandbox

            async with await Sandbox.create("host") as sandbox:
                try:
                    await run_example(test, {"sandbox": sandbox, "interpreter": await CodeInterpreter.create(sandbox)})
                finally:
                    await sandbox.kill()

    asyncio.run(work())
