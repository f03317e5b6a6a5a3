"""A sandbox counts as ready when the web server inside it answers."""

import asyncio
import urllib.request

from opensandbox import Sandbox


async def answers(sandbox: Sandbox) -> bool:
    endpoint = await sandbox.get_endpoint(8000)
    request = urllib.request.Request(f"http://{endpoint.endpoint}/", headers=endpoint.headers)
    try:
        with await asyncio.to_thread(urllib.request.urlopen, request, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


async def main() -> None:
    serve = ["python3", "-m", "http.server", "8000", "--directory", "/tmp"]
    async with await Sandbox.create("host", entrypoint=serve, health_check=answers) as sandbox:
        print("healthy:", await sandbox.is_healthy())
        await sandbox.kill()


asyncio.run(main())
