"""Code contexts as the interpreter documents show them: created and default contexts, state, streaming, two contexts."""
import asyncio
from datetime import timedelta

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig
from opensandbox.models.execd import ExecutionHandlers


async def main():
    config = ConnectionConfig(api_key="your-api-key", request_timeout=timedelta(seconds=60))
    sandbox = await Sandbox.create(
        "sandbox-registry.cn-zhangjiakou.cr.aliyuncs.com/opensandbox/code-interpreter:latest",
        connection_config=config,
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        env={"PYTHON_VERSION": "3.11", "JAVA_VERSION": "17", "NODE_VERSION": "20", "GO_VERSION": "1.24"},
    )
    async with sandbox:
        codes = (await CodeInterpreter.create(sandbox=sandbox)).codes
        context = await codes.create_context(SupportedLanguage.PYTHON)

        run = await codes.run("import sys\nprint(sys.version)\nresult = 2 + 2\nresult", context=context)
        assert run.result[0].text == "4" and run.logs.stdout[0].text.startswith("3."), run

        # No context id: a default context per language, which keeps its state.
        run = await codes.run("result = 2 + 2\nresult", language=SupportedLanguage.PYTHON)
        assert run.result and run.result[0].text == "4", run
        await codes.run("x = 42", language=SupportedLanguage.PYTHON)
        run = await codes.run("result = x\nresult", language=SupportedLanguage.PYTHON)
        assert run.result and run.result[0].text == "42", run

        # State inside one context, not seen by another one.
        await codes.run("users = ['Alice', 'Bob', 'Charlie']\nprint(len(users))", context=context)
        run = await codes.run("users.append('Dave')\nprint(users)\nresult = users\nresult", context=context)
        assert run.result[0].text == "['Alice', 'Bob', 'Charlie', 'Dave']", run
        other = await codes.create_context(SupportedLanguage.PYTHON)
        run = await codes.run("users", context=other)
        assert run.error and run.error.name == "NameError", run

        seen = []

        async def on_stdout(message):
            seen.append(message.text)

        async def on_stderr(message):
            seen.append("E:" + message.text)

        await codes.run(
            "import sys, time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.05)\nprint('e', file=sys.stderr)",
            context=context,
            handlers=ExecutionHandlers(on_stdout=on_stdout, on_stderr=on_stderr),
        )
        assert "".join(t for t in seen if t[0] != "E").split() == list("01234"), seen
        assert any(t.startswith("E:e") for t in seen), seen
        await sandbox.kill()
    print("flow ok")


asyncio.run(main())
