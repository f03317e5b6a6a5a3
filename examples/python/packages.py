"""Install a package with pip and use it. Give names as arguments, or see a package that this program writes itself."""

import sys

from code_interpreter import CodeInterpreterSync, SupportedLanguage
from opensandbox import SandboxSync

INSTALL = """
import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", "/tmp/site", *{arguments!r}], check=True)
sys.path.insert(0, "/tmp/site")
"""

with SandboxSync.create("opensandbox/code-interpreter") as sandbox:
    codes = CodeInterpreterSync.create(sandbox).codes
    context = codes.create_context(SupportedLanguage.PYTHON)
    arguments, code = sys.argv[1:], f"import {sys.argv[1]} as it\nit" if sys.argv[1:] else "import tiny\ntiny.answer"
    if not arguments:
        sandbox.files.write_file("/tmp/tiny/pyproject.toml", '[project]\nname = "tiny"\nversion = "1"\n')
        sandbox.files.write_file("/tmp/tiny/tiny.py", "answer = 42\n")
        arguments = ["--no-index", "--no-build-isolation", "/tmp/tiny"]
    run = codes.run(INSTALL.format(arguments=arguments), context=context)
    if run.error:
        print("pip failed:", run.logs.stderr[-1].text if run.logs.stderr else run.error.value)
    else:
        print("installed:", codes.run(code, context=context).text)
    sandbox.kill()
