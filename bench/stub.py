"""Answers the released client at once, with nothing behind it: what a run against it takes is the client's own time."""
import asyncio
import json
import sys
import uuid


def response(status, body=b"", kind="application/json"):
    return (f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


async def serve(reader, writer):
    host, port = writer.get_extra_info("sockname")[:2]
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split("\r\n")[0].split(" ")
            size = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
            if size:
                await reader.readexactly(size)
            if method == "POST" and path.endswith("/sandboxes"):
                body = {"id": str(uuid.uuid4()), "status": {"state": "Running"}, "createdAt": "2026-01-01T00:00:00Z",
                        "expiresAt": "2027-01-01T00:00:00Z", "entrypoint": ["x"]}
                writer.write(response(202, json.dumps(body).encode()))
            elif "/endpoints/" in path:
                writer.write(response(200, json.dumps({"endpoint": f"{host}:{port}"}).encode()))
            elif path in ("/command", "/code"):
                shown = [{"type": "result", "results": {"text": "2", "text/plain": "2"}, "timestamp": 1}] if path == "/code" else []
                events = [{"type": "init", "text": "0" * 32, "timestamp": 1}, *shown,
                          {"type": "execution_complete", "execution_time": 1, "timestamp": 1}]
                body = b"".join(json.dumps(e).encode() + b"\n\n" for e in events)
                writer.write(response(200, body, "text/event-stream"))
            elif method == "DELETE":
                writer.write(b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(response(200))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1000)
    print("up", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
