"""Commands of notebooks for images without IPython: `!command`, `%pip`, `%cd`, `%env`, `%time`, `%%bash` and a few
more. Every other magic ends with an error that says what there is.

Python's own parser decides what is a command: only a cell that it refuses is looked at, and only lines that begin
with `!` or `%`, or assign such a thing, are replaced by a call.
"""

import ast
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

from osb_worker.errors import UsageError

_LINE = re.compile(r"^(\s*)(?:([A-Za-z_][\w., ]*?)\s*=\s*)?([!%])(.*)$")
_CALL = "__osb_magic__"


def translate(interpreter, source, error):
    """The cell as Python. Raises `error`, its SyntaxError, when commands are not what is wrong with it."""
    magics = Magics(interpreter)
    interpreter.module.__dict__[_CALL] = magics.line
    stripped = source.lstrip()
    if stripped.startswith("%%"):
        head, _, body = stripped.partition("\n")
        interpreter.module.__dict__["__osb_cell__"] = lambda: magics.cell(head[2:], body)
        return "__osb_cell__()"
    lines = source.split("\n")
    first_error = error
    while True:
        number = command_line(lines, (error.lineno or 1) - 1)
        if number is None:
            raise first_error
        indent, target, sign, rest = _LINE.match(lines[number]).groups()
        call = "%s(%r, %r, %r)" % (_CALL, sign, rest.strip(), bool(target))
        lines[number] = indent + ("%s = " % target if target else "") + call
        try:
            ast.parse("\n".join(lines))
            return "\n".join(lines)
        except SyntaxError as next_error:
            if next_error.lineno is None:
                raise
            error = next_error


def command_line(lines, wrong):
    """The line that the parser does not like if it is a command, else the first command that is left."""
    candidates = [n for n, text in enumerate(lines) if _LINE.match(text)]
    if wrong in candidates:
        return wrong
    return candidates[0] if candidates else None


class Magics:
    def __init__(self, interpreter):
        self.interpreter = interpreter
        self.names = interpreter.module.__dict__

    def line(self, sign, text, wants_value):
        if sign == "!":
            return self.shell(text.lstrip("!"), wants_value or text.startswith("!"))
        name, _, rest = text.partition(" ")
        method = getattr(self, "line_" + name, None)
        if method is None:
            self.unknown("%" + name, "line_")
        return method(rest.strip())

    def cell(self, head, body):
        name, _, rest = head.strip().partition(" ")
        method = getattr(self, "cell_" + name, None)
        if method is None:
            self.unknown("%%" + name, "cell_")
        return method(rest.strip(), body)

    def unknown(self, name, prefix):
        signs = {"line_": "%", "cell_": "%%"}
        known = ", ".join(sorted(signs[p] + n[len(p):] for n in dir(self) for p in signs if n.startswith(p)))
        raise UsageError("%s needs IPython, which this Python does not have; without it there are !command, %s"
                         % (name, known))

    def expand(self, text):
        """{expression} and $name of the namespace, as far as they can be had."""
        def braces(match):
            try:
                return str(eval(match.group(1), self.names))
            except Exception:
                return match.group(0)

        def dollar(match):
            name = match.group(1)
            return str(self.names[name]) if name in self.names else match.group(0)
        return re.sub(r"(?<!\$)\$([A-Za-z_]\w*)", dollar, re.sub(r"(?<![\\$])\{([^{}]+)\}", braces, text))

    def shell(self, command, wants_value=False):
        program = shutil.which("bash") or "/bin/sh"
        sys.stdout.flush()
        sys.stderr.flush()
        done = subprocess.run([program, "-c", self.expand(command)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE if wants_value else None)
        self.names["_exit_code"] = done.returncode
        importlib.invalidate_caches()  # it may have installed something
        return done.stdout.decode("utf-8", "replace").splitlines() if wants_value else None

    def line_pip(self, rest):
        sys.stdout.flush()
        status = subprocess.call([sys.executable, "-m", "pip"] + shlex.split(self.expand(rest)), stdin=subprocess.DEVNULL)
        self.names["_exit_code"] = status
        importlib.invalidate_caches()

    def line_cd(self, rest):
        os.chdir(os.path.expanduser(self.expand(rest) or "~"))
        os.environ["PWD"] = os.getcwd()
        print(os.getcwd())

    def line_pwd(self, rest):
        return os.getcwd()

    def line_env(self, rest):
        if not rest:
            return dict(os.environ)
        name, sign, value = rest.partition("=") if "=" in rest else rest.partition(" ")
        if not sign:
            if rest not in os.environ:
                raise UsageError("Environment does not have key: %s" % rest)
            return os.environ[rest]
        os.environ[name.strip()] = self.expand(value.strip())
        print("env: %s=%s" % (name.strip(), os.environ[name.strip()]))

    line_set_env = line_env

    def line_matplotlib(self, rest):
        """Figures are shown inline as it is."""
        if rest not in ("", "inline", "agg"):
            raise UsageError("%%matplotlib %s: only inline" % rest)

    def line_time(self, rest):
        return self.timed(rest)

    def cell_time(self, rest, body):
        return self.timed(rest + "\n" + body)

    def timed(self, code):
        begun, used = time.perf_counter(), time.process_time()
        try:
            tree = ast.parse(code, "<timed>")
            last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            if last is not None:
                tree.body.pop()
            self.interpreter.evaluate(self.interpreter.compile(tree, "<timed>", "exec"))
            if last is None:
                return None
            return self.interpreter.evaluate(self.interpreter.compile(ast.Expression(last.value), "<timed>", "eval"))
        finally:
            print("CPU times: total: %s\nWall time: %s" % (span(time.process_time() - used),
                                                          span(time.perf_counter() - begun)))

    def line_timeit(self, rest):
        import timeit
        number, total = timeit.Timer(rest, globals=self.names).autorange()
        print("%s per loop (%d loops)" % (span(total / number), number))

    def cell_bash(self, rest, body):
        self.script([shutil.which("bash") or "/bin/sh"] + shlex.split(rest), body)

    cell_sh = cell_bash

    def script(self, argv, body):
        sys.stdout.flush()
        sys.stderr.flush()
        # Not on its standard input: commands in it would read the rest of the script from there.
        done = subprocess.run(argv[:1] + ["-c", body] + argv, stdin=subprocess.DEVNULL)
        importlib.invalidate_caches()
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, argv[0])

    def cell_writefile(self, rest, body):
        append, path = (True, rest[2:].strip()) if rest.startswith("-a") else (False, rest)
        path = os.path.expanduser(self.expand(path))
        with open(path, "a" if append else "w", encoding="utf-8") as file:
            file.write(body)
        print("%s %s" % ("Appending to" if append else "Writing", path))


def span(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return "%.3g %s" % (seconds * factor, unit)
    return "%.3g ns" % (seconds * 1e9)
