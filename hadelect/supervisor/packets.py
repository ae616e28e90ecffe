"""What daemon, supervisor and init say to each other: one JSON object per SOCK_SEQPACKET packet.

1. Every object has a text `do`; every command about a tree carries its `term`.
2. Nothing here blocks. A packet that is none of ours is JunkError with the reason, never a guess.
3. Descriptors travel beside the object and belong to who received them.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct

MAX_BYTES = 128 * 1024  # An environment may be long.
MAX_FDS = 4
MAX_NUMBER = 2**63 - 1
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
_ANCILLARY = socket.CMSG_SPACE(MAX_FDS * 4) + socket.CMSG_SPACE(_CREDENTIALS.size)

Body = dict[str, object]


class JunkError(ValueError):
    """The other end said something that is none of our words."""


class Packet:
    __slots__ = ("body", "do", "fds", "pid")

    def __init__(self, body: Body, fds: list[int], pid: int) -> None:
        self.body = body
        self.do = text(body, "do")
        self.fds = fds
        self.pid = pid  # Of the process that it is about, in our numbers; 0 = not told.


def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def send(sock: socket.socket, body: Body, fds: tuple[int, ...] = ()) -> bool:
    """False when the other end is gone or has not read for so long that nothing more fits."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())
    return _send(sock, body, [rights] if fds else [])


def send_about(sock: socket.socket, body: Body, pid: int) -> bool:
    """As `send`; the kernel translates `pid` into the numbers of who receives it.

    Root of its own PID namespace may speak of others this way; a pid that has just ended is
    left out.
    """
    about = _CREDENTIALS.pack(pid, os.geteuid(), os.getegid())
    try:
        return _send(sock, body, [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, about)])
    except (ProcessLookupError, PermissionError):
        return _send(sock, body, [])


def _send(sock: socket.socket, body: Body, ancillary: list[tuple[int, int, bytes]]) -> bool:
    packet = json.dumps(body, separators=(",", ":")).encode()
    if len(packet) > MAX_BYTES:
        raise ValueError(f"{len(packet)} bytes, at most {MAX_BYTES} fit; shorten the environment")
    try:
        sock.sendmsg([packet], ancillary)
    except (ProcessLookupError, PermissionError):
        raise  # See send_about.
    except OSError:
        return False
    return True


def receive(sock: socket.socket) -> Packet | None:
    """The next packet; None when the other end is closed.

    Raises BlockingIOError when nothing waits, JunkError when it is none of ours.
    """
    try:
        read, ancillary, flags, _ = sock.recvmsg(MAX_BYTES, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None
    fds, pid = _beside(ancillary)
    if not read and not ancillary:
        return None
    cut = flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
    try:
        return Packet(_object(read, is_cut=bool(cut)), fds, pid)
    except JunkError:
        for fd in fds:
            os.close(fd)
        raise


def _beside(ancillary: list[tuple[int, int, bytes]]) -> tuple[list[int], int]:
    """Descriptors and the pid that came beside a packet."""
    fds = array.array("i")
    pid = 0
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        elif kind == socket.SCM_CREDENTIALS:
            pid = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
    return list(fds), pid


def _object(read: bytes, *, is_cut: bool) -> Body:
    if is_cut:
        raise JunkError("longer than any packet of ours")
    try:
        body = json.loads(read)
    except (ValueError, RecursionError) as error:
        raise JunkError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise JunkError("not a JSON object")
    return body


# --- reading one field, strictly ---


def is_text(value: object) -> bool:
    """What the kernel takes as a path, an argument or a variable."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:  # Half of a character.
        return False


def text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not is_text(value):
        raise JunkError(f"{name}: a text is needed")
    return value


def number(body: Body, name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise JunkError(f"{name}: a whole number of at least 0 is needed")
    return value


def truth(body: Body, name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise JunkError(f"{name}: true or false is needed")
    return value


def entries(body: Body, name: str) -> list[object]:
    value = body.get(name)
    if not isinstance(value, list):
        raise JunkError(f"{name}: a list is needed")
    return value


def texts(body: Body, name: str) -> list[str]:
    found = [entry for entry in entries(body, name) if isinstance(entry, str) and is_text(entry)]
    if len(found) != len(entries(body, name)):
        raise JunkError(f"{name}: a list of texts is needed")
    return found
