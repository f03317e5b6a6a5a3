"""Stands in for the lifecycle server, for clients that talk to a stand-alone execd: one sandbox, always running."""
import http.server
import json
import threading
import uuid

RUNNING = {"status": {"state": "Running"}, "createdAt": "2026-01-01T00:00:00Z", "expiresAt": "2036-01-01T00:00:00Z",
           "entrypoint": ["sleep"], "image": {"uri": "none"}, "metadata": {}}


class Lifecycle(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, execd):
        super().__init__(("127.0.0.1", 0), Handler)
        self.execd = execd
        self.sandbox = str(uuid.uuid4())
        self.address = "127.0.0.1:%d" % self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(202, {"id": self.server.sandbox, **RUNNING})

    def do_GET(self):
        if "/endpoints/" in self.path:
            return self.answer(200, {"endpoint": self.server.execd})
        self.answer(200, {"id": self.server.sandbox, **RUNNING})

    def do_DELETE(self):
        self.answer(204, None)

    def answer(self, status, body):
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass
