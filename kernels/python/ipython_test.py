"""Contexts with IPython: its magics and formatters, loaded before a context, or when one needs it."""

import importlib.util
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from worker_for_tests import ContextTest, ZygoteProcess  # noqa: E402

THERE = importlib.util.find_spec("IPython") is not None


@unittest.skipUnless(THERE, "this Python has no IPython")
class WithIPython:
    def test_magics(self):
        self.assertIn("Wall time", self.c.run("%time x = 5").out)
        self.check("x", "5")
        self.assertIn("per loop", self.c.run("%%timeit -n 2 -r 1\nx + 1").out)
        self.assertIn("Wall time", self.c.run("%%time\ny = 6\n").out)
        self.check("y", "6")
        self.assertEqual(self.c.run("%%bash\necho from bash; echo e >&2").out, "from bash\n")
        self.check("%cd -q /usr\n%pwd", "'/usr'")
        self.assertEqual(self.fails("%no_such_magic", "UsageError")["traceback"],
                         ["UsageError: Line magic function `%no_such_magic` not found."])
        self.check("%env OSB_X=7", None)
        self.check("import os; os.environ['OSB_X']", "'7'")

    def test_magics_without_their_sign(self):
        self.assertEqual(self.c.run("pwd").text, repr("/"))
        self.check("cd -q /usr", None)
        self.check("pwd", repr("/usr"))
        self.check("pwd = 5", None)
        self.check("pwd", "5")

    def test_a_cell_that_shows_something_of_its_own_stays_plain(self):
        self.check("{3, 1, 2}", "{1, 2, 3}")
        self.fails("x = (", "SyntaxError")
        self.fails("no_such_name", "NameError")
        self.check("import sys; sys._getframe(2).f_code.co_name", "'run_tree'")
        self.check("Out[1], _1, In[1]", "({1, 2, 3}, {1, 2, 3}, '{3, 1, 2}')")

    def test_shell_commands(self):
        self.assertEqual(self.c.run("!echo out; echo err >&2").out, "out\n")
        self.check("name = 'value'\nlines = !echo {name} $name\nlines[0]", "'value value'")
        self.check("!exit 3\n_exit_code", "3")

    def test_help(self):
        shown = self.c.run("len?").displays
        self.assertIn("Return the number of items", shown[0]["text/plain"])

    def test_errors_have_our_shape(self):
        error = self.fails("def f():\n    return 1/0\nf()", "ZeroDivisionError")
        self.assertEqual(error["traceback"][0], "Traceback (most recent call last):")
        self.assertIn('File "<cell 1>", line 3', "\n".join(error["traceback"]))
        self.assertNotIn("IPython", "\n".join(error["traceback"]))
        outcome = self.c.run("get_ipython()\nx = (")
        self.assertEqual(outcome.error["ename"], "SyntaxError")
        self.assertEqual(outcome.err, "")
        outcome = self.c.run("get_ipython().run_cell('1/0')\n5")
        self.assertIn("ZeroDivisionError", outcome.err)
        self.assertEqual(outcome.text, "5")
        outcome = self.c.run("%%time\n1/0")  # older ones print it
        self.assertIn("ZeroDivisionError", outcome.err + str(outcome.error))

    def test_exit_keeps_the_context(self):
        self.c.run("z = 1\nget_ipython();")
        self.fails("exit()", "SystemExit")
        self.assertEqual(self.c.run("import sys; sys.exit(3)").err, "")
        self.check("z", "1")

    def test_history_and_results(self):
        self.c.run("21 * 2")
        self.check("1 + 1", "2")
        self.check("Out[1], _2, In[1], __", "(42, 2, '21 * 2', 42)")
        self.check("len(In)", "5")

    def test_values_are_written_as_ipython_does(self):
        self.check("{3, 1, 2}", "{1, 2, 3}")
        self.check("int", "int")
        self.check("def f(x): pass\nf", "<function __main__.f(x)>")
        self.check("list(range(50))[:3]", "[0, 1, 2]")
        self.assertIn(",\n ", self.c.run("list(range(1000))").text)

    def test_display_and_updates(self):
        outcome = self.c.run("from IPython.display import display, HTML, update_display, clear_output\n"
                             "h = display('a', display_id='d1')\nprint('x')\nh.update('b')\nclear_output(wait=True)\n"
                             "display(HTML('<b>'), metadata={'k': 1})")
        kinds = [(m["type"], m.get("display_id"), m.get("data", {}).get("text/plain")) for m in outcome.messages
                 if m["type"] not in ("execute_input", "execute_reply")]
        self.assertEqual(kinds, [("display_data", "d1", "'a'"), ("update_display_data", "d1", "'b'"),
                                 ("clear_output", None, None),
                                 ("display_data", None, "<IPython.core.display.HTML object>")])
        self.assertEqual(outcome.displays[1]["text/html"], "<b>")
        self.assertEqual(outcome.messages[4]["metadata"], {"k": 1})

    def test_capture_keeps_output_back(self):
        outcome = self.c.run("%%capture got\nprint('hidden')\ndisplay(1)\n2")
        self.assertEqual((outcome.out, outcome.displays, outcome.text), ("", [], None))
        self.check("got.stdout", "'hidden\\n'")

    def test_every_expression_of_a_cell_can_be_shown(self):
        self.c.run("from IPython.core.interactiveshell import InteractiveShell\n"
                   "InteractiveShell.ast_node_interactivity = 'all'")
        outcome = self.c.run("1\nprint('between')\n2")
        kinds = [(m["type"], m.get("data", {}).get("text/plain")) for m in outcome.messages]
        self.assertEqual([k for k in kinds if k[0] == "execute_result"], [("execute_result", "1"), ("execute_result", "2")])

    def test_await_and_interrupts(self):
        self.check("import asyncio\nget_ipython()\nawait asyncio.sleep(0, 9)", "9")
        self.check("async def f(): return 4\nasyncio.run(f())", "4")
        for code in ("print('go')\nawait asyncio.sleep(60)", "print('go')\nimport time\ntime.sleep(60)",
                     "print('go', flush=True)\n!sleep 60\nprint('after')\ntime.sleep(60)"):
            self.c.start(code)
            self.c.wait_output("go\n")
            time.sleep(0.1)
            os.killpg(self.c.pid, signal.SIGINT)
            time.sleep(0.05)
            if "!" in code:
                time.sleep(0.2)
                os.killpg(self.c.pid, signal.SIGINT)
            self.assertEqual(self.c.finish().error["ename"], "KeyboardInterrupt", code)
        self.check("await asyncio.sleep(0, 'ok')", "'ok'")

    def test_indented_block(self):
        self.check("\n    get_ipython()\n    a = 2\n    if a:\n        a += 2\n    a\n    ", "4")

    def test_source_and_pickle(self):
        self.check("import inspect\ndef g():\n    return 42\ninspect.getsource(g)", repr("def g():\n    return 42\n"))
        self.check("get_ipython()\nimport pickle\nclass P: pass\ntype(pickle.loads(pickle.dumps(P()))) is P", "True")

    def test_nothing_is_written_to_the_home(self):
        self.assertEqual(self.c.run("get_ipython()\nimport os, threading\n"
                                    "os.path.exists(os.path.expanduser('~/.ipython')), threading.active_count()").text,
                         "(False, 1)")

    def test_input(self):
        self.fails("get_ipython()\ninput()", "StdinNotImplementedError")
        self.fails("import getpass\ngetpass.getpass()", "StdinNotImplementedError")

    def test_interrupt_storm_never_breaks_the_context(self):
        self.c.run("get_ipython();")
        for _ in range(20):
            self.c.start("for i in range(20000): pass\ni")
            for _ in range(3):
                os.killpg(self.c.pid, signal.SIGINT)
            outcome = self.c.finish()
            self.assertFalse(outcome.died)
            if outcome.status == "error":
                self.assertEqual(outcome.error["ename"], "KeyboardInterrupt")
        self.check("1", "1")


ENV = dict(os.environ, HOME="/nonexistent-home-of-osb-tests")


class Late(WithIPython, ContextTest):
    """The first context of a zygote, which has not loaded IPython."""
    ENV = ENV

    def setUp(self):
        self.fresh = ZygoteProcess(env=ENV)
        self.c = self.fresh.context()

    def tearDown(self):
        super().tearDown()
        self.fresh.close()


class Warm(WithIPython, ContextTest):
    """A zygote that loaded it."""
    ENV = ENV
    OPTIONS = {"eager": True}

    def setUp(self):
        for _ in range(100):
            self.c = self.zygote.context()
            if not THERE or self.c.run("import sys; 'IPyt' + 'hon' in sys.modules").text == "True":
                break
            self.c.close()
            time.sleep(0.1)
        else:
            self.fail("the zygote does not load IPython")
        self.c.close()
        self.c = self.zygote.context()


if __name__ == "__main__":
    unittest.main()
