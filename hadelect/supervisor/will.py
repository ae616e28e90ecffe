"""The death notice: the last will of a leadership, sent to every peer when its tree is dead.

It is sent three times because datagrams get lost; a lost notice costs time, never safety. Nothing
here blocks and no error matters.
"""

from __future__ import annotations

import socket
import time

from hadelect.supervisor.packets import JunkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hadelect.supervisor.loop import Loop

AFTER_MS = (0, 5, 20)


class Will:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._peers: list[tuple[socket.socket, tuple[str, int]]] = []
        self._sockets: dict[int, socket.socket] = {}
        self._due = 0  # Notices still to be sent.
        self._is_held = False
        self._held: list[bytes] = []

    def address(self, peers: list[object]) -> int:
        """[[ip, port], …] of every peer, resolved; how many there are. Raises JunkError."""
        found = []
        for peer in peers:
            if not isinstance(peer, list) or len(peer) != 2:
                raise JunkError(f"peers: {peer!r} is no [ip, port]")
            ip, port = peer
            if not isinstance(ip, str) or type(port) is not int or not 0 < port < 65536:
                raise JunkError(f"peers: {peer!r} is no [ip, port]")
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            found.append((self._socket(family), (ip, port)))
        self._peers = found
        return len(found)

    def hold(self, *, held: bool) -> None:
        """Whether notices wait: a command of the dead daemon is still being killed."""
        self._is_held = held
        if not held:
            waiting, self._held = self._held, []
            for notice in waiting:
                self.send(notice)

    def send(self, notice: bytes) -> None:
        if self._is_held:
            self._held.append(notice)
            return
        self._due += len(AFTER_MS)
        self._send(notice)
        for after in AFTER_MS[1:]:
            self._loop.after(after, lambda: self._send(notice))

    def finish(self) -> None:
        """Before this process ends on purpose: let what is due go out."""
        end = time.monotonic() + 0.1
        while self._due > 0 and time.monotonic() < end:
            self._loop.turn()

    def _send(self, notice: bytes) -> None:
        self._due -= 1
        for sock, address in self._peers:
            try:
                sock.sendto(notice, address)
            except OSError:
                continue  # No route, no buffer, an address of no use: the lease still runs out.

    def _socket(self, family: int) -> socket.socket:
        if family not in self._sockets:
            self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        return self._sockets[family]
