"""Tests of the Java worker over its descriptors: worker_test.py WORKER_JAR. Every JDK of the machine is tried."""

import glob
import json
import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from worker_driver import Died, Worker  # noqa: E402

JAR = b""
OPTIONS = ["-XX:+UseSerialGC", "-Xshare:auto", "-Dfile.encoding=UTF-8", "-Djava.awt.headless=true"]


def homes():
    """One directory for each JDK."""
    found = {}
    for program in glob.glob("/usr/lib/jvm/*/bin/javac"):
        home = os.path.dirname(os.path.dirname(os.path.realpath(program)))
        found[home] = True
    return sorted(found)


class WorkerTest(unittest.TestCase):
    home = ""
    shared = None  # a worker that several tests use, one after the other

    @classmethod
    def tearDownClass(cls):
        if cls.shared:
            cls.shared.close()

    def setUp(self):
        cls = type(self)
        if cls.shared is None:
            cls.shared = self.launch()
        self.worker = cls.shared

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        cls = type(self)
        if cls.shared and len(result.failures) + len(result.errors) > before:
            cls.shared.close()  # nobody knows what it is doing
            cls.shared = None

    @classmethod
    def launch(cls, options=(), packets=False, **env):
        argv = [cls.home + "/bin/java", *OPTIONS, *options, "-cp", "/proc/self/fd/5", "osb.worker.Worker"]
        worker = Worker(argv, [JAR], env=dict(os.environ, LC_ALL="C.UTF-8", **env), deadline=60,
                        packets=packets)
        cls.version = worker.ready()["version"]
        return worker

    def start(self, options=(), **env):
        """A worker for this test alone."""
        self.worker = self.launch(options, **env)
        self.addCleanup(self.worker.close)

    def printed(self, code, expected, stream=1):
        """Runs the code, which prints this."""
        self.worker.run(code)
        end = time.monotonic() + 10
        while self.worker.printed[stream] != expected.encode() and time.monotonic() < end:
            time.sleep(0.005)
        self.assertEqual(self.worker.printed[stream].decode(), expected)

    def number(self):
        """Of the cell that ran last."""
        return self.worker.runs

    def result(self, code):
        return self.worker.result(code)

    def error(self, code):
        answer = self.worker.run(code)
        self.assertEqual(answer["execute_reply"]["status"], "error", answer)
        return answer["error"]

    def feature(self):
        return int(self.version.split(".")[0].split("-")[0])

    # -- results and state

    def test_expression_is_the_result(self):
        self.assertEqual(self.result("1+1"), "2")
        self.assertEqual(self.result("int a = 10;\nint b = 20;\nint sum = a + b;\nsum"), "30")
        self.assertEqual(self.result("sum * 2 // twice"), "60")

    def test_result_forms(self):
        for code, text in (('"h\u00e9llo"', "h\u00e9llo"), ("'c'", "c"), ("new int[]{1, 2}", "int[2] { 1, 2 }"),
                           ("List.of(1, 2)", "[1, 2]"), ("null", None), ("int x = 4;", None), ("x = 5", None), ("x;", "5"),
                           ("(Object) null", None), ("// nothing", None), ("", None)):
            self.assertEqual(self.result(code), text, code)

    def test_default_imports(self):
        self.assertEqual(self.result("Stream.of(1, 2, 3).map(i -> i * 2).collect(Collectors.toList())"), "[2, 4, 6]")
        self.assertEqual(self.result('Pattern.matches("a+", "aa")'), "true")

    def test_declarations_persist(self):
        self.assertIsNone(self.result("import java.time.*;\nint twice(int x) { return 2 * x; }"))
        self.assertIsNone(self.result("class Point { int x; Point(int x) { this.x = x; } int get() { return twice(x); } }"))
        self.assertEqual(self.result("new Point(21).get() + Duration.ofSeconds(3).toString()"), "42PT3S")
        self.assertIsNone(self.result("int twice(int x) { return 3 * x; }"))
        self.assertEqual(self.result("new Point(2).get()"), "6")

    def test_forward_references_within_a_cell(self):
        self.assertEqual(self.result("int even(int n) { return n == 0 ? 1 : odd(n - 1); }\n"
                                     "int odd(int n) { return n == 0 ? 0 : even(n - 1); }\neven(10)"), "1")

    def test_complete_program_runs(self):
        program = "public class Main {\n  public static void main(String[] args) {\n    System.out.println(\"Hello\");\n  }\n}"
        self.printed(program, "Hello\n")
        self.printed("package a.b;\n\nimport java.util.*;\n" + program, "Hello\n")
        self.printed(program + "\nMain.main(null);", "Hello\n")
        self.printed("Main.main(new String[0])", "Hello\n")

    def test_program_of_several_classes(self):
        code = "class Helper { static int f() { return 7; } }\npublic class App { public static void main(String[] a) {" \
               " System.out.println(Helper.f()); } }"
        self.printed(code, "7\n")

    # -- output

    def test_output_is_utf8_and_complete(self):
        self.printed('System.out.println("\u00e9 \u6f22 \U0001f600"); System.out.print("no newline");',
                     "\u00e9 \u6f22 \U0001f600\nno newline")
        self.printed('System.err.print("e")', "e", 2)

    def test_a_line_is_one_write(self):
        self.worker = self.launch(packets=True)
        self.addCleanup(self.worker.close)
        self.printed('System.out.println("text"); System.out.println(5); System.out.println(new char[] {'
                     "'c'}); System.out.printf(\"%d and %s%n\", 1, List.of(2)); System.out.print(3);",
                     "text\n5\nc\n1 and [2]\n3")
        self.assertEqual(self.worker.writes, [b"text\n", b"5\n", b"c\n", b"1 and [2]\n", b"3"])

    def test_output_of_programs_and_closed_streams(self):
        self.printed('new ProcessBuilder("echo", "child").inheritIO().start().waitFor();', "child\n")
        self.worker.run("System.out.close(); System.err.close();")
        self.printed('System.out.println("still")', "still\n")

    def test_replaced_streams(self):
        self.worker.run("var old = System.out; var kept = new ByteArrayOutputStream(); System.setOut(new PrintStream(kept));")
        self.printed('System.out.print("x");', "")
        self.assertEqual(self.result("System.setOut(old); kept.toString()"), "x")

    def test_children_get_no_descriptor_of_ours(self):
        self.printed('new ProcessBuilder("ls", "/proc/self/fd").inheritIO().start().waitFor();',
                     "0\n1\n2\n3\n")  # 3 is the directory that ls reads

    def test_standard_input_is_empty(self):
        self.assertEqual(self.result("System.in.read()"), "-1")
        self.assertIn("NoSuchElementException", self.error("new Scanner(System.in).nextLine()")["evalue"])

    def test_display(self):
        answer = self.worker.run('display("<b>x</b>", "text/html"); System.out.print("y"); display(List.of(1)); 5')
        self.assertEqual(answer["displays"], [{"text/html": "<b>x</b>"}, {"text/plain": "[1]"}])
        self.assertEqual(answer["execute_result"]["data"], {"text/plain": "5"})

    def test_picture(self):
        data = self.worker.run("new java.awt.image.BufferedImage(3, 2, 1)")["execute_result"]["data"]
        self.assertTrue(data["image/png"].startswith("iVBORw0KGgo"))

    # -- errors

    def test_exception(self):
        error = self.error("int f(int x) {\n  return 10 / x;\n}\n\n/* why */\n// not\nf(0)")
        self.assertEqual((error["ename"], error["evalue"]), ("EvalException", "java.lang.ArithmeticException: / by zero"))
        self.assertEqual(error["traceback"], ["java.lang.ArithmeticException: / by zero", "    at f (cell %d:2)" % self.number(),
                                              "        return 10 / x;", "    at (cell %d:7)" % self.number()])

    def test_exception_of_the_user_with_causes(self):
        error = self.error('class Oops extends RuntimeException { Oops(String m, Throwable c) { super(m, c); } }\n'
                           'throw new Oops("bad", new IOException("why"));')
        self.assertEqual(error["evalue"], "Oops: bad")
        self.assertIn("Caused by: java.io.IOException: why", error["traceback"])
        self.assertIn("    at (cell %d:2)" % self.number(), error["traceback"])

    def test_exception_in_a_lambda(self):
        text = "\n".join(self.error("int zero = 0;\nStream.of(1).forEach(x -> {\n  System.out.println(x / zero);\n});")["traceback"])
        self.assertIn("(cell %d:3)" % self.number(), text)
        self.assertNotIn("REPL", text)

    def test_errors_that_cannot_be_shown(self):
        self.assertEqual(self.error('class Mute extends RuntimeException { public String getMessage() { throw new IllegalStateException(); } }\n'
                                    'throw new Mute();')["ename"], "EvalException")
        self.assertEqual(self.error("class Loop extends RuntimeException { public Throwable getCause() { return this; } }\n"
                                    "throw new Loop();")["ename"], "EvalException")
        self.assertEqual(self.error("new Object() { public String toString() { throw new IllegalStateException(\"no\"); } }")
                         ["evalue"], "java.lang.IllegalStateException: no")
        self.assertEqual(self.result("1"), "1")

    def test_compile_error_has_position_and_line(self):
        error = self.error("int z = 3;\nint q = foo(z);\n")
        self.assertEqual(error["ename"], "CompilationException")
        self.assertEqual(error["evalue"], "cell %d, line 2, column 9: cannot find symbol (symbol:   method foo(int))" % self.number())
        self.assertEqual(error["traceback"], ["cell %d, line 2, column 9: error: cannot find symbol" % self.number(), "    int q = foo(z);",
                                              "            ^^^", "  symbol:   method foo(int)"])
        self.assertEqual(self.result("z"), "3")

    def test_syntax_error_keeps_the_whole_cell_from_running(self):
        self.assertIn("';' expected", self.error("int k = 3\nk + 1")["evalue"])
        for bad in ("int y = ;", "for (;;) {", "}", "\"open"):
            error = self.error("System.out.println(\"ran\"); int neverDeclared = 1;\n" + bad)
            self.assertEqual(error["ename"], "CompilationException", error)
            self.assertIn("line ", error["evalue"])
            self.assertEqual(self.worker.printed[1], b"")
        self.assertIn("cannot find symbol", self.error("neverDeclared")["evalue"])

    def test_what_is_never_declared_is_an_error(self):
        error = self.error("int g() { return h(); }")
        self.assertEqual(error["evalue"], "not declared: method h()")
        self.assertEqual(self.error("g()")["ename"], "UnresolvedReferenceException")
        self.assertIsNone(self.result("int h() { return 7; }"))
        self.assertEqual(self.result("g()"), "7")
        self.assertIn("class Missing", self.error("Missing m = new Missing();")["evalue"])
        self.assertEqual(self.error("class A { int f() { return unknown; } }")["ename"], "CompilationException")

    def test_exit_is_an_error_and_the_context_stays(self):
        self.assertIsNone(self.result("int kept = 1;"))
        for code in ("System.exit(3)", "Runtime.getRuntime().exit(3)", "IntStream.of(3).forEach(System::exit)"):
            error = self.error(code)
            self.assertEqual((error["ename"], error["evalue"]), ("SystemExit", "3"))
        self.assertEqual(self.result("kept"), "1")

    def test_halt_ends_the_process_at_once(self):
        self.start()
        with self.assertRaises(Died):
            self.worker.run("Runtime.getRuntime().halt(3)")
        self.assertEqual(self.worker.wait(), 3)

    def test_stack_overflow(self):
        error = self.error("int deep(int n) { return deep(n + 1) + 1; }\ndeep(0)")
        self.assertEqual(error["evalue"], "java.lang.StackOverflowError")
        self.assertLess(len(error["traceback"]), 100)
        self.assertEqual(self.result("1+1"), "2")

    def test_memory_error(self):
        self.start(["-Xmx128m"])
        self.assertIn("OutOfMemoryError", self.error("var l = new ArrayList<byte[]>();\nwhile (true) l.add(new byte[1000000]);")["evalue"])
        self.assertIsNone(self.result("l = null;"))
        self.assertEqual(self.result("1+1"), "2")

    # -- interrupt

    def interrupted(self, code, wait=0.5):
        self.worker.start(code)
        time.sleep(wait)
        self.worker.interrupt()
        answer = self.worker.finish()
        self.assertEqual(answer["error"]["ename"], "KeyboardInterrupt", answer)
        return answer

    def test_interrupt(self):
        self.worker.run("int kept = 1;")
        for code in ("while (true) {}", "for (;;) { try { for (;;) {} } catch (Throwable t) {} }", "Thread.sleep(100000)",
                     "int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\nfib(90)",
                     "new CountDownLatch(1).await()", "Stream.iterate(1, x -> x).forEach(x -> {})",
                     "do { try { Thread.sleep(10000); } catch (InterruptedException e) {} } while (true);",
                     "IntStream.iterate(0, x -> x).parallel().forEach(x -> {})", "int n = 0; while (true) { n++; }",
                     "new Object() { public String toString() { while (true) {} } }"):
            self.interrupted(code)
            self.assertEqual(self.result("kept"), "1", code)

    def test_interrupt_runs_finally(self):
        self.interrupted("int cleaned = 0;\ntry { while (true) {} } finally { cleaned = 1; }", 1)
        self.assertEqual(self.result("cleaned"), "1")

    def test_interrupt_of_library_code(self):
        if self.feature() >= 20:
            self.skipTest("later JDKs cannot stop a thread")
        self.interrupted("LongStream.range(0, Long.MAX_VALUE).sum()")
        self.assertEqual(self.result("1+1"), "2")

    def test_interrupt_between_runs_means_nothing(self):
        self.worker.interrupt()
        time.sleep(0.1)
        self.assertEqual(self.result("1+1"), "2")
        self.assertEqual(self.result("Thread.sleep(400); 3"), "3")

    def test_interrupt_storm(self):
        self.worker.start("while (true) {}")
        for _ in range(50):
            self.worker.interrupt()
            time.sleep(0.002)
        self.assertEqual(self.worker.finish()["error"]["ename"], "KeyboardInterrupt")
        self.assertEqual(self.result("1+1"), "2")

    def test_interrupt_reaches_programs(self):
        # The program gets the signal too, and may be gone before this worker does anything.
        self.worker.start('new ProcessBuilder("sleep", "1000").start().waitFor() > 128')
        time.sleep(0.5)
        self.worker.interrupt()
        answer = self.worker.finish()
        self.assertTrue("error" in answer or answer["execute_result"]["data"]["text/plain"] == "true", answer)

    # -- libraries

    def test_classpath(self):
        jar = "/usr/share/java/asm.jar"
        code = "import org.objectweb.asm.*;\nOpcodes.ACC_PUBLIC"
        self.assertEqual(self.error(code)["ename"], "CompilationException")
        self.assertEqual(self.result("%jars " + jar + "\n" + code), "1")
        self.start(CLASSPATH="/nonexistent:" + jar)
        self.assertEqual(self.result(code), "1")
        self.start()
        self.assertEqual(self.result("%maven org.ow2.asm:asm:debian\n" + code), "1")
        self.assertEqual(self.error("%maven a:b:1\n1")["ename"], "LibraryNotFound")
        self.assertEqual(self.error("\n%jars /nonexistent.jar")["ename"], "LibraryNotFound")

    # -- faults

    def test_threads_live_on(self):
        self.worker.run("var t = new Thread(() -> { while (true) System.out.println(\"tick\"); }); t.setDaemon(true); t.start();")
        self.assertEqual(self.result("t.isAlive()"), "true")
        self.assertEqual(self.result("1+1"), "2")

    def test_large_code(self):
        lines = "".join("many.append(\"%d\");\n" % line for line in range(2000))
        self.assertEqual(self.result("var many = new StringBuilder();\nif (true) {\n" + lines + "}\nmany.length()"), "6890")
        error = self.error("String s = \"" + "x" * 10000000 + "\";")
        self.assertIn("constant string too long", error["evalue"])
        self.assertLess(len(json.dumps(error)), 2000000)
        self.assertEqual(self.error("int v = " + "(" * 100000 + "1" + ")" * 100000 + ";")["type"], "error")
        self.assertEqual(self.result("1+1"), "2")

    def test_large_result_is_cut(self):
        text = self.result('"x".repeat(11000000)')
        self.assertLess(len(text), 10000100)
        self.assertTrue(text.endswith("(cut: 11000000 characters)"))

    def test_much_output(self):
        self.printed('for (int i = 0; i < 200000; i++) System.out.println("0123456789012345678901234567890123456789");',
                     "0123456789012345678901234567890123456789\n" * 200000)

    def test_closing_our_pipe_kills_this_context_only(self):
        self.start()
        with self.assertRaises((Died, AssertionError, ValueError)):
            self.worker.run('new FileOutputStream("/proc/self/fd/4").write("garbage garbage".getBytes()); 1')

    def test_options_of_the_environment(self):
        self.start(JAVA_TOOL_OPTIONS="-Dplanted=yes")
        self.assertEqual(self.result('System.getProperty("planted")'), "yes")

    def test_end_of_the_channel(self):
        self.start()
        self.worker.run('Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("bye")));'
                        'new Thread(() -> { while (true) {} }).start();')
        self.assertEqual(self.worker.end(), 0)
        time.sleep(0.05)
        self.assertIn(b"bye", self.worker.printed[1])


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for home in homes():
        case = type("Worker of " + os.path.basename(home), (WorkerTest,), {"home": home})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    with open(sys.argv.pop(1), "rb") as file:
        JAR = file.read()
    if not homes():
        print("skipped: no JDK in /usr/lib/jvm")
        sys.exit(77)
    unittest.main(verbosity=1)
