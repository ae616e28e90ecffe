"""When processes began and ended, from the kernel itself (netlink connector, CN_PROC).

Law: instants are the kernel's, nanoseconds of CLOCK_MONOTONIC, so that no scheduler's start-up and
no poll of ours is in a measured time.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

NETLINK_CONNECTOR = 11
SO_RCVBUFFORCE = 33
CN_IDX_PROC, CN_VAL_PROC = 1, 1
LISTEN = 1
EXEC, EXIT = 0x00000002, 0x80000000
NLMSG_DONE = 3

_NLMSG = struct.Struct("=IHHII")  # Length, type, flags, sequence, port.
_CN_MSG = struct.Struct("=IIIIHH")  # Index, value, sequence, ack, length, flags.
_EVENT = struct.Struct("=IIQII")  # What, CPU, instant, pid, thread group.

Told = Callable[[int, int, int], None]  # EXEC or EXIT, pid, instant in ns; called by the reader.


class ProcEvents:
    """Last exec and exit of every process since `__enter__`. Raises OSError (needs root)."""

    def __init__(self, told: Told | None = None) -> None:
        self.execs: dict[int, int] = {}
        self.exits: dict[int, int] = {}
        self._told = told
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._socket.bind((0, CN_IDX_PROC))
        body = struct.pack("=I", LISTEN)
        message = _CN_MSG.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(body), 0) + body
        self._socket.send(_NLMSG.pack(_NLMSG.size + len(message), NLMSG_DONE, 0, 0, 0) + message)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def began(self, pid: int) -> int:
        """When it was exec'd (its last exec), in ns."""
        return self._wait(self.execs, pid)

    def ended(self, pid: int) -> int:
        """When it exited, in ns."""
        return self._wait(self.exits, pid)

    def _wait(self, events: dict[int, int], pid: int) -> int:
        deadline = time.monotonic() + 5
        while pid not in events:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the kernel told nothing of {pid}")
            time.sleep(0.002)
        return events[pid]

    def _read(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(4096)
            except OSError:
                return
            if len(datagram) < _NLMSG.size + _CN_MSG.size + _EVENT.size:
                continue
            what, _, instant, pid, group = _EVENT.unpack_from(datagram, _NLMSG.size + _CN_MSG.size)
            if pid != group or what not in (EXEC, EXIT):
                continue
            if what == EXEC:
                self.execs[pid] = instant
                self.exits.pop(pid, None)
            else:
                self.exits[pid] = instant
            if self._told is not None:
                self._told(what, pid, instant)


def available() -> bool:
    try:
        with ProcEvents() as events:
            pid = os.posix_spawnp("true", ["true"], os.environ)
            os.waitpid(pid, 0)
            return events.ended(pid) >= events.began(pid)
    except (OSError, TimeoutError):
        return False
