"""The JavaScript worker alone, driven over its descriptors. Usage: worker_test.py DIRECTORY_OF_THE_BUNDLES"""

import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from worker_driver import Died, Worker

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = shutil.which("node") or shutil.which("nodejs")
BOOT = ("require('vm').runInThisContext(require('fs').readFileSync(5,'utf8'),{filename:'osb-worker'})"
        "(require,(s,o)=>o?import(s,o):import(s),'%s')")
BUNDLES = "."


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def start(language="javascript", **more):
    files = [read(HERE, "worker.js"), read(BUNDLES, "acorn.js")]
    if language == "typescript":
        files.append(read(BUNDLES, "sucrase.js"))
    return Worker([NODE, "-e", BOOT % language], files, **more)


class Case(unittest.TestCase):
    language = "javascript"

    def setUp(self):
        self.worker = start(self.language)
        self.addCleanup(lambda: self.worker.close())
        self.worker.ready()

    def result(self, code):
        return self.worker.result(code)

    def error(self, code):
        answer = self.worker.run(code)
        self.assertIn("error", answer, answer)
        return answer["error"]

    def interrupt_soon(self, code, after=0.2):
        self.worker.start(code)
        time.sleep(after)
        self.worker.interrupt()
        return self.worker.finish()

    def table(self, rows):
        for code, expected in rows:
            with self.subTest(code=code):
                self.assertEqual(self.result(code), expected)


class Values(Case):
    def test_last_expression(self):
        self.table([("1 + 1", "2"), ("1 + 1;", "2"), ("'text'", "'text'"), ("const x = 1", None), ("x", "1"),
                    ("null", "null"), ("undefined", None), ("", None), ("// nothing", None), ("5;;", "5"),
                    ("if (true) 5", None), ("7\nfunction f() {}", None), ("{a: 1}", "{ a: 1 }"), ("{ let a = 5 }", None),
                    ("[1, 2].map(n => n * 2)", "[ 2, 4 ]"), ("x = 9", "9"), ("_ + 1", "10"), ("#!/usr/bin/env node\n3", "3"),
                    ("'use strict'; this === globalThis", "true"), ("Symbol('s')", "Symbol(s)"), ("10n", "10n")])

    def test_state_and_declaring_again(self):
        self.table([("const a = 1; let b = 2; var c = 3; class D {}; function e() { return a }", None),
                    ("[a, b, c, typeof D, e()]", "[ 1, 2, 3, 'function', 1 ]"),
                    ("const a = 10; let b; class D { static x = 4 }; function e() { return a * 2 }; [a, b, D.x, e(), D.name]",
                     "[ 10, undefined, 4, 20, 'D' ]"),
                    ("const {p, q: [r, ...s], ...t} = {p: 1, q: [2, 3, 4], u: 5}; [p, r, s, t]", "[ 1, 2, [ 3, 4 ], { u: 5 } ]"),
                    ("let y\n;[1, 2].length", "2"),
                    ("for (let i = 0; i < 3; i++) {} typeof i", "'undefined'"),
                    ("async function g() { return 4 }; class E extends D {}; E.x", "4"), ("await g()", "4"),
                    ("const crypto = require('crypto'), process2 = process; crypto.randomBytes(2).length", "2"),
                    ("const performance = 5, fetch = 6, navigator = 7; [performance, fetch, navigator]", "[ 5, 6, 7 ]"),
                    ("let name\nlet other = name\n;(function () { return 3 })()", "3")])

    def test_top_level_await(self):
        self.table([("const v = await Promise.resolve(5)", None), ("v", "5"),
                    ("let w = 1; w += await new Promise(r => setTimeout(r, 5, 2)); w", "3"),
                    ("for (const n of [1, 2]) { await null; w += n }; w", "6"),
                    ("for await (const n of (async function* () { yield 1; yield 2 })()) { w += n }; w", "9"),
                    ("for (var i = 0; i < 2; i++) await i; i", "2"), ("for (var {k} of [{k: 8}]) await k; k", "8"),
                    ("if (true) { var deep = await 4 } deep", "4"), ("function h() { return deep + 1 }; class F {}; await 0; h()", "5"),
                    ("h() + 1", "6"), ("typeof F", "'function'"), ("let [m, n] = [await 1, await 2], o; [m, n, o]", "[ 1, 2, undefined ]"),
                    ("console\nconst z = await 1\nz + 1", "2"), ("`${await 3}` + (await 4).toString()", "'34'"),
                    ("(await 2) ** 2", "4"), ("(async () => 5)()", "5"),
                    ("try { await Promise.reject(new Error('no')) } catch (e) { e.message }", None),
                    ("export const ex = await 6; ex", "6"), ("export default 7", None), ("async function main() { await 1; return 2 }\nmain()", "2")])
        self.assertEqual(self.error("1\nawait Promise.reject(new RangeError('late'))")["ename"], "RangeError")
        self.assertEqual(self.error("Promise.reject(new RangeError('later'))")["evalue"], "later")

    def test_imports(self):
        with tempfile.TemporaryDirectory() as place:
            for name, files in {
                "node_modules/pack": {"package.json": '{"name": "pack", "main": "i.js"}', "i.js": "exports.one = 1"},
                "node_modules/esm": {"package.json": '{"name": "esm", "type": "module", "exports": "./i.js"}',
                                     "i.js": "export default 5; export const two = 2"},
                "global/other": {"index.js": "module.exports = {three: 3}"},
                ".": {"local.mjs": "export const four = 4", "data.json": '{"five": 5}', "local.cjs": "exports.here = __dirname"},
            }.items():
                os.makedirs(os.path.join(place, name), exist_ok=True)
                for file, text in files.items():
                    with open(os.path.join(place, name, file), "w") as out:
                        out.write(text)
            env = dict(os.environ, NODE_PATH=os.path.join(place, "global"))
            self.worker.close()
            self.worker = start(self.language, cwd=place, env=env)
            self.worker.ready()
            self.table([("require('pack').one", "1"), ("import five, {two as t} from 'esm'; [five, t]", "[ 5, 2 ]"),
                        ("import * as p from 'pack'; p.one", "1"), ("import {one} from 'pack'\nimport {one as again} from 'pack'\none + again", "2"),
                        ("import fs from 'fs'; import {join} from 'node:path'; typeof fs.readFileSync + join('a', 'b')", "'functiona/b'"),
                        ("import {four} from './local.mjs'; four", "4"), ("(await import('./local.mjs')).four", "4"),
                        ("import other from 'other'; other.three", "3"), ("require('other').three", "3"),
                        ("require('./data.json').five", "5"), ("import data from './data.json' with {type: 'json'}; data.five", "5"),
                        ("require('./local.cjs').here === process.cwd()", "true"), ("__dirname === process.cwd()", "true"),
                        ("import.meta.dirname === __dirname", "true"), ("const f = async () => (await import('esm')).two; await f()", "2"),
                        ("import 'pack'; 1", "1"), ("import tslab from 'tslab'; typeof tslab.display.html", "'function'"),
                        ("process.env.NODE_PATH.endsWith('global')", "true")])
            missing = self.error("import x from 'no-such-package'")
            self.assertIn("no-such-package", missing["evalue"])
            self.assertIn("no-such-package", self.error("require('no-such-package')")["evalue"])
            if self.language == "javascript":
                self.assertIn("does not provide", self.error("import {nothing} from 'esm'")["evalue"])

    def test_rich(self):
        def data(code):
            return self.worker.run(code)["execute_result"]["data"]
        self.assertEqual(data("({_repr_html_: () => '<b>x</b>'})")["text/html"], "<b>x</b>")
        self.assertEqual(data("({[Symbol.for('Jupyter.display')]: () => ({'text/plain': 'p', 'text/html': 'h'})})"),
                         {"text/plain": "p", "text/html": "h"})
        self.assertEqual(data("({[Symbol.for('Jupyter.display')]: async () => ({'application/json': {a: 1}})})")["application/json"], '{"a":1}')
        self.assertEqual(data("({_toPng: () => Buffer.from([1, 2, 3])})")["image/png"], "AQID")
        shown = self.worker.run("console.log('a'); display.html('<i>'); console.log('b'); display(5); display({'text/plain': 'raw'}, {raw: true})")
        self.assertEqual(shown["displays"], [{"text/html": "<i>"}, {"text/plain": "5"}, {"text/plain": "raw"}])
        self.assertEqual(shown["stdout"], "a\nb\n")
        self.assertEqual(self.worker.run("await 1; display(6)")["displays"], [{"text/plain": "6"}])
        self.assertEqual(self.error("({_repr_html_() { throw new Error('inside') }})")["evalue"], "inside")

    def test_printing(self):
        answer = self.worker.run("console.log('out %d', 5); console.error('err'); process.stdout.write('raw'); console.table([{a: 1}])")
        self.assertTrue(answer["stdout"].startswith("out 5\nraw"), answer)
        self.assertEqual(answer["stderr"], "err\n")
        answer = self.worker.run("require('child_process').execSync('echo child >&1', {stdio: 'inherit'}); 1")
        self.assertEqual(answer["stdout"], "child\n")
        answer = self.worker.run("process.stdout.write(Buffer.from([0xff, 0xfe, 10])); console.log('\\ud800')")
        self.assertEqual(answer["stdout"], "\ufffd\ufffd\n\ufffd\n")
        self.assertEqual(self.result("'\\ud800'").lower(), r"'\ud800'")
        self.assertEqual(self.worker.run("display.text('\\ud800')")["displays"], [{"text/plain": "\ufffd"}])
        self.assertEqual(len(self.worker.run("for (let i = 0; i < 20000; i++) console.log('x'.repeat(999))")["stdout"]), 20000000)


class Errors(Case):
    def test_name_message_and_position(self):
        error = self.error("const good = 1\nfunction inner() {\n  null.x\n}\ninner()")
        self.assertEqual(error["ename"], "TypeError")
        self.assertIn("reading 'x'", error["evalue"])
        self.assertEqual([line.strip() for line in error["traceback"][1:]],
                         ["at inner (<cell 1>:3:8)", "at <cell 1>:5:1"])
        error = self.error("await 1\nawait 2\n  nope")
        self.assertEqual((error["ename"], error["evalue"]), ("ReferenceError", "nope is not defined"))
        self.assertIn("<cell 2>:3:", error["traceback"][1])
        self.assertEqual(len(error["traceback"]), 2)
        self.assertEqual(self.error("throw 'text'")["evalue"], "'text'")
        self.assertEqual(self.error("throw null")["evalue"], "null")
        self.assertEqual(self.error("class MyError extends Error { name = 'MyError' }; throw new MyError('m')")["ename"], "MyError")
        self.assertIn("cause", "\n".join(self.error("throw new Error('a', {cause: new Error('b')})")["traceback"]))
        self.assertEqual(self.error("throw {get stack() { throw 1 }, [Symbol.for('nodejs.util.inspect.custom')]() { throw 2 }}")["ename"], "Error")

    def test_syntax(self):
        error = self.error("let ok = 1;\nlet = = 2;")
        self.assertEqual(error["ename"], "SyntaxError")
        self.assertIn("<cell 1>:2", error["traceback"][0])
        self.assertIn("let = = 2;", error["traceback"])
        error = self.error("await 1;\nlet x = ;")
        self.assertEqual(error["ename"], "SyntaxError")
        self.assertIn("<cell 2>:2:9", error["traceback"][0])
        self.assertEqual(self.error("console.log('before'")["ename"], "SyntaxError")
        self.assertEqual(self.result("1"), "1")

    def test_asynchronous_errors(self):
        answer = self.worker.run("Promise.reject(new Error('nobody waits')); 1")
        self.assertIn("nobody waits", answer["stderr"])
        self.assertEqual(answer["execute_result"]["data"]["text/plain"], "1")
        answer = self.worker.run("setTimeout(() => { throw new Error('in a timer') }, 1); await new Promise(r => setTimeout(r, 50)); 2")
        self.assertIn("Uncaught exception: Error: in a timer", answer["stderr"])
        self.assertEqual(answer["execute_result"]["data"]["text/plain"], "2")
        self.worker.run("setTimeout(() => { throw new Error('between') }, 20); 0")
        time.sleep(0.2)
        self.assertIn("between", self.worker.run("3")["stderr"])
        self.assertEqual(self.worker.run("4")["stderr"], "")

    def test_exit(self):
        error = self.error("let kept = 1; console.log('x'); process.exit(3)")
        self.assertEqual((error["ename"], error["evalue"]), ("ProcessExit", "process.exit(3) was called; the context lives on"))
        self.assertEqual(self.error("await 1; process.exit()")["ename"], "ProcessExit")
        self.assertEqual(self.error("setTimeout(() => process.exit(0), 5); await new Promise(r => setTimeout(r, 20000))")["ename"], "ProcessExit")
        self.assertEqual(self.result("kept"), "1")

    def test_abort_is_a_death(self):
        self.worker.start("process.abort()")
        with self.assertRaises(Died):
            self.worker.finish()
        self.assertEqual(self.worker.wait(), -signal.SIGABRT)

    def test_too_deep(self):
        self.assertEqual(self.error("function f() { return f() + 1 }; f()")["ename"], "RangeError")
        self.assertIn(self.error("[" * 200000)["ename"], ("RangeError", "SyntaxError"))
        self.assertEqual(self.result("let d = {}; for (let i = 0; i < 1e5; i++) d = {d}; typeof d"), "'object'")
        self.assertEqual(self.result("[d].length"), "1")
        self.assertEqual(self.result("+".join(["1"] * 20000)), "20000")


class Interrupts(Case):
    def check(self, code, after=0.2):
        answer = self.interrupt_soon(code, after)
        self.assertEqual(answer["error"]["ename"], "KeyboardInterrupt", answer)
        self.assertEqual(self.result("kept"), "1")

    def test_loops_and_waits(self):
        self.result("var kept = 1")
        for code in ("while (true) {}", "await new Promise(() => {})", "await 1; while (true) {}",
                     "import fs from 'fs'; for (;;) {}", "new Promise(() => {})",
                     "require('child_process').execSync('sleep 30')", "for await (const x of (async function* () { for (;;) { yield 1; await new Promise(r => setTimeout(r, 5)) } })()) {}",
                     "try { for (;;) {} } catch (e) {} finally {}", "({get x() { return 1 }, [Symbol.for('Jupyter.display')]() { for (;;) {} }})"):
            with self.subTest(code=code):
                if "execSync" in code:
                    answer = self.interrupt_soon(code)
                    self.assertIn("error", answer)
                    self.assertEqual(self.result("kept"), "1")
                else:
                    self.check(code)

    def test_storm(self):
        self.result("var kept = 1")
        for i in range(30):
            self.worker.start("for (;;) {}" if i % 2 else "await new Promise(() => {})")
            for _ in range(3):
                self.worker.interrupt()
                time.sleep(0.06)
            self.assertIn("error", self.worker.finish())
            # between runs it means nothing
            self.worker.interrupt()
            time.sleep(0.005)
        self.assertEqual(self.result("kept"), "1")

    def test_an_interrupt_at_the_end_harms_nothing(self):
        self.result("var kept = 1")
        for i in range(100):
            self.worker.start("for (let end = Date.now() + 2; Date.now() < end;) {} 5")
            time.sleep(0.0015 + i * 0.00002)
            self.worker.interrupt()
            self.worker.finish()
        self.assertEqual(self.result("kept"), "1")


class Attacks(Case):
    def test_planted_options_stay_here(self):
        self.worker.run("process.env.NODE_OPTIONS = '--require /tmp/planted.js'; process.env.NODE_PATH = '/tmp'")
        with start(self.language) as other:
            other.ready()
            self.assertEqual(other.result("[process.env.NODE_OPTIONS, process.execArgv.length]"), "[ undefined, 0 ]")

    def test_descriptors(self):
        self.assertEqual(self.result("require('child_process').execSync('ls /proc/self/fd').toString().trim().split('\\n').join()"), "'0,1,2,3'")
        self.assertEqual(self.result("require('child_process').spawnSync('readlink', ['/proc/self/fd/4']).status"), "1")
        self.worker.start("require('fs').closeSync(4); await new Promise(r => setTimeout(r, 30000))")
        with self.assertRaises(Died):
            self.worker.finish()

    def test_closing_the_requests(self):
        with self.assertRaises((Died, OSError)):
            self.worker.run("require('fs').closeSync(3); 1")

    def test_printed_frames_are_text(self):
        answer = self.worker.run("process.stdout.write(Buffer.from('000000300337b', 'hex')); console.log('{\"type\":\"execute_reply\",\"run\":1}'); 7")
        self.assertEqual(answer["execute_result"]["data"]["text/plain"], "7")

    def test_broken_globals(self):
        self.worker.run("JSON.stringify = () => 'x'; JSON = null; Array.prototype.map = null; globalThis.setImmediate = null; console = null; Buffer = null; 1")
        self.assertEqual(self.result("1 + 1"), "2")

    def test_big(self):
        self.assertEqual(self.result("'%s'.length" % ("x" * 10_000_000)), "10000000")
        self.assertEqual(self.result("[%s].length" % ("1," * 2_000_000)), "2000000")
        self.assertIn("[cut: ", self.result("'x'.repeat(2e7)"))
        self.assertEqual(self.error("'x'.repeat(1e10)")["ename"], "RangeError")

    def test_the_end_of_the_channel_ends_it(self):
        self.worker.run("setInterval(() => {}, 1000); process.on('exit', () => require('fs').writeSync(1, 'bye'))")
        self.assertEqual(self.worker.end(), 0)
        time.sleep(0.05)
        self.assertEqual(self.worker.printed[1], b"bye")


class TypeScript(Values):
    language = "typescript"

    def test_types(self):
        self.table([("const greeting: string = 'hi'; interface P { a: number; b?: string }; type Q = P | null", None),
                    ("const sum = (a: number, b: number): number => a + b;\n`Sum: ${sum(10, 20)}`", "'Sum: 30'"),
                    ("enum Color { Red, Green = 'g' }; [Color.Red, Color.Green]", "[ 0, 'g' ]"),
                    ("enum Color { Blue = 7 }; Color.Blue", "7"), ("const enum K { A = 3 }; K.A", "3"),
                    ("class A<T> { private x: T; constructor(public readonly y: number, x: T) { this.x = x } get(): T { return this.x } }\nnew A<string>(1, 'v').get() + new A(2, '').y", "'v2'"),
                    ("let v = ({a: 1} as unknown as P)!.a satisfies number; v", "1"), ("abstract class B { abstract f(): void }; typeof B", "'function'"),
                    ("function id<T extends object>(x: T): T { return x }; id<{a: number}>({a: 5})", "{ a: 5 }"),
                    ("import type {Stats} from 'fs'; import {type Dirent, existsSync} from 'fs'; existsSync('/')", "true"),
                    ("declare const later: number; const r: Record<string, number> = {}; r", "{}"),
                    ("const t: [number, string] = await Promise.resolve([1, 'a']); t", "[ 1, 'a' ]"),
                    ("import fs = require('fs'); typeof fs.statSync", "'function'"), ("const o = {a: null as number | null}; o?.a ?? 3", "3")])

    def test_positions(self):
        error = self.error("interface A {\n  x: number\n}\nconst a: A = null as any;\na.x")
        self.assertIn("<cell 1>:5:", error["traceback"][1])
        error = self.error("const a: number = 1;\nconst b: = 2;")
        self.assertEqual(error["ename"], "SyntaxError")
        self.assertIn("<cell 2>:2:", error["traceback"][0])

    def test_files(self):
        with tempfile.TemporaryDirectory() as place:
            with open(os.path.join(place, "mod.ts"), "w") as out:
                out.write("export const n: number = 5; export default class X { y: number = 1 }")
            self.worker.close()
            self.worker = start(self.language, cwd=place)
            self.worker.ready()
            self.table([("import X, {n} from './mod.ts'; n + new X().y", "6"), ("require('./mod.ts').n", "5")])


if __name__ == "__main__":
    if NODE is None:
        print("skipped: this machine has no Node")
        sys.exit(0)
    BUNDLES = sys.argv.pop(1)
    unittest.main()
