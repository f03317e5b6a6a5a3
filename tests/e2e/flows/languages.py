"""Every language as the interpreter documents show it: samples of the documents, state, errors, isolation, contexts of a language."""
import asyncio
import os
from datetime import timedelta

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig


def printed(run):
    return "".join(message.text for message in run.logs.stdout)  # a line may come in pieces


async def java(codes):
    context = await codes.create_context(SupportedLanguage.JAVA)
    run = await codes.run(
        'System.out.println("Calculating sum...");\nint a = 10;\nint b = 20;\nint sum = a + b;\nSystem.out.println("Sum: " + sum);\nsum', context=context)
    assert printed(run) == "Calculating sum...\nSum: 30\n" and run.result[0].text == "30" and run.id, run
    run = await codes.run("sum * 2", context=context)
    assert run.result[0].text == "60", run
    run = await codes.run("int zero = 0; 1 / zero", context=context)
    assert run.error and run.error.name == "EvalException" and "/ by zero" in run.error.value + str(run.error.traceback), run
    run = await codes.run("int n = \"text\";", context=context)
    assert run.error and "incompatible types" in run.error.value + str(run.error.traceback), run
    run = await codes.run("a + b", context=context)
    assert run.result[0].text == "30", run


async def go(codes):
    context = await codes.create_context(SupportedLanguage.GO)
    run = await codes.run(
        '\npackage main\n\nimport "fmt"\n\nfunc main() {\n    x := 10\n    y := 20\n    fmt.Printf("Sum: %d\\n", x+y)\n}\n', context=context)
    assert printed(run) == "Sum: 30\n" and not run.error, run
    run = await codes.run('package main\nfunc main() { println("Running in Go") }', context=context)
    assert "Running in Go" in run.logs.stderr[0].text and not run.error, run
    run = await codes.run('import "strings"\nfunc shout(s string) string { return strings.ToUpper(s) }\nword := shout("go")\nword', context=context)
    assert run.result[0].text.strip('"') == "GO", run
    run = await codes.run('%%\nimport "fmt"\nfmt.Println(shout(word + "!"))', context=context)
    assert printed(run) == "GO!\n", run
    run = await codes.run("undefinedName + 1", context=context)
    assert run.error and "undefinedName" in run.error.value + str(run.error.traceback), run


async def typescript(codes):
    context = await codes.create_context(SupportedLanguage.TYPESCRIPT)
    run = await codes.run(
        '\nconst greeting: string = "Hello from TypeScript!";\nconsole.log(greeting);\n'
        "const sum = (a: number, b: number): number => a + b;\nconsole.log(`Sum: ${sum(10, 20)}`);\n", context=context)
    assert printed(run) == "Hello from TypeScript!\nSum: 30\n", run
    run = await codes.run("enum Colour { Red, Green }\ninterface P { x: number }\nconst p: P = { x: sum(1, Colour.Green) };\np.x", context=context)
    assert run.result[0].text == "2", run


async def javascript(codes):
    context = await codes.create_context(SupportedLanguage.JAVASCRIPT)
    run = await codes.run("const os = require('os');\nlet n = await Promise.resolve(20);\nconsole.log(typeof os.EOL);\nn + 1", context=context)
    assert printed(run) == "string\n" and run.result[0].text == "21", run
    run = await codes.run("n += 1; n", context=context)
    assert run.result[0].text == "21", run
    run = await codes.run("nothing.here", context=context)
    assert run.error and run.error.name == "ReferenceError" and "nothing" in run.error.value, run


async def bash(codes):
    context = await codes.create_context(SupportedLanguage.BASH)
    await codes.run("cd /tmp; word=kept; twice() { echo \"$1$1\"; }", context=context)
    run = await codes.run("twice $word; pwd; echo oops >&2", context=context)
    assert printed(run) == "keptkept\n/tmp\n" and run.logs.stderr[0].text.strip() == "oops", run
    run = await codes.run("false", context=context)
    assert run.error, run


async def main():
    config = ConnectionConfig(request_timeout=timedelta(seconds=60))
    sandbox = await Sandbox.create(
        os.environ["FLOW_INTERPRETER"], connection_config=config, entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        env={"PYTHON_VERSION": "3.11", "JAVA_VERSION": "17", "NODE_VERSION": "20", "GO_VERSION": "1.24"})
    async with sandbox:
        codes = (await CodeInterpreter.create(sandbox=sandbox)).codes
        for language in (java, go, typescript, javascript, bash):
            await language(codes)
        # What one language has, another has not; and without a context each has its own.
        await codes.run("x = 1", language=SupportedLanguage.PYTHON)
        run = await codes.run("typeof x", language=SupportedLanguage.JAVASCRIPT)
        assert run.result[0].text.strip("'") == "undefined", run
        contexts = await codes.list_contexts(SupportedLanguage.GO)
        assert len(contexts) == 1, contexts
        await codes.delete_contexts(SupportedLanguage.GO)
        assert await codes.list_contexts(SupportedLanguage.GO) == []
        await sandbox.kill()
    print("flow ok")


asyncio.run(main())
