"""A directory of the server's machine in a sandbox: `python volumes.py DIRECTORY`. Servers that cannot mount say so."""

import sys

from opensandbox import SandboxSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import Host, Volume

directory = sys.argv[1] if len(sys.argv) > 1 else "/tmp"
try:
    sandbox = SandboxSync.create("host", volumes=[Volume(name="data", mount_path="/mnt/data", host=Host(path=directory), read_only=True)])
except SandboxApiException as error:
    print("refused:", error.error.message)
else:
    with sandbox:
        print("listed:", sandbox.commands.run("ls /mnt/data").exit_code == 0)
        sandbox.kill()
