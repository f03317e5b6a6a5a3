"""Runs cells in a namespace that stays: with IPython where the image has it, else with the standard library alone.

A cell of IPython takes three times as long as a plain one, and its shell a third of a second to import. So a context
runs plain cells without, and hands over to the shell the moment a cell makes a difference: a magic, a name that IPython
gives to cells, a line that is no Python. A shell that the zygote has made waits until then, and only writes the values
that it would write otherwise. What a cell shows does not depend on when its context was made.
"""

import ast
import builtins
import keyword
import linecache
import re
import sys
import types

from osb_worker import bundle, display
from osb_worker.errors import no_input

CELLS_KEPT = 1000  # cells whose source stays available to tracebacks and inspect

REHEARSAL = ("1 + 1", "x = 1", "def f(x):\n    return x\nf(1)", "[1, 2]")

# Names that IPython puts into the namespace, and its own.
_IPYTHON_NAMES = re.compile(r"\b(get_ipython|IPython|In|Out|_[io]h|_dh|_i+|_i?\d+|__+)\b(?!\s*=[^=])")
# One line that begins with a word and is no assignment: what a magic without its % looks like.
_COMMAND = re.compile(r"\s*([^\W\d]\w*)([ \t]+(?![^\n(\['\"]*=)[^\n]*)?\s*\Z")


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
        self.shell = None          # of IPython, once it runs the cells
        self.waiting_shell = None  # until then
        self.has_ipython = None    # unknown until somebody asks
        self.loop = None           # event loop of top-level await, kept between runs
        self.compile_flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.cells = []
        self.results = {}          # the last ones by number of the cell, for `Out`
        self.after_cell = []       # called when a cell has run, also when it failed
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

    def rehearse(self, times):
        """Runs a few cells, so that what a context's first run writes into memory that it shares with its parent
        (counters and caches beside the bytecode, above all) is written already. Nothing else is left of them."""
        names = set(self.module.__dict__)
        for cell in times * REHEARSAL:
            self.run(cell, 1)
        for name in set(self.module.__dict__) - names:
            del self.module.__dict__[name]
        builtins.__dict__.pop("_", None)
        for name in self.cells:
            linecache.cache.pop(name, None)
        self.cells, self.results = [], {}

    def rehearse_ipython(self, times):
        if self.prepare_ipython():
            for cell in times * REHEARSAL:
                self.waiting_shell.run(cell, 1)
            self.waiting_shell.start_again()

    def ipython_there(self):
        if self.has_ipython is None:
            self.has_ipython = importable("IPython")
        return self.has_ipython

    def prepare_ipython(self):
        """Makes the shell that waits. False when IPython cannot be had."""
        if self.waiting_shell is None and self.ipython_there():
            try:
                from osb_worker.ipython import make_shell
                self.waiting_shell = make_shell(self)
            except Exception:  # a broken or unusual installation must not take plain Python along
                self.has_ipython = False
        return self.waiting_shell is not None

    def go_over(self, count):
        """Goes over to IPython with everything that is there. False when it cannot be had."""
        if not self.prepare_ipython():
            return False
        self.waiting_shell.take_over(self.cells, self.results, count)
        self.shell, self.waiting_shell = self.waiting_shell, None
        self.results = {}
        return True

    def is_for_ipython(self, source):
        if _IPYTHON_NAMES.search(source):
            return True
        found = _COMMAND.match(source)
        word = found.group(1) if found else "def"
        known = keyword.iskeyword(word) or hasattr(builtins, word) or word in self.module.__dict__
        return (not known or word in ("exit", "quit")) and self.is_other_in_ipython(source)

    def is_other_in_ipython(self, source):
        return self.prepare_ipython() and self.waiting_shell.translates(source)

    # -- without IPython --------------------------------------------------------------------------------------

    def run_plain(self, code, count):
        source = dedent(code)
        name = "<cell %d>" % count
        self.remember(name, source)
        if self.is_for_ipython(source) and self.go_over(count):
            return self.shell.run(code, count)
        try:
            tree = self.compile(source, name, "exec", ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            if self.is_other_in_ipython(source) and self.go_over(count):
                return self.shell.run(code, count)
            if self.ipython_there() or "%" not in source and "!" not in source and "?" not in source:
                raise
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
        in_ipython = not bundle.same_in_ipython(value) and self.prepare_ipython()
        if not in_ipython:
            data, metadata = bundle.mime_bundle(value)
        builtins._ = value
        self.results[count] = value
        if len(self.results) > CELLS_KEPT:
            del self.results[next(iter(self.results))]
        if in_ipython:
            self.waiting_shell.show_value(value)
        else:
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
