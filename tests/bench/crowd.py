"""Many status watchers in one small process: each a connection of its own to one member.

    crowd.py HOST PORT COUNT

Law 1: HTTP/2 by hand, no gRPC: what is measured is the member, not the client's library.
Law 2: stdout says `seated` when every watcher has had its first reply. Each line on stdin is bytes,
       in hex, to wait for in a reply; the answer is one line of JSON: for every watcher the instant
       (CLOCK_MONOTONIC, ns) at which it first read them.
"""

import json
import selectors
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4
WIDE = 2**31 - 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header field that nobody needs to remember (HPACK, without indexing, no Huffman)."""
    return b"\0" + b"".join(bytes([len(word)]) + word.encode() for word in (name, value))


def opening(authority: str) -> bytes:
    """Preface, settings, and one call of Watch with an empty request."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/hadelect.v1.Control/Watch",
        ":authority": authority,
        "te": "trailers",
        "content-type": "application/grpc",
    }
    headers = b"".join(literal(name, value) for name, value in fields.items())
    return b"".join(
        (
            PREFACE,
            frame(SETTINGS, 0, 0, struct.pack("!HI", 4, WIDE)),  # Initial window of streams.
            frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", WIDE - 65535)),
            frame(HEADERS, END_HEADERS, 1, headers),
            frame(DATA, END_STREAM, 1, bytes(5)),
        )
    )


class Watcher:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.sendall(opening(f"{address[0]}:{address[1]}"))
        self.told: int | None = None
        self._unread = b""

    def read(self, wanted: bytes) -> bool:
        """Take what has come; whether `wanted` was in it for the first time."""
        was = self.told
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("the member hung up")
        self._unread += more
        while len(self._unread) >= 9:
            length = int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < 9 + length:
                break
            kind, flags = self._unread[3], self._unread[4]
            payload = self._unread[9 : 9 + length]
            self._unread = self._unread[9 + length :]
            if kind == GOAWAY:
                raise ConnectionError("the member says goodbye")
            if kind in {SETTINGS, PING} and not flags & ACK:
                answer = payload if kind == PING else b""
                self.socket.sendall(frame(kind, ACK, 0, answer))
            if kind == DATA and self.told is None and wanted in payload:
                self.told = time.monotonic_ns()
        return was is None and self.told is not None


def main() -> None:
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chooser = selectors.DefaultSelector()
    watchers = []
    for _ in range(count):
        watcher = Watcher((host, port))
        watchers.append(watcher)
        chooser.register(watcher.socket, selectors.EVENT_READ, watcher)
    gather(chooser, watchers, b"")
    print("seated", flush=True)
    chooser.register(sys.stdin, selectors.EVENT_READ, None)
    wanted = b"\xff" * 64  # Nothing yet.
    while True:
        for key, _ in chooser.select():
            if key.data is not None:
                key.data.read(wanted)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            for watcher in watchers:
                watcher.told = None
            wanted = bytes.fromhex(line)
            chooser.unregister(sys.stdin)
            gather(chooser, watchers, wanted)
            chooser.register(sys.stdin, selectors.EVENT_READ, None)
            print(json.dumps([watcher.told for watcher in watchers]), flush=True)


def gather(chooser: selectors.BaseSelector, watchers: list[Watcher], wanted: bytes) -> None:
    """Read until every watcher has been told."""
    left = sum(watcher.told is None for watcher in watchers)
    while left:
        for key, _ in chooser.select():
            left -= key.data.read(wanted)


if __name__ == "__main__":
    main()
