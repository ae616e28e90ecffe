"""Alive messages as they leave a member, read off its network card.

Law 1: instants are the kernel's, put on the frame when it leaves; the member is not asked.
Law 2: `lateness` is pure: how much later than one heartbeat after the last each Alive left.
"""

import ctypes
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from google.protobuf.message import DecodeError

from hadelect.pb.election_pb2 import Envelope
from tests.e2e import lan

ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800
SO_TIMESTAMPNS, SO_ATTACH_FILTER = 35, 26
DATA = 0
_TIMESPEC = struct.Struct("@ll")


@dataclass(frozen=True, slots=True)
class Alive:
    at: int  # ns, CLOCK_REALTIME: only differences are used.
    target: str  # IPv4 address.
    term: int


def lateness(alives: Iterable[Alive], heartbeat_ms: float) -> list[float]:
    """In ms, of every Alive that followed another one of its leadership to the same peer."""
    lines: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for alive in sorted(alives, key=lambda alive: alive.at):
        lines[alive.target, alive.term].append(alive.at)
    return [
        max(0.0, (then - first) / 1e6 - heartbeat_ms)
        for instants in lines.values()
        for first, then in pairwise(instants)
    ]


def in_segment(payload: bytes) -> Iterator[Envelope]:
    """The envelopes that begin in a TCP segment at a frame's begin; anything else is skipped."""
    while len(payload) >= 9:
        length, kind = int.from_bytes(payload[:3], "big"), payload[3]
        body, payload = payload[9 : 9 + length], payload[9 + length :]
        if kind == DATA and len(body) > 5:
            try:
                yield Envelope.FromString(body[5:])
            except DecodeError:
                return


class Listener:
    """Hears the Alives of one host while open, and nothing from or to an address or a TCP port."""

    def __init__(
        self, namespace: str, address: str, deaf_to: str = "0.0.0.0", deaf_to_port: int = 0
    ) -> None:
        self.heard: list[Alive] = []
        self._address = socket.inet_aton(address)
        self._socket = lan.socket_in(
            namespace, socket.SOCK_RAW, socket.AF_PACKET, socket.htons(ETH_P_ALL)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        _attach(self._socket, socket.inet_aton(deaf_to), deaf_to_port)
        self._socket.settimeout(0.1)
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while self._open:
            try:
                frame, extras, _, _ = self._socket.recvmsg(1 << 16, 64)
            except TimeoutError:
                continue
            at = next((_TIMESPEC.unpack(data) for *_, data in extras), None)
            if at is not None and frame[23] == socket.IPPROTO_TCP and frame[26:30] == self._address:
                self._note(at[0] * 1_000_000_000 + at[1], frame)

    def _note(self, at: int, frame: bytes) -> None:
        segment = 14 + 4 * (frame[14] & 15)
        payload = frame[segment + 4 * (frame[segment + 12] >> 4) :]
        for envelope in in_segment(payload):
            if envelope.WhichOneof("message") == "alive":
                target = socket.inet_ntoa(frame[30:34])
                self.heard.append(Alive(at, target, envelope.alive.term))


def _attach(sniffer: socket.socket, deaf_to: bytes, port: int) -> None:
    """A filter in the kernel: IPv4, neither from nor to one address or port: what it has to drop
    must not crowd out what it is for.
    """
    address = int.from_bytes(deaf_to, "big")
    program = [
        (0x28, 0, 0, 12),  # The Ethernet type …
        (0x15, 0, 9, ETH_P_IP),  # … is IPv4, else no.
        (0x20, 0, 0, 26),
        (0x15, 7, 0, address),
        (0x20, 0, 0, 30),
        (0x15, 5, 0, address),
        (0xB1, 0, 0, 14),  # The length of its header; after it the ports.
        (0x48, 0, 0, 14),
        (0x15, 2, 0, port),
        (0x48, 0, 0, 16),
        (0x15, 0, 1, port),
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 0xFFFFFFFF),
    ]
    packed = b"".join(struct.pack("@HBBI", *line) for line in program)
    memory = ctypes.create_string_buffer(packed)
    pointer = struct.pack("@HxxxxxxP", len(program), ctypes.addressof(memory))
    sniffer.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
