"""Runs cells in a namespace that stays: with IPython where the image has it, else with the standard library alone.

IPython takes a third of a second to import. A context that was forked before the zygote had it runs plain cells
without, and gets it the moment a cell makes a difference: a magic, a name that IPython gives to cells, a value that
IPython would write otherwise. So what a cell shows does not depend on when its context was made.
"""

import ast
import builtins
import linecache
import re
import sys
import types

from osb_worker import bundle, display
from osb_worker.errors import no_input

CELLS_KEPT = 1000  # cells whose source stays available to tracebacks and inspect

# Names that IPython puts into the namespace, and its own.
_IPYTHON_NAMES = re.compile(r"\b(get_ipython|IPython|In|Out|_[io]h|_dh|_i+|_i?\d+|__+)\b(?!\s*=[^=])")


def dedent(code):
    """Removes the indentation of the first line with text from every line, as IPython does."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[:len(first) - len(first.lstrip(" \t"))]
    if not indent:
        return code
    return "\n".join(line[len(indent):] if line.startswith(indent) else
                     line.lstrip(" \t") if not line.strip() else line for line in lines)


def ends_with_semicolon(code, node):
    """True if a `;` follows the expression, which asks for its value not to be shown."""
    lines = code.encode("utf-8", "replace").split(b"\n")
    rest = b"\n".join([lines[node.end_lineno - 1][node.end_col_offset:]] + lines[node.end_lineno:])
    return rest.lstrip(b" \t\r\n\f\\)").startswith(b";")


def importable(name):
    try:
        return any(finder.find_spec(name, None, None) for finder in sys.meta_path)
    except ImportError:
        return False


class Interpreter:
    """A namespace, `__main__`, and how code runs in it. Made in the zygote, used by one context."""

    def __init__(self):
        self.show_result = lambda data, metadata: None  # gets the MIME bundle of a cell's value
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self.module
        self.shell = None        # of IPython
        self.has_ipython = None  # unknown until somebody asks
        self.loop = None         # event loop of top-level await, kept between runs
        self.compile_flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.cells = []
        self.results = {}        # the last ones by number of the cell, for `Out`
        self.after_cell = []     # called when a cell has run, also when it failed
        builtins.input = no_input
        builtins.display = display.display
        builtins.update_display = display.update_display
        builtins.clear_output = display.clear_output

    def run(self, code, count):
        """Runs one cell. Whatever it raises leaves this."""
        try:
            if self.shell is not None:
                self.shell.run(code, count)
            else:
                self.run_plain(code, count)
        finally:
            for step in self.after_cell:
                step()

    def reset(self):
        """Nothing is left of the cells that ran, but for what they made ready."""
        if self.shell is not None:
            self.shell.start_again()
        names = [name for name in self.module.__dict__ if not name.startswith("_")] if self.shell is None else []
        for name in names:
            del self.module.__dict__[name]
        builtins.__dict__.pop("_", None)
        for name in self.cells:
            linecache.cache.pop(name, None)
        self.cells, self.results = [], {}

    def ipython_there(self):
        if self.has_ipython is None:
            self.has_ipython = importable("IPython")
        return self.has_ipython

    def load_ipython(self, count=1):
        """Goes over to IPython with everything that is there. False when it cannot be had."""
        if self.shell is None and self.ipython_there():
            try:
                from osb_worker.ipython import make_shell
                self.shell = make_shell(self, count)
            except Exception:  # a broken or unusual installation must not take plain Python along
                self.has_ipython = False
        return self.shell is not None

    # -- without IPython --------------------------------------------------------------------------------------

    def run_plain(self, code, count):
        source = dedent(code)
        name = "<cell %d>" % count
        self.remember(name, source)
        if _IPYTHON_NAMES.search(source) and self.load_ipython(count):
            return self.shell.run(code, count)
        try:
            tree = self.compile(source, name, "exec", ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            if "%" not in source and "!" not in source and "?" not in source:
                raise
            if self.load_ipython(count):
                return self.shell.run(code, count)
            from osb_worker.magics import translate
            source = translate(self, source, error)
            tree = self.compile(source, name, "exec", ast.PyCF_ONLY_AST)
        self.run_tree(tree, source, name, count)

    def run_tree(self, tree, source, name, count):
        last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if last is None or ends_with_semicolon(source, last):
            self.evaluate(self.compile(tree, name, "exec"))
            return
        body = ast.Module(body=tree.body[:-1], type_ignores=[])
        # Both parts are compiled before either runs, so an error in the last line stops the whole cell.
        statements = self.compile(body, name, "exec") if body.body else None
        expression = self.compile(ast.Expression(last.value), name, "eval")
        if statements is not None:
            self.evaluate(statements)
        value = self.evaluate(expression)
        if value is not None:
            self.show_value(value, count)

    def show_value(self, value, count):
        if not bundle.same_in_ipython(value) and self.load_ipython(count):
            return self.shell.show_value(value, count)
        data, metadata = bundle.mime_bundle(value)
        if self.shell is None:
            builtins._ = value
            self.results[count] = value
            if len(self.results) > CELLS_KEPT:
                del self.results[next(iter(self.results))]
        self.show_result(data, metadata)

    def remember(self, name, source):
        # No modification time: linecache never drops the entry.
        linecache.cache[name] = (len(source), None, [line + "\n" for line in source.split("\n")], name)
        self.cells.append(name)
        if len(self.cells) > CELLS_KEPT:
            linecache.cache.pop(self.cells.pop(0), None)

    def compile(self, source, name, mode, flags=0):
        code = compile(source, name, mode, flags | self.compile_flags, True)
        if isinstance(code, types.CodeType):  # `from __future__ import …` holds for the cells that follow
            import __future__
            for feature in __future__.all_feature_names:
                self.compile_flags |= code.co_flags & getattr(__future__, feature).compiler_flag
        return code

    def evaluate(self, code):
        result = eval(code, self.module.__dict__)
        if not code.co_flags & 0x80:  # CO_COROUTINE: no top-level await inside
            return result
        return self.wait_for(result)

    def wait_for(self, coroutine):
        import asyncio
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():  # interrupted while it waited: end it, so that it does not live on in the next run
                task.cancel()
                try:
                    self.loop.run_until_complete(task)
                except BaseException:
                    pass
            raise

    @staticmethod
    def remember_error(error, trace):
        """For pdb.pm() and its like."""
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace

    @staticmethod
    def forget_errors():
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, name):
                delattr(sys, name)
