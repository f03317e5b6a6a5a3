"""Tests of the worker: its pure functions, and real contexts driven over the real protocol."""

import ast
import os
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from worker_for_tests import ContextTest, ZygoteProcess, gone, import_worker  # noqa: E402

# In pieces: Python loses a signal between its last look at signals and the begin of a system call that waits.
WAITS = "while True: time.sleep(0.05)"

bundle = import_worker("bundle")
interpreter = import_worker("interpreter")
output = import_worker("output")


class Pure(unittest.TestCase):
    def test_dedent_uses_the_first_line_with_text(self):
        self.assertEqual(interpreter.dedent("\n    a = 1\n    if a:\n        a\n  "), "\na = 1\nif a:\n    a\n")
        self.assertEqual(interpreter.dedent("a\n  b"), "a\n  b")
        self.assertEqual(interpreter.dedent("\tx\n\ty"), "x\ny")
        self.assertEqual(interpreter.dedent(""), "")
        self.assertEqual(interpreter.dedent("  a\nb"), "a\nb")

    def test_semicolon(self):
        def asks(code):
            return interpreter.ends_with_semicolon(code, ast.parse(code).body[-1])
        for code in ("1;", "(1) ;  ", "1; # why", "'ä';", "f(\n1\n);\n"):
            self.assertTrue(asks(code), code)
        for code in ("1", "1 # ;", "';'", "(1)\n# ;\n", "'ä;'"):
            self.assertFalse(asks(code), code)

    def test_texts_are_cut_and_other_forms_left_out(self):
        self.assertIn("[cut: 3 of 10 characters are shown]", bundle.clip("0123456789", 3))
        long = "x" * (bundle.TEXT_LIMIT + 1)
        kept = bundle.limited({"text/plain": long, "image/png": long, "text/html": "<b>"})
        self.assertLess(len(kept["text/plain"]), bundle.TEXT_LIMIT + 200)
        self.assertIn("image/png left out", kept["text/plain"])
        self.assertEqual(kept["text/html"], "<b>")
        self.assertNotIn("image/png", kept)

    def test_bundle_values_are_texts(self):
        class Rich:
            def __repr__(self): return "R"
            def _repr_png_(self): return b"\x89PNG"
            def _repr_json_(self): return {"a": [1]}
            def _repr_html_(self): return ("<b>", {"isolated": True})
            def _repr_svg_(self): return None
            def _repr_mimebundle_(self, include=None, exclude=None): return {"x/y": "z"}
        data, metadata = bundle.mime_bundle(Rich())
        self.assertEqual(data, {
            "text/plain": "R", "image/png": "iVBORw==", "application/json": '{"a": [1]}', "text/html": "<b>",
            "x/y": "z"})
        self.assertEqual(metadata, {"text/html": {"isolated": True}})
        self.assertEqual(list(bundle.mime_bundle(Rich)[0]), ["text/plain"])

    def test_objects_that_claim_every_attribute(self):
        from unittest import mock
        self.assertEqual(list(bundle.mime_bundle(mock.MagicMock())[0]), ["text/plain"])


class Contexts(ContextTest):
    def test_hello_and_ready(self):
        self.assertEqual(self.zygote.hello["version"], sys.version.split()[0])
        self.assertEqual(self.c.ready["type"], "ready")
        self.assertEqual(self.c.ready["pid"], self.c.pid)

    def test_last_expression(self):
        self.check("2 + 2", "4")
        self.check("x = 5", None)
        self.check("x", "5")
        self.check("None", None)
        self.check("x;", None)
        self.check("_", "5")
        self.check("", None)
        self.check("# nothing", None)
        self.check("'text\\nwith newline'", "'text\\nwith newline'")
        self.check("if x:\n  x", None)
        self.check("for i in range(3):\n  i\ni", "2")

    def test_counts_every_run(self):
        self.assertEqual([self.c.run(code).count for code in ("1", "x=1", "1/0", "1")], [1, 2, 3, 4])

    def test_indented_block(self):
        outcome = self.c.run("""
              import sys
              print(sys.version)
              result = 2 + 2
              result
              """)
        self.assertEqual(outcome.text, "4")
        self.assertEqual(outcome.out, sys.version + "\n")

    def test_output_is_complete_when_the_run_ends(self):
        outcome = self.c.run("import sys, os\nprint('a', end='')\nprint('b', file=sys.stderr)\nos.write(1, b'raw\\n')")
        self.assertEqual(outcome.out, "raw\na")
        self.assertEqual(outcome.err, "b\n")
        self.assertEqual(self.c.run("import subprocess; subprocess.run(['echo', 'child']).returncode").out, "child\n")

    @unittest.skipUnless(output.ctypes, "built without ctypes")
    def test_buffers_of_the_c_library(self):
        self.assertEqual(self.c.run("import ctypes; ctypes.CDLL(None).printf(b'from c'); None").out, "from c")

    def test_lines_leave_at_once(self):
        self.c.start("import time\nprint('now')\n" + WAITS)
        self.c.wait_output("now\n")
        os.killpg(self.c.pid, signal.SIGINT)
        self.assertEqual(self.c.finish().error["ename"], "KeyboardInterrupt")

    def test_text_that_has_no_utf8_form(self):
        self.assertEqual(self.c.run("print('\\ud800')").out, "\\ud800\n")
        self.assertEqual(self.c.run("chr(0xd800) + 'ok'").status, "ok")
        self.assertEqual(self.c.run("print('grüße')").out, "grüße\n")

    def test_errors(self):
        error = self.fails("def f():\n    return 1/0\n\nf()", "ZeroDivisionError")
        self.assertEqual(error["evalue"], "division by zero")
        text = "\n".join(error["traceback"])
        self.assertIn('File "<cell 1>", line 4, in <module>', text)
        self.assertIn("return 1/0", text)
        self.assertTrue(error["traceback"][0].startswith("Traceback"))
        self.assertNotIn("osb worker", text)
        self.check("1", "1")

    def test_syntax_error(self):
        error = self.fails("x = 1\ndef f(:\n pass", "SyntaxError")
        text = "\n".join(error["traceback"])
        self.assertIn('"<cell 1>", line 2', text)
        self.assertIn("^", text)
        self.assertNotIn("osb worker", text)
        self.fails("x", "NameError")

    def test_nothing_runs_when_the_last_line_is_bad(self):
        self.fails("print('ran')\nreturn 5", "SyntaxError")
        self.fails("print('ran')\nyield", "SyntaxError")

    def test_exceptions_that_cannot_be_shown(self):
        error = self.fails("class E(Exception):\n  def __str__(self): raise ValueError\nraise E", "E")
        self.assertIn("str() of the exception failed", error["evalue"])
        self.fails("class R:\n  def __repr__(self): raise KeyError('r')\nR()", "KeyError")

    def test_exit_is_an_error_and_the_context_stays(self):
        self.assertEqual(self.fails("y = 1\nimport sys\nsys.exit(3)", "SystemExit")["evalue"], "3")
        self.fails("exit()", "SystemExit")
        self.check("y", "1")

    def test_recursion_and_memory(self):
        self.fails("def f(): f()\nf()", "RecursionError")
        self.fails("'x' * (1 << 62)", "MemoryError")
        self.check("1", "1")

    def test_input(self):
        error = self.fails("input('name? ')", "StdinNotImplementedError")
        self.assertIn("standard input", error["evalue"])

    def test_rich_results(self):
        outcome = self.c.run("class R:\n    def _repr_html_(self): return '<b>x</b>'\n"
                             "    def __repr__(self): return 'R!'\nR()")
        self.assertEqual(outcome.data, {"text/plain": "R!", "text/html": "<b>x</b>"})

    def test_display_keeps_its_place_between_prints(self):
        outcome = self.c.run("for i in range(20):\n    print('%02d' % i)\n    display(i)\n'end'")
        self.assertEqual(outcome.order, [(3 * (i + 1), str(i)) for i in range(20)])
        self.assertEqual(outcome.text, "'end'")
        raw = self.c.run("display({'text/plain': 'p', 'text/html': '<i>'}, raw=True)")
        self.assertEqual(raw.displays, [{"text/plain": "p", "text/html": "<i>"}])

    def test_display_from_another_thread(self):
        outcome = self.c.run("import threading\nt = threading.Thread(target=display, args=(7,))\nt.start()\nt.join()")
        self.assertEqual(outcome.displays, [{"text/plain": "7"}])
        self.check("1", "1")

    def test_interrupted_display_does_not_break_the_channel(self):
        self.c.start("while True: display('x')")
        self.assertEqual(self.c.peer.receive()["type"], "execute_input")
        for _ in range(5):
            first = self.c.peer.receive()
            self.c.peer.send({"type": "display_ack", "display": first["display"]})
        first = self.c.peer.receive()
        os.killpg(self.c.pid, signal.SIGINT)  # while it waits for the acknowledgement
        outcome = self.c.finish()
        self.assertEqual(outcome.error["ename"], "KeyboardInterrupt")
        self.c.peer.send({"type": "display_ack", "display": first["display"]})  # too late
        self.assertEqual(self.c.run("display('y')\n3").text, "3")

    def test_long_messages_travel_in_parts(self):
        self.check("len(%r)" % ("ä" * 300000), "300000")
        outcome = self.c.run("'é' * 200000")
        self.assertEqual(outcome.text, "'" + "é" * 200000 + "'")
        outcome = self.c.run("'x' * 20_000_000")
        self.assertLess(len(outcome.text), bundle.TEXT_LIMIT + 200)
        self.assertIn("[cut:", outcome.text)

    def test_top_level_await(self):
        self.check("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 9\nawait f()", "9")
        self.check("v = await f()", None)
        self.check("v", "9")
        self.check("asyncio.run(f())", "9")
        self.check("q = asyncio.Queue(); await q.put(3); await q.get()", "3")
        self.fails("await asyncio.wait_for(asyncio.sleep(9), 0.01)", "TimeoutError")
        self.check("[x async for x in (i async for i in agen())] if 0 else 1", "1")

    def test_interrupt_of_await(self):
        self.c.start("import asyncio\nprint('go')\nwhile True: await asyncio.sleep(0.05)")
        self.c.wait_output("go\n")
        os.killpg(self.c.pid, signal.SIGINT)
        self.assertEqual(self.c.finish().error["ename"], "KeyboardInterrupt")
        self.check("await asyncio.sleep(0, 'ok')", "'ok'")

    def test_interrupt_reaches_what_a_run_started(self):
        self.c.start("import os\nprint('go', flush=True)\nos.system('echo shell; sleep 60')")
        self.c.wait_output("go\nshell\n")
        os.killpg(self.c.pid, signal.SIGINT)
        self.c.finish()
        self.check("1", "1")

    def test_interrupts_of_an_idle_context_do_nothing(self):
        for _ in range(50):
            os.killpg(self.c.pid, signal.SIGINT)
        self.check("1", "1")

    def test_interrupt_storm_never_breaks_the_context(self):
        for _ in range(30):
            self.c.start("for i in range(20000): pass\ni")
            for _ in range(3):
                os.killpg(self.c.pid, signal.SIGINT)
            outcome = self.c.finish()
            self.assertFalse(outcome.died)
            if outcome.status == "error":
                self.assertEqual(outcome.error["ename"], "KeyboardInterrupt")
        self.check("1", "1")

    def test_own_signal_handlers_hold_for_the_run(self):
        self.c.start("import signal, time\nhits = []\nsignal.signal(signal.SIGINT, lambda *a: hits.append(5))\n"
                     "print('go')\nwhile not hits: time.sleep(0.01)\nhits[0]")
        self.c.wait_output("go\n")
        os.killpg(self.c.pid, signal.SIGINT)
        self.assertEqual(self.c.finish().text, "5")
        self.c.start("print('go')\n" + WAITS)
        self.c.wait_output("go\n")
        os.killpg(self.c.pid, signal.SIGINT)
        self.assertEqual(self.c.finish().error["ename"], "KeyboardInterrupt")

    def test_handlers_that_raise_between_runs(self):
        self.check("import signal\ndef h(*a): raise TimeoutError('late')\nsignal.signal(signal.SIGALRM, h)\n"
                   "signal.setitimer(signal.ITIMER_REAL, 0.05)\n1", "1")
        time.sleep(0.2)
        self.check("2", "2")

    def test_main_module(self):
        self.check("__name__", "'__main__'")
        self.check("import pickle\nclass P: pass\ntype(pickle.loads(pickle.dumps(P()))) is P", "True")
        self.check("import inspect\ndef g():\n    return 42  # the answer\ninspect.getsource(g)",
                   repr("def g():\n    return 42  # the answer\n"))
        self.check("import sys; sys.argv, sys.path[0]", "([''], '')")

    def test_future_imports_hold(self):
        self.c.run("from __future__ import annotations")
        self.check("def f(a: undefined_name): pass\nf.__annotations__", "{'a': 'undefined_name'}")

    def test_forked_children_do_not_answer(self):
        outcome = self.c.run("import os\npid = os.fork()\nif pid == 0: print('child')\n"
                             "if pid: os.waitpid(pid, 0)\n'parent' if pid else 'child'")
        self.assertEqual(outcome.text, "'parent'")
        self.assertEqual(outcome.out, "child\n")
        outcome = self.c.run("pid = os.fork()\nif pid == 0: raise SystemExit(7)\nos.waitpid(pid, 0)[1] >> 8")
        self.assertEqual(outcome.text, "7")
        outcome = self.c.run("pid = os.fork()\nif pid == 0: 1/0\nos.waitpid(pid, 0)[1] >> 8")
        self.assertEqual(outcome.text, "1")
        self.assertIn("ZeroDivisionError", outcome.err)

    def test_multiprocessing_with_fork(self):
        self.check("import multiprocessing as mp\ndef sq(x): return x * x\n"
                   "with mp.get_context('fork').Pool(2) as pool: r = pool.map(sq, range(4))\nr", "[0, 1, 4, 9]")

    def test_children_do_not_hold_the_channel(self):
        outcome = self.c.run("import os\n"
                             "def fds(): return {l for l in (os.readlink('/proc/self/fd/' + f) for f in "
                             "os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f)) "
                             "if l.startswith('socket')}\n"
                             "r, w = os.pipe()\npid = os.fork()\n"
                             "if pid == 0: os.write(w, repr(fds()).encode())\n"
                             "else: os.waitpid(pid, 0)\n"
                             "os.read(r, 99).decode() if pid else None")
        self.assertEqual(outcome.text, repr("set()"))
        outcome = self.c.run("import subprocess\nsubprocess.run(['ls', '/proc/self/fd'], close_fds=False, "
                             "stdout=subprocess.PIPE).stdout.split()")
        self.assertNotIn("b'5'", outcome.text)

    def test_contexts_are_apart(self):
        other = self.zygote.context()
        self.c.run("x = 1\nimport random")
        other.run("import random")
        self.assertEqual(other.run("'x' in globals()").text, "False")
        self.assertNotEqual(self.c.run("random.random()").text, other.run("random.random()").text)
        other.close()

    def test_working_directory(self):
        other = self.zygote.context("/usr")
        self.assertEqual(other.run("import os; os.getcwd(), os.environ['PWD']").text, "('/usr', '/usr')")
        other.close()
        missing = self.zygote.context("/no such")
        self.assertEqual(missing.ready["type"], "fatal")
        self.assertIn("/no such", missing.ready["message"])
        missing.close()

    def test_deaths_are_reported_and_leave_no_process(self):
        self.assertTrue(self.c.run("import os\nos._exit(5)").died)
        self.assertEqual(os.WEXITSTATUS(self.zygote.wait_exit(self.c.pid)), 5)
        other = self.zygote.context()
        child = int(other.run("import subprocess\np = subprocess.Popen(['sleep', '60'])\np.pid").text)
        self.assertTrue(other.run("import ctypes\nctypes.string_at(0)" if output.ctypes
                                  else "import os; os.kill(os.getpid(), 11)").died)
        self.assertEqual(os.WTERMSIG(self.zygote.wait_exit(other.pid)), signal.SIGSEGV)
        self.assertTrue(gone(child))
        other.close()

    def test_end_of_the_channel_ends_the_context_in_good_order(self):
        other = self.zygote.context()
        path = "/tmp/osb-worker-test-%d" % os.getpid()
        other.run("import atexit\natexit.register(lambda: open(%r, 'w').close())" % path)
        other.close()
        self.assertEqual(self.zygote.wait_exit(other.pid), 0)
        self.assertTrue(os.path.exists(path))
        os.unlink(path)

    def test_nothing_is_lost_at_the_end(self):
        with tempfile.TemporaryDirectory() as folder:
            other = self.zygote.context(folder)
            other.run("import atexit, sys, threading, time, types\n"
                      "text, data = open('text', 'w'), open('data', 'wb', 100)\n"
                      "text.write('kept'); data.write(b'kept')\n"
                      "sys.modules['mine'] = types.ModuleType('mine'); sys.modules['mine'].file = open('module', 'w')\n"
                      "sys.modules['mine'].file.write('kept')\n"
                      "class Last:\n    def __del__(self): open('deleted', 'w').write('kept')\n"
                      "last = Last(); loop = Last(); loop.itself = loop\n"
                      "def slow(): time.sleep(0.3); open('thread', 'w').write('kept')\n"
                      "threading.Thread(target=slow).start()\n"
                      "import ctypes; leave = ctypes.CFUNCTYPE(None)(lambda: open('library', 'w').write('kept'))\n"
                      "atexit.keep = leave; ctypes.CDLL(None).on_exit(leave, None)")
            other.close()
            self.assertEqual(self.zygote.wait_exit(other.pid), 0)
            for name in ("text", "data", "module", "deleted", "thread", "library"):
                with open(os.path.join(folder, name)) as file:
                    self.assertEqual(file.read(), "kept", name)


class ZygoteTest(unittest.TestCase):
    def test_the_worker_itself_imports_nothing_from_where_it_is_started(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("json", "ast", "socket", "traceback"):
                with open(os.path.join(folder, name + ".py"), "w") as file:
                    file.write("import sys\nsys.exit(9)\n")
            zygote = ZygoteProcess(cwd=folder)
            try:
                self.assertIsNotNone(zygote.hello)
            finally:
                zygote.close()

    def test_modules_of_the_working_directory_are_not_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "json.py"), "w") as file:
                file.write("raise RuntimeError('shadow')\n")
            zygote = ZygoteProcess()
            try:
                context = zygote.context(folder)
                self.assertEqual(context.run("import json; json.dumps(1)").text, "'1'")
                context.close()
            finally:
                zygote.close()

    def test_end_of_execd_ends_everything(self):
        zygote = ZygoteProcess()
        context = zygote.context()
        context.start("print('go')\nwhile True: pass")
        context.wait_output("go")
        zygote.close()
        self.assertTrue(gone(context.pid))
        context.close()

    def test_many_contexts(self):
        zygote = ZygoteProcess()
        contexts = [zygote.context() for _ in range(20)]
        for number, context in enumerate(contexts):
            context.start("n = %d\nn" % number)
        self.assertEqual([c.finish().text for c in contexts], [str(n) for n in range(20)])
        zygote.close()
        self.assertTrue(all(gone(c.pid) for c in contexts))
        for context in contexts:
            context.close()


if __name__ == "__main__":
    unittest.main()
