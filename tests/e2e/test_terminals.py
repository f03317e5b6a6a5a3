"""A terminal in a sandbox, used with somebody else's WebSocket: directly, and through the server's proxy."""
import json

import pytest
from test_rings import HERE, node, run


@pytest.mark.parametrize("way", ["direct", "proxied"])
def test_terminal(server, sandbox, way):
    endpoint = server.endpoint(sandbox["id"])
    address = endpoint["endpoint"] if way == "direct" else f"{server.address}/v1/sandboxes/{sandbox['id']}/proxy/44772"
    run([node(), HERE / "node" / "terminal.mjs"], server, TERMINAL_ADDRESS=address, TERMINAL_HEADERS=json.dumps(endpoint["headers"]))
