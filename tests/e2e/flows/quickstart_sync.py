"""The synchronous clients with a shared transport: command, file, default context, kill."""
from datetime import timedelta

import httpx
from code_interpreter import CodeInterpreterSync
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.models import WriteEntry

config = ConnectionConfigSync(
    api_key="your-api-key",
    request_timeout=timedelta(seconds=60),
    transport=httpx.HTTPTransport(limits=httpx.Limits(max_connections=20)),
)
sandbox = SandboxSync.create(
    "opensandbox/code-interpreter:v1.0.1",
    connection_config=config,
    entrypoint=["/opt/opensandbox/code-interpreter.sh"],
    env={"PYTHON_VERSION": "3.11"},
)
with sandbox:
    assert sandbox.commands.run("echo 'Hello Sandbox!'").logs.stdout[0].text.rstrip("\n") == "Hello Sandbox!"
    sandbox.files.write_files([WriteEntry(path="/tmp/hello.txt", data="Hello World", mode=0o644)])
    assert sandbox.files.read_file("/tmp/hello.txt") == "Hello World"
    interpreter = CodeInterpreterSync.create(sandbox=sandbox)
    result = interpreter.codes.run("result = 2 + 2\nresult")
    assert result.result[0].text == "4", result
    sandbox.kill()
config.transport.close()
print("flow ok")
