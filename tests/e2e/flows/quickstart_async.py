"""The platform's quick start: command, file, Python code, kill; each value checked."""
import asyncio
import re
from datetime import timedelta

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox
from opensandbox.models import WriteEntry


async def main():
    sandbox = await Sandbox.create(
        "sandbox-registry.cn-zhangjiakou.cr.aliyuncs.com/opensandbox/code-interpreter:v1.0.1",
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        env={"PYTHON_VERSION": "3.11"},
        timeout=timedelta(minutes=10),
    )
    async with sandbox:
        execution = await sandbox.commands.run("echo 'Hello OpenSandbox!'")
        assert len(execution.logs.stdout) == 1, execution
        assert execution.logs.stdout[0].text.rstrip("\n") == "Hello OpenSandbox!", execution

        await sandbox.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello World", mode=644)])
        assert await sandbox.files.read_file("/tmp/hello.txt") == "Hello World"

        interpreter = await CodeInterpreter.create(sandbox)
        code = """
                  import sys
                  print(sys.version)
                  result = 2 + 2
                  result
              """
        result = await interpreter.codes.run(code, language=SupportedLanguage.PYTHON)
        assert result.result[0].text == "4", result
        assert re.match(r"3\.\d+\.\d+", result.logs.stdout[0].text), result
        await sandbox.kill()
    print("flow ok")


asyncio.run(main())
