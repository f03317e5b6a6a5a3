"""Quick start: a sandbox, a shell command, a file, Python code, and good-bye.

Needs the released packages `opensandbox` and `opensandbox-code-interpreter` and a server (opensandbox server, on
localhost:8080 unless OPEN_SANDBOX_DOMAIN names another). `./dev demo` runs it with everything set up.
"""
import asyncio
from datetime import timedelta

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox
from opensandbox.models import WriteEntry


async def main() -> None:
    sandbox = await Sandbox.create(
        "opensandbox/code-interpreter:v1.0.1",  # any image; this name works without a download
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        env={"PYTHON_VERSION": "3.11"},
        timeout=timedelta(minutes=10),
    )
    print(f"sandbox     {sandbox.id}")

    async with sandbox:
        execution = await sandbox.commands.run("echo Hello from $(uname -n), process $$ of $(ls -d /proc/[0-9]* | wc -l)")
        print(f"command     {execution.logs.stdout[0].text.rstrip()}")

        await sandbox.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello file", mode=644)])
        print(f"file        {await sandbox.files.read_file('/tmp/hello.txt')}")

        interpreter = await CodeInterpreter.create(sandbox)
        result = await interpreter.codes.run(
            """
            import sys
            print(sys.version)
            result = 2 + 2
            result
            """,
            language=SupportedLanguage.PYTHON,
        )
        print(f"Python      {result.logs.stdout[0].text.rstrip()}")
        print(f"result      {result.result[0].text}")

        await sandbox.kill()
    print("killed")


if __name__ == "__main__":
    asyncio.run(main())
