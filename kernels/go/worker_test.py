"""Tests of the Go worker: real contexts driven over the real protocol. Usage: worker_test.py GO_KERNEL [GO_PROGRAM]"""

import json
import os
import shutil
import struct
import sys
import tempfile
import time
import unittest
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import worker_driver  # noqa: E402

DEADLINE = 60  # seconds; only a hang reaches it
KERNEL = sys.argv.pop(1) if len(sys.argv) > 1 else ""
GO = shutil.which("go")


def go_version(program):
    with open(os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(program))), "VERSION")) as file:
        return file.readline().strip()[2:]


class Answer:
    """What one run gave."""

    def __init__(self, messages):
        self.messages = messages
        self.stdout, self.stderr = messages.get("stdout", ""), messages.get("stderr", "")
        self.data = messages.get("execute_result", {}).get("data", {})
        self.result = self.data.get("text/plain")
        error = messages.get("error")
        self.error = error and (error["ename"], error["evalue"])
        self.traceback = error and "\n".join(error["traceback"])


class Context(worker_driver.Worker):
    def __init__(self, go=None, env=None, cwd="/tmp"):
        arguments = [KERNEL] + ([os.path.realpath(go), go_version(go)] if go else [])
        super().__init__(arguments, env=dict(os.environ, **(env or {})), cwd=cwd, deadline=DEADLINE)
        self.version = self.ready()["version"]

    def run(self, code):
        return Answer(super().run(code))

    def death(self, code):
        """Runs code that ends the process; what it wrote to stderr."""
        try:
            answer = self.run(code)
        except worker_driver.Died as died:
            return str(died)
        raise AssertionError("the worker lives: %s" % answer.messages)


class Case(unittest.TestCase):
    go = None

    def setUp(self):
        self.context = self.open()

    def open(self, **options):
        context = Context(go=self.go, **options)
        self.addCleanup(context.close)
        return context

    def run_ok(self, code):
        answer = self.context.run(code)
        self.assertIsNone(answer.error, "%s\n%s" % (code, json.dumps(answer.messages, indent=1)))
        return answer

    def check(self, code, result):
        self.assertEqual(self.run_ok(code).result, result, code)

    def interrupted(self, code):
        """Runs code that prints "begun" and goes on, and interrupts it; the answer."""
        self.context.start(code)
        end = time.monotonic() + DEADLINE
        while b"begun" not in self.context.printed[1]:
            assert time.monotonic() < end, "nothing printed by " + code
            time.sleep(0.001)
        self.context.interrupt()
        return Answer(self.context.finish())


class Cells(Case):
    def test_state_and_results(self):
        self.check("x := 20", None)
        self.check("x + 1", "21")
        self.check('import "strings"\ny := strings.Repeat("ab", 2)\ny', "abab")
        self.check("x, y = 1, \"z\"\nx", "1")
        self.check("x;", None)
        self.check("var (\n\ta = 1\n\tb = a + 1\n)\nb", "2")
        self.check("[]string{\"p\", \"q\"}", "[p q]")
        self.check("map[string]int{\"k\": 1}", "map[k:1]")
        self.check("3.5 * 2", "7")
        self.check("'a'", "97")
        self.check("true && false", "false")
        self.check("nil", None)

    def test_output_is_streamed(self):
        answer = self.run_ok('import ("fmt"; "os")\nfmt.Println("out", 1)\nfmt.Fprintln(os.Stderr, "err")\nprintln("low", 2)')
        self.assertEqual((answer.stdout, answer.stderr, answer.result), ("out 1\n", "err\nlow 2\n", None))

    def test_imports_declarations_and_statements_mix(self):
        answer = self.run_ok("""
%%
fmt.Println(double(base))
var base = helper(4)
import "fmt"
func double(n int) int { return times(n, 2) }
base := 21
fmt.Println(double(base), even(7))
func times(a, b int) int { return a * b }
func even(n int) bool { if n == 0 { return true }; return odd(n - 1) }
func odd(n int) bool { if n == 0 { return false }; return even(n - 1) }
""".replace("fmt.Println(double(base))\nvar base = helper(4)\n", ""))
        self.assertEqual(answer.stdout, "42 false\n")
        self.check("f()\nfunc f() int { return 7 }", None)
        self.check("total := 0\nfor _, v := range []int{1, 2, 3} {\n\ttotal += v\n}\nif total > 5 {\n\ttotal *= 2\n} else {\n\ttotal = 0\n}\ntotal", "12")
        self.check("step := 3\nfunc next(n int) int { return n + step }\nnext(1)", "4")

    def test_main_of_a_cell_runs(self):
        answer = self.run_ok('import "fmt"\nfunc main() {\n\tfmt.Println("main")\n}')
        self.assertEqual(answer.stdout, "main\n")
        self.assertEqual(self.run_ok("func other() {}").stdout, "")
        self.assertEqual(self.run_ok('%%\nfmt.Println("%% inside")').stdout, "%% inside\n")

    def test_redeclaration(self):
        self.check("func f() int { return 1 }\nfunc g() int { return f() + 1 }\ng()", "2")
        self.check("func f() int { return 10 }\ng()", "11")
        self.check('func f() string { return "text" }\nf()', "text")
        self.check("type T struct{ a, B int }\nT{1, 2}", "{1 2}")
        self.check("func (t T) Sum() int { return t.a + t.B }\nt := T{1, 2}\nt.Sum()", "3")
        self.check("func (t T) Sum() int { return t.a * 100 }\nt.Sum()", "100")
        self.check('type T struct{ name string }\nT{"q"}', "{q}")
        self.check("var v int = 1\nv", "1")
        self.check('var v = "s"\nv', "s")
        self.check("v := 2.5\nv", "2.5")
        self.check("const c = 1\nc", "1")
        self.check('const c = "two"\nc', "two")
        self.check("f := 3\nf", "3")
        self.check("func f() int { return 4 }\nf()", "4")
        self.check('import "math/rand"\nrand.Intn(1)', "0")
        self.check('import "math/rand"\nimport rand "crypto/rand"\nb := make([]byte, 2)\nrand.Read(b)', "2")

    def test_types_methods_interfaces(self):
        answer = self.run_ok("""
import "fmt"
type Shape interface { Area() float64 }
type Square struct { side float64 }
func (s Square) Area() float64 { return s.side * s.side }
func (s Square) String() string { return fmt.Sprintf("square of %v", s.side) }
type Problem struct{ code int }
func (p *Problem) Error() string { return fmt.Sprint("problem ", p.code) }
func try(n int) (int, error) { if n < 0 { return 0, &Problem{n} }; return n, nil }
shapes := []Shape{Square{2}, Square{3}}
for _, s := range shapes { fmt.Println(s.Area()) }
fmt.Println(Square{4})
Square{5}""")
        self.assertEqual(answer.stdout, "4\n9\nsquare of 4\n")
        self.assertEqual(answer.result, "square of 5")
        self.check("try(3)", "3")
        self.check("try(-3)", "0 problem -3")
        self.check("&Square{1}", "square of 1")
        self.check("func pair() (int, string) { return 1, \"b\" }\npair()", "1 b")

    def test_generics_and_newer_builtins(self):
        self.check("func Map[T, U any](in []T, f func(T) U) []U {\n\tvar out []U\n\tfor _, v := range in { out = append(out, f(v)) }\n\treturn out\n}\n"
                   "Map([]int{1, 2}, func(n int) int { return n * n })", "[1 4]")
        self.check("min(3, 1, 2)", "1")
        self.check("x := 1.5\nmax(x, 2)", "2")
        self.check("m := map[int]int{1: 1}\nclear(m)\nlen(m)", "0")
        self.check("n := 4\nsum := 0\nfor i := range 3 { for j := range n { for _, k := range []int{1} { sum += i*j*k } } }\nsum", "18")
        self.check("count := 0\nfor range 5 { count++ }\ncount", "5")
        self.check("func tri(n int) (t int) { for i := range n + 1 { t += i }; return }\ntri(4)", "10")
        self.check('import "slices"\nlist := []int{3, 1, 2}\nslices.Sort(list)\nlist', "[1 2 3]")
        self.check("slices.Max(list) + slices.Index(list, 2)", "4")

    def test_goroutines_and_channels(self):
        self.check("""
import "sync"
var wg sync.WaitGroup
var mu sync.Mutex
hits := 0
for i := 0; i < 10; i++ {
	wg.Add(1)
	go func() { defer wg.Done(); mu.Lock(); hits++; mu.Unlock() }()
}
wg.Wait()
hits""", "10")
        self.check("c := make(chan int, 1)\ngo func() { c <- 5 }()\n<-c", "5")
        self.check("select {\ncase c <- 1:\ndefault:\n}\nlen(c)", "1")

    def test_packages_need_not_be_imported(self):
        self.assertEqual(self.run_ok('fmt.Println(strings.ToUpper("a"), math.Sqrt(4), rand.Intn(1))').stdout, "A 2 0\n")
        self.check('strings := []string{"own"}\nstrings', "[own]")

    def test_defer_runs_at_the_end(self):
        self.assertEqual(self.run_ok('defer fmt.Println("last")\ndefer fmt.Println("second")\nfmt.Println("first")').stdout,
                         "first\nsecond\nlast\n")

    def test_standard_library(self):
        self.check('import "os/exec"\nout, err := exec.Command("echo", "hi").Output()\nstring(out)', "hi\n")
        self.check('import "encoding/json"\nb, _ := json.Marshal(map[string]int{"a": 1})\nstring(b)', '{"a":1}')
        self.check('type P struct { Name string `json:"name"` }\nvar p P\njson.Unmarshal([]byte(`{"name":"n"}`), &p)\np.Name', "n")
        self.check('import "os"\nos.Setenv("OSB_T", "1")\nos.Getenv("OSB_T")', "1")
        self.check('import "unsafe"\nunsafe.Sizeof(int32(0))', "4")
        self.check('import "syscall"\nsyscall.Getpid() > 1', "true")
        self.check('import "time"\ntime.Duration(1500) * time.Millisecond', "1.5s")
        self.check('import "errors"\nerrors.New("e")', "e")
        self.check('runtime.Version()[:3]', "go1")

    def test_labels_and_literals(self):
        self.check("n := 0\nouter:\nfor i := 0; i < 3; i++ {\n\tfor {\n\t\tn++\n\t\tcontinue outer\n\t}\n}\nn", "3")
        self.check("func() int { return 6 }()", "6")
        self.check("text := `a\n%%\nb`\nlen(text)", "6")
        self.check("// only a comment", None)
        self.check("", None)
        self.check("x := 1 // comment\n/* more */ x", "1")

    def test_rich_output(self):
        answer = self.run_ok('import "display"\nprintln("before")\ndisplay.HTML("<b>x</b>")\ndisplay.JSON(map[string]int{"a": 1})\n'
                             'import "image"\nimage.NewRGBA(image.Rect(0, 0, 2, 2))')
        shown = answer.messages["displays"]
        self.assertEqual(shown[0], {"text/html": "<b>x</b>"})
        self.assertEqual(shown[1]["application/json"], '{"a":1}')
        self.assertIn("image/png", answer.data)
        shown = self.run_ok('import "github.com/janpfeifer/gonb/gonbui"\ngonbui.DisplayHTML("g")').messages["displays"]
        self.assertEqual(shown, [{"text/html": "g"}])


class Errors(Case):
    def test_mistakes_change_nothing(self):
        self.run_ok("x := 1\nfunc f() int { return x }")
        name, value = self.context.run("x = 2\nfunc f() int { return 5 }\nundefinedName + 1").error
        self.assertEqual((name, value), ("CompileError", "cell 2:3:1: undefined: undefinedName"))
        self.check("f()", "1")
        answer = self.context.run("y := 1\ny + \"a\"")
        self.assertEqual(answer.error[0], "CompileError")
        self.assertIn("cell 4:2:", answer.error[1])
        self.assertEqual(self.context.run("y").error[1], "cell 5:1:1: undefined: y")

    def test_syntax_errors(self):
        answer = self.context.run("x := 1\nfor {\n\tif x == {\n}")
        self.assertEqual(answer.error[0], "SyntaxError")
        self.assertIn("cell 1:3:", answer.error[1])
        self.assertIn("    \tif x == {", answer.traceback)
        for code in ("}", "f(1,", "`open", "x := $", "import", "func", "package other", "!ls", "%env A=1", "if x {} }"):
            self.assertIn(self.context.run(code).error[0], ("SyntaxError", "CompileError"), code)
        self.check("1 + 1", "2")

    def test_panics(self):
        self.run_ok("func deep(a []int) int {\n\treturn a[5]\n}\nfunc outer() int { return deep([]int{1}) }")
        answer = self.context.run("\nouter()")
        self.assertEqual(answer.error[0], "panic")
        self.assertIn("index out of range", answer.error[1])
        text = answer.traceback
        self.assertIn("main.deep (cell 1:2", text)
        self.assertIn("return a[5]", text)
        self.assertEqual(answer.stderr, "")
        self.assertEqual(self.context.run('panic("mine")').error, ("panic", "mine"))
        self.assertEqual(self.context.run('import "errors"\npanic(errors.New("an error"))').error, ("panic", "an error"))
        self.assertIn("divide by zero", self.context.run("z := 0\n1 / z").error[1])
        self.assertIn("nil map", self.context.run("var m map[string]int\nm[\"a\"] = 1").error[1])
        self.assertIn("nil pointer", self.context.run("var p *struct{ X int }\np.X").error[1])
        self.check("func safe() (s string) { defer func() { s = fmt.Sprint(recover()) }(); panic(\"caught\") }\nsafe()", "caught")

    def test_exit_is_reported(self):
        self.run_ok("kept := 1")
        self.assertEqual(self.context.run('import "os"\nos.Exit(3)').error, ("Exit", "exit status 3"))
        answer = self.context.run('import "log"\nlog.Fatalf("bad %d", 1)')
        self.assertEqual(answer.error, ("Exit", "exit status 1"))
        self.assertIn("bad 1", answer.stderr)
        self.assertEqual(self.context.run("go func() { os.Exit(4) }()\nselect {}").error, ("Exit", "exit status 4"))
        self.assertEqual(self.context.run("runtime.Goexit()").error[0], "Goexit")
        self.check("kept", "1")

    def test_a_panic_in_a_goroutine_ends_the_context_at_once(self):
        self.assertIn("alone", self.context.death('go func() { panic("alone") }()\nselect {}'))

    def test_unsupported_code_says_so(self):
        answer = self.context.run("import \"iter\"\nfunc count(n int) iter.Seq[int] { return func(yield func(int) bool) { yield(n) } }\nfor v := range count(3) { println(v) }")
        self.assertIsNotNone(answer.error)
        answer = self.context.run('import "no.such/module"\nmodule.F()')
        self.assertIn("no.such/module", answer.error[1])
        self.check("1", "1")


class Interrupts(Case):
    def test_loops_and_waits(self):
        self.run_ok("counter := func() func() int { n := 0; return func() int { n++; return n } }()\nbox := make(chan int, 1)\n"
                    "relay := func() int { box <- 7; return <-box }")
        for code in ("for {}", "for { _ = 1 }", "select {}", "<-make(chan int)", "time.Sleep(time.Hour)", "for { time.Sleep(time.Hour) }",
                     "func spin() { for { } }\nspin()", "for i := 0; ; i++ { fmt.Sprint(i) }",
                     'exec.Command("sleep", "1000").Run()\nfor {}'):
            answer = self.interrupted('fmt.Println("begun")\n' + code)
            self.assertEqual(answer.error, ("Interrupted", "the run was interrupted"), code)
        self.check("counter()", "1")
        self.check("counter()", "2")
        self.check("relay()", "7")

    def test_what_cannot_be_stopped_is_reported(self):
        self.run_ok("var lock sync.Mutex\nlock.Lock()\nkept := 5")
        answer = self.interrupted('fmt.Println("begun")\nlock.Lock()\nfmt.Println("never")')
        self.assertEqual(answer.error[0], "Interrupted")
        self.assertIn("cannot be stopped", answer.error[1])
        self.check("lock.Unlock()\nkept", "5")

    def test_interrupts_between_runs_mean_nothing(self):
        for _ in range(20):
            self.context.interrupt()
        self.check("1", "1")

    def test_storm(self):
        self.run_ok("kept := 1")
        for _ in range(20):
            self.context.start("for {}")
            for _ in range(20):
                self.context.interrupt()
            self.assertEqual(Answer(self.context.finish()).error[0], "Interrupted")
        self.check("kept", "1")


class Attacks(Case):
    def test_big_code(self):
        self.check("x := `%s`\nlen(x)" % ("a" * 10_000_000), "10000000")
        answer = self.context.run("x := 1\n" * 2_000_000)
        self.assertIn("too large", answer.error[1])
        self.check("1", "1")

    def test_invalid_utf8(self):
        self.check('s := "\\xff\\xfe"\nlen(s)', "2")
        self.check("s", "\ufffd\ufffd")
        self.check('// \udcff\n"a"', "a")

    def test_deep_recursion_ends_the_context(self):
        self.assertIn("stack", self.context.death("func f(n int) int { return f(n+1) + 1 }\nf(0)"))

    def test_closed_channel_ends_only_this_context(self):
        other = self.open()
        self.context.death('import "syscall"\nsyscall.Close(4)\nsyscall.Close(3)')
        self.assertEqual(other.run("1").result, "1")

    def test_forged_messages_are_output(self):
        frame = struct.pack(">IB", 40, 3) + b'{"type":"execute_reply","run":1}'
        answer = self.run_ok('import "os"\nos.Stdout.Write([]byte(%s))' % json.dumps(frame.decode()))
        self.assertIn("execute_reply", answer.stdout)

    def test_programs_do_not_inherit_the_channel(self):
        answer = self.run_ok('import "os/exec"\nout, _ := exec.Command("ls", "/proc/self/fd").Output()\nstring(out)')
        self.assertEqual(answer.result.split(), ["0", "1", "2", "3"])  # 3: ls itself

    def test_much_output(self):
        answer = self.run_ok('import "strings"\nline := strings.Repeat("x", 1 << 20)\nfor i := 0; i < 8; i++ { fmt.Print(line) }')
        self.assertEqual(len(answer.stdout), 8 << 20)
        self.assertIn("[cut:", self.run_ok('strings.Repeat("y", 11_000_000)').result)

    def test_the_end_of_the_channel_is_the_end(self):
        self.assertEqual(self.context.end(), 0)


PROGRAM = """
package main
import "fmt"
func main() {
	x := 10
	y := 20
	fmt.Printf("Sum: %d\\n", x+y)
}
"""


class Programs(Case):
    def test_interpreted(self):
        self.assertEqual(self.run_ok(PROGRAM).stdout, "Sum: 30\n")
        self.assertEqual(self.run_ok('package main \n func main() { println( " Running in Go " ) }').stderr, " Running in Go \n")
        self.assertEqual(self.context.run("x").error[0], "CompileError")
        self.assertEqual(self.context.run("package main\nimport \"os\"\nfunc main() { os.Exit(2) }").error[1], "exit status 2")
        self.assertEqual(self.interrupted('package main\nimport "fmt"\nfunc main() { fmt.Println("begun"); for {} }').error[0],
                         "Interrupted")
        self.run_ok("package main\nfunc onlyDeclared() int { return 3 }")
        self.check("onlyDeclared()", "3")


@unittest.skipUnless(GO, "no go on this machine")
class Compiled(Case):
    go = GO

    def test_programs(self):
        self.run_ok("kept := 1")
        self.assertEqual(self.run_ok(PROGRAM).stdout, "Sum: 30\n")
        self.assertEqual(self.run_ok("package main\nfunc main() { println(\"low\") }").stderr, "low\n")
        answer = self.context.run("package main\n\nfunc main() {\n\tvar unused int\n\tundefinedName()\n}")
        self.assertEqual(answer.error[0], "CompileError")
        self.assertTrue(answer.error[1].startswith("prog.go:4:6: declared and not used: unused"), answer.error)
        self.assertEqual(len(answer.traceback.split("\n")), 3)
        self.assertEqual(self.context.run("package main\nimport \"os\"\nfunc main() { os.Exit(3) }").error, ("ExitError", "exit status 3"))
        answer = self.context.run("package main\nfunc main() { panic(\"p\") }")
        self.assertEqual(answer.error, ("ExitError", "exit status 2"))
        self.assertIn("panic: p", answer.stderr)
        self.assertEqual(self.context.run("package main\nfunc main() { x := }").error[0], "CompileError")
        self.check("kept", "1")

    def test_they_run_in_the_directory_of_the_context(self):
        with tempfile.TemporaryDirectory() as directory:
            self.context = self.open(cwd=directory)
            answer = self.run_ok("package main\nimport (\"fmt\"; \"os\")\nfunc main() { d, _ := os.Getwd(); fmt.Println(d) }")
            self.assertEqual(answer.stdout.strip(), os.path.realpath(directory))

    def test_interrupts(self):
        code = 'package main\nimport "fmt"\nfunc main() { fmt.Println("begun"); for {} }'
        self.assertEqual(self.interrupted(code).error[0], "Interrupted")
        code = ('package main\nimport ("fmt"; "os"; "os/signal")\n'
                'func main() { signal.Ignore(os.Interrupt); fmt.Println("begun"); for {} }')
        self.assertEqual(self.interrupted(code).error[0], "Interrupted")
        self.check("1", "1")

    def test_version(self):
        self.check("runtime.Version()", "go" + go_version(GO))

    def test_modules_of_the_working_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in (("go.mod", "module example.test/own\n\ngo 1.22\n"),
                               ("words/words.go", "package words\n\nfunc Word() string { return \"own\" }\n")):
                os.makedirs(os.path.dirname(os.path.join(directory, name)), exist_ok=True)
                with open(os.path.join(directory, name), "w") as file:
                    file.write(text)
            self.context = self.open(cwd=directory)
            program = 'package main\nimport ("fmt"; "example.test/own/words")\nfunc main() { fmt.Println(words.Word()) }'
            self.assertEqual(self.run_ok(program).stdout, "own\n")
            self.check('import "example.test/own/words"\nwords.Word()', "own")

    def test_modules_of_the_cache(self):
        with tempfile.TemporaryDirectory() as directory:
            cache = fake_module(directory)
            self.context = self.open(env={"GOMODCACHE": cache, "GOFLAGS": "-modcacherw"})
            program = 'package main\nimport ("fmt"; "example.test/Cached/deep")\nfunc main() { fmt.Println(deep.Word()) }'
            self.assertEqual(self.run_ok(program).stdout, "version 2\n")
            self.check('import "example.test/Cached/deep"\ndeep.Word()', "version 2")
            answer = self.context.run('package main\nimport "example.test/missing"\nfunc main() { missing.F() }')
            self.assertEqual(answer.error[0], "CompileError")
            self.assertIn("example.test/missing", answer.error[1])


def fake_module(directory):
    """A module cache with example.test/Cached in versions 1.0.0 and 1.10.0, as `go mod download` leaves it."""
    cache = os.path.join(directory, "mod")
    downloads = os.path.join(cache, "cache", "download", "example.test", "!cached", "@v")
    os.makedirs(downloads)
    with open(os.path.join(downloads, "list"), "w") as file:
        file.write("v1.2.0\nv1.10.0\n")
    for version, word in (("v1.2.0", "version 1"), ("v1.10.0", "version 2")):
        files = {"go.mod": "module example.test/Cached\n",
                 "deep/deep.go": "package deep\n\nfunc Word() string { return \"%s\" }\n" % word}
        base = os.path.join(downloads, version)
        with open(base + ".info", "w") as file:
            json.dump({"Version": version, "Time": "2024-01-01T00:00:00Z"}, file)
        with open(base + ".mod", "w") as file:
            file.write(files["go.mod"])
        with zipfile.ZipFile(base + ".zip", "w") as archive:
            for name, text in files.items():
                archive.writestr("example.test/Cached@%s/%s" % (version, name), text)
                path = os.path.join(cache, "example.test", "!cached@" + version, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(text)
    return cache


if __name__ == "__main__":
    if not KERNEL or not os.path.exists(KERNEL):
        print("skipped: no go-kernel was built (./dev build needs Go 1.22 or later)")
        sys.exit(0)
    unittest.main()
