"""The released code interpreter client: from nothing to the first result of Python, with several servers in turns. Arguments: how often,
addresses. Prints JSON: the times for each address."""
import json
import sys
import time

from code_interpreter import CodeInterpreterSync
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync

often, addresses = int(sys.argv[1]), sys.argv[2:]


def first_result(address):
    begin = time.perf_counter()
    sandbox = SandboxSync.create("opensandbox/code-interpreter:latest", entrypoint=["/opt/opensandbox/code-interpreter.sh"],
                                 connection_config=ConnectionConfigSync(domain=address))
    with sandbox:
        run = CodeInterpreterSync.create(sandbox=sandbox).codes.run("1 + 1", language="python")
        took = time.perf_counter() - begin
        assert run.result[0].text == "2", run
        sandbox.kill()
    return took


times = [[] for _ in addresses]
for _ in range(often):
    for address, took in zip(addresses, times):
        took.append(first_result(address))
print(json.dumps(times))
