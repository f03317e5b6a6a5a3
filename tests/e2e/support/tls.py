"""Certificates of the test's own, and servers that speak TLS with them."""
import select
import socket
import ssl
import subprocess
import threading
from pathlib import Path


class Authority:
    """Vouches for hosts. Its certificate is in `file`."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.file = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        self._openssl("req", "-x509", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.file, "-days", "2",
                      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    @staticmethod
    def _openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)

    def context(self, *hosts: str) -> ssl.SSLContext:
        """What a server of these hosts (`DNS:name`, `IP:number`) needs."""
        stem = self.directory / f"{self.name}-{len(list(self.directory.iterdir()))}"
        key, request, certificate, names = (stem.with_suffix(end) for end in (".key", ".csr", ".pem", ".names"))
        names.write_text(f"subjectAltName={','.join(hosts)}\n")
        self._openssl("req", "-new", "-subj", "/CN=test", "-keyout", key, "-out", request, "-newkey", "ec",
                      "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
                      "-extfile", names, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class TlsServer:
    """Serves each connection with `serve(plain_side)` in a thread of its own. A context manager.

    `requests` counts the connections over which a client has sent anything after the handshake.
    """

    def __init__(self, context: ssl.SSLContext, serve) -> None:
        self._context = context
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests = 0
        self.handshakes = 0

    def __enter__(self) -> "TlsServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        self.handshakes += 1
        try:
            with self._context.wrap_socket(connection, server_side=True) as secure:
                first = secure.recv(1 << 16)
                if first:
                    self.requests += 1
                    self._serve(secure, first)
        except OSError:  # of TLS too: the client did not like what it saw, or went away
            pass


def proxy_to(address: str):
    """Hands everything on to a server that speaks no TLS."""
    host, port = address.rsplit(":", 1)

    def serve(secure: ssl.SSLSocket, first: bytes) -> None:
        with socket.create_connection((host, int(port))) as plain:
            plain.sendall(first)
            while _pass_on(secure, plain):
                pass

    return serve


def _pass_on(secure: ssl.SSLSocket, plain: socket.socket) -> bool:
    """What is there now, both ways, in one thread: OpenSSL allows no two at one connection. False at an end."""
    ready = [secure] if secure.pending() else select.select([secure, plain], [], [], 120)[0]
    for source in ready:
        data = source.recv(1 << 16)
        (plain if source is secure else secure).sendall(data)
        if not data:
            return False
    return bool(ready)
