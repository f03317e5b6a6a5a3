"""A prompt whose code runs in a sandbox: `python repl.py`, a line at a time; `exit` ends it."""

import sys

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from opensandbox import SandboxSync

with SandboxSync.create("opensandbox/code-interpreter") as sandbox:
    codes = CodeInterpreterSync.create(sandbox).codes
    context = codes.create_context(SupportedLanguage.PYTHON)
    print("Python in a sandbox; exit ends it")
    print(">>> ", end="", flush=True)
    for line in sys.stdin:
        if line.strip() == "exit":
            break
        run = codes.run(line, context=context)
        if run.text:
            print(run.text)
        if run.error:
            print(f"{run.error.name}: {run.error.value}")
        print(">>> ", end="", flush=True)
    sandbox.kill()
