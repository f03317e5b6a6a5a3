"""Round trips through a terminal: a raw WebSocket client, and the floor, the same program on a local terminal."""
import json
import os
import pty
import socket
import struct
import subprocess
import time

import load

# Every byte goes through a program, not only through the kernel's echo.
ECHO = "stty raw -echo; printf ready; exec cat"


class Floor:
    def __init__(self):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile", "-c", ECHO], stdin=theirs, stdout=theirs, stderr=theirs,
                                        start_new_session=True)
        os.close(theirs)
        seen = b""
        while not seen.endswith(b"ready"):
            seen += os.read(self.ours, 100)

    def round_trip(self):
        begin = time.perf_counter()
        os.write(self.ours, b"x")
        os.read(self.ours, 100)
        return time.perf_counter() - begin

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


class Terminal:
    """A session of execd that runs ECHO, held by this client."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.rest = load.Kept(endpoint["endpoint"])
        reply = self.rest.call(load.message("POST", "/pty", {"command": ECHO}, endpoint["headers"]), expect=201)
        self.id = json.loads(reply)["session_id"]
        self.socket = load.Kept(endpoint["endpoint"]).socket
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **endpoint["headers"]}
        self.socket.sendall(load.message("GET", f"/pty/{self.id}/ws", None, headers))
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head:
            raise RuntimeError(head)
        seen = b""
        while not seen.endswith(b"ready"):
            opcode, payload = self.frame()
            seen += payload[1:] if opcode == 2 else b""
        mask = b"\x01\x02\x03\x04"
        self.typed = b"\x82\x82" + mask + bytes(a ^ b for a, b in zip(b"\x00x", mask))

    def read(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data

    def frame(self):
        """(opcode, payload) of the next frame; the daemon sends none in fragments."""
        while True:
            if len(self.buffer) >= 2:
                size, at = self.buffer[1], 2
                if size == 126 and len(self.buffer) >= 4:
                    size, at = struct.unpack(">H", self.buffer[2:4])[0], 4
                if size <= 125 or at > 2:
                    if len(self.buffer) >= at + size:
                        payload, opcode = self.buffer[at:at + size], self.buffer[0] & 15
                        self.buffer = self.buffer[at + size:]
                        return opcode, payload
            self.read()

    def round_trip(self):
        begin = time.perf_counter()
        self.socket.sendall(self.typed)
        self.frame()
        return time.perf_counter() - begin

    def close(self):
        self.rest.call(load.message("DELETE", f"/pty/{self.id}", None, self.endpoint["headers"]))
        self.socket.close()


def round_trips(terminal, count):
    try:
        for _ in range(100):
            terminal.round_trip()
        return [terminal.round_trip() for _ in range(count)]
    finally:
        terminal.close()
