"""Framed JSON messages to and from execd over a unix socket (../README.md has the format).

Trap: a signal handler may raise anywhere, also while a message is being sent. One frame is one packet, and a message
that was cut short is dropped by the receiver when the next one begins.
"""

import _thread
import array
import json
import os
import socket
import struct

FIRST, LAST = 1, 2             # flags of a frame: begins a message, ends a message
HEADER = struct.Struct(">IB")  # length of what follows the length, flags
PART_BYTES = 64 * 1024         # payload of one frame


class Channel:
    """One end of a SOCK_SEQPACKET socket, one frame per packet. send() may be called by several threads."""

    def __init__(self, fd):
        self._lock = _thread.allocate_lock()
        self._sock = socket.socket(fileno=fd)
        os.set_inheritable(fd, False)

    def fileno(self):
        return self._sock.fileno()

    def send(self, message, fds=()):
        # Lone surrogates have no UTF-8 form; they become "?".
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        with self._lock:
            flags = FIRST
            for start in range(0, max(len(data), 1), PART_BYTES):
                part = data[start:start + PART_BYTES]
                if start + PART_BYTES >= len(data):
                    flags |= LAST
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds and flags & FIRST else []
                self._sock.sendmsg([HEADER.pack(len(part) + 1, flags), part], rights)
                flags = 0

    def receive(self):
        """The next message and the descriptors that came with it; (None, []) when execd is gone."""
        parts, fds = [], []
        while True:
            packet, ancillary, _, _ = self._sock.recvmsg(PART_BYTES + HEADER.size, 1024)
            if not packet:
                return None, fds
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    received = array.array("i")
                    received.frombytes(data[:len(data) - len(data) % received.itemsize])
                    for fd in received:
                        os.set_inheritable(fd, False)
                    fds.extend(received)
            flags = packet[HEADER.size - 1]
            if flags & FIRST:
                parts = []
            parts.append(packet[HEADER.size:])
            if flags & LAST:
                return json.loads(b"".join(parts).decode("utf-8")), fds

    def replace(self, fd):
        """In a fork of a context: goes on with another socket. A lock that a thread of the parent held is left behind."""
        self._lock = _thread.allocate_lock()
        self._sock.close()
        self._sock = socket.socket(fileno=fd)
        os.set_inheritable(fd, False)

    def close(self):
        self._sock.close()
