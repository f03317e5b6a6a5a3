"""IPython's shell inside a context: its magics, formatters, display hook and history, without its terminal, its files
and its threads.

What code shows goes through the context's channel, errors are given back to the context, and nothing is written to the
user's home. A shell is made once, in the zygote if it gets so far, and lives in the contexts that are forked from it.
"""

import builtins
import codeop
import fnmatch
import linecache
import subprocess
import sys
import warnings

from IPython.core import interactiveshell, page
from IPython.core.application import ProfileDir
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.display import clear_output, update_display
from traitlets import Type
from traitlets.config import Config

from osb_worker import bundle, display
from osb_worker.errors import no_input


class Memory(dict):
    """What IPython keeps in a database on disk."""

    def keys(self, pattern="*"):
        return fnmatch.filter(dict.keys(self), pattern)


interactiveshell.PickleShareDB = lambda root: Memory()


class Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, *ignored, transient=None, update=False, **unknown):
        if getattr(self, "_is_publishing", False) or display.publisher is None:
            return
        texts = bundle.limited(bundle.as_texts(data))
        display.publisher.publish(texts, bundle.as_metadata(metadata), (transient or {}).get("display_id"), update)

    def clear_output(self, wait=False):
        display.clear_output(wait)


class Hook(DisplayHook):
    """Values of expressions become results, in their place among the output."""

    def start_displayhook(self):
        pass

    def write_output_prompt(self):
        pass

    def compute_format_data(self, result):
        forms = super().compute_format_data(result)
        if not forms[0] and not hasattr(type(result), "_ipython_display_"):
            repr(result)  # its error was printed; the cell ends with it as well
        return forms

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.interpreter.show_result(bundle.limited(bundle.as_texts(format_dict)), bundle.as_metadata(md_dict))

    def finish_displayhook(self):
        pass


class Shell(interactiveshell.InteractiveShell):
    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    interpreter = None  # ours
    _inside = ()        # results of the run_code() calls under way

    def init_ipython_dir(self, ipython_dir):
        pass  # it would be made

    def init_profile_dir(self, profile_dir):
        self.profile_dir = ProfileDir()  # without a location: nothing is read or made

    def init_virtualenv(self):
        pass  # the interpreter of the image is the one that runs

    def init_display_formatter(self):
        super().init_display_formatter()
        for (module, name), more in bundle.formatters.items():
            self.add_formatter(module, name, more)

    def add_formatter(self, module, name, more):
        formatter = self.display_formatter.mimebundle_formatter
        formatter.for_type_by_name(module, name, lambda value, include=None, exclude=None: more(value))

    def start_again(self):
        self.reset(new_session=True)
        self.compile.get_code_name = NamesOfCells()

    # -- running ----------------------------------------------------------------------------------------------

    def run(self, code, count):
        self.execution_count = count
        result = self.run_cell(code, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise error

    def translates(self, source):
        """True for a cell that means something else here than in plain Python."""
        try:
            text = self.transform_cell(source)
            if len(text.splitlines()) == 1:
                text = self.prefilter_manager.prefilter_lines(text)
            return text.strip() != source.strip()
        except SyntaxError:
            return False

    def show_value(self, value):
        """The value of a cell that ran without us."""
        with self.builtin_trap:
            data, metadata = self.displayhook.compute_format_data(value)
            if data:
                self.displayhook.write_format_data(data, metadata)

    def take_over(self, cells, results, count):
        """Cells that ran before become the history."""
        earlier = builtins.__dict__.pop("_", None)
        for number in range(1, count):
            name = "<cell %d>" % number
            entry = linecache.cache.get(name) if name in cells else None
            source = "".join(entry[2])[:-1] if entry else ""
            self.history_manager.input_hist_parsed.append(source)
            self.history_manager.input_hist_raw.append(source)
        self.user_ns["_oh"].update(results)
        self.user_ns.update(("_%d" % number, value) for number, value in results.items())
        latest = list(results.values())[:-4:-1]
        for name, value in zip(("_", "__", "___"), latest if earlier is not None else ()):
            setattr(self.displayhook, name, value)
            self.user_ns[name] = value

    async def run_code(self, code_obj, result=None, **options):
        self._inside = self._inside + (result,)
        try:
            return await super().run_code(code_obj, result, **options)
        finally:
            self._inside = self._inside[:-1]

    def _is_reported(self):
        """True for an error that the cell itself ends with: the context tells it."""
        if len(self._inside) > 1:
            return False
        return not self._inside or self._inside[0] is None or self._inside[0].error_in_exec is sys.exc_info()[1]

    def showtraceback(self, *args, **options):
        if not self._is_reported():
            super().showtraceback(*args, **options)

    def showsyntaxerror(self, *args, **options):
        if self._inside:
            super().showsyntaxerror(*args, **options)

    def _format_exception_for_storage(self, *args, **options):
        return {}  # the context describes errors

    def _showtraceback(self, etype, evalue, stb):
        print(self.InteractiveTB.stb2text(stb), file=sys.stderr)

    def ask_exit(self):
        raise SystemExit

    def system(self, command):
        """`!command`: its output goes where the context's goes."""
        sys.stdout.flush()
        sys.stderr.flush()
        status = subprocess.call(self.var_expand(command, depth=1), shell=True, executable=shell_program())
        self.user_ns["_exit_code"] = status
        import importlib
        importlib.invalidate_caches()  # it may have installed something

    system_piped = system_raw = system

    def enable_gui(self, gui=None):
        if gui not in (None, "", "inline", "agg"):
            raise NotImplementedError("the sandbox has no screen for %s" % gui)


def shell_program():
    import shutil
    return shutil.which("bash") or "/bin/sh"


def make_shell(interpreter):
    config = Config()
    config.HistoryManager.enabled = False  # no database, no thread; `In` and %history work all the same
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "NoColor"
    config.Completer.use_jedi = False
    warnings.filterwarnings("ignore", message="To exit: use")
    earlier = builtins.__dict__.pop("_", None)
    ours = builtins.__dict__.pop("display", None)
    try:
        shell = Shell.instance(config=config, user_module=interpreter.module, user_ns=interpreter.module.__dict__)
    except BaseException:
        Shell.clear_instance()
        builtins.display = ours
        raise
    shell.interpreter = interpreter
    shell.loop_runner = interpreter.wait_for
    shell.set_hook("show_in_pager", page.as_hook(page.display_page), 99)
    shell.compile.get_code_name = NamesOfCells()
    shell.compile.flags &= ~getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT", 0)  # a SyntaxError is called that
    builtins.input = no_input
    builtins.update_display, builtins.clear_output = update_display, clear_output
    if earlier is not None:
        builtins._ = earlier
    return shell


class NamesOfCells:
    """File names of code: `<cell N>`, and `<cell N.M>` for what is compiled while cell N runs."""

    def __init__(self):
        self.number, self.parts = 0, 0

    def __call__(self, raw_code, transformed_code, number):
        if number != self.number:
            self.number, self.parts = number, 0
            return "<cell %d>" % number
        self.parts += 1
        return "<cell %d.%d>" % (number, self.parts)
