"""The UDP side of the HAD_LIST port: death notices and probes, in and out.

Law 1: whatever arrives is decoded strictly; junk is counted and costs nothing else.
Law 2: nothing here waits: a datagram that cannot be sent now is lost, as datagrams may be.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Any

from hadelect.core.effects import SendDatagram
from hadelect.core.events import Received, Released
from hadelect.core.messages import Probe, ProbeReply, Proof
from hadelect.core.vocabulary import Millis, Name, Rules, Term
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.peers import Ears
from hadelect.runtime.resolver import AddressBook
from hadelect.supervisor import notice


@dataclass(frozen=True, slots=True)
class Ports:
    """What the datagrams need to know of the rest."""

    rules: Rules
    book: AddressBook
    ears: Ears
    metrics: Metrics


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._pool = ports.rules.identity.pool
        self._sock: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def listen(self, sock: socket.socket) -> None:
        """Serve a bound, non-blocking socket."""
        loop = asyncio.get_running_loop()
        self._sock = sock
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)

    def close(self) -> None:
        self._sock = None
        if self._transport is not None:
            self._transport.close()

    def send(self, effect: SendDatagram) -> None:
        me, message = self._ports.rules.me, effect.message
        if isinstance(message, Probe):
            data = notice.probe(self._pool, me, message.term, message.sent_at)
        else:
            data = notice.probe_reply(self._pool, me, message.sent_at, message.leads)
        self._send(effect.to, data, type(message).__name__)

    def _send(self, to: Name, data: bytes, kind: str) -> None:
        endpoint = self._ports.book.endpoint(to)
        if endpoint is None or self._sock is None:
            self._ports.metrics.message(kind, "out", "dropped")
            return
        address: tuple[Any, ...] = (endpoint.ip, endpoint.port)
        if self._sock.family == socket.AF_INET6 and ":" not in endpoint.ip:
            address = (f"::ffff:{endpoint.ip}", endpoint.port)
        result = "dropped"
        with contextlib.suppress(OSError):
            self._sock.sendto(data, address)
            result = "ok"
        self._ports.metrics.message(kind, "out", result)

    # --- asyncio.DatagramProtocol --------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            heard = notice.decode(data)
        except ValueError:
            self._ports.metrics.message("unknown", "in", "refused")
            return
        rules = self._ports.rules
        sender = Name(heard.sender)
        known = heard.pool == self._pool and sender in rules.peers
        if not known or (heard.kind == "released" and heard.leader not in rules.voters):
            self._ports.metrics.message("unknown", "in", "refused")
            return
        self._ports.metrics.message(heard.kind, "in", "ok")
        self._ports.ears.hear(event_of(heard))

    def error_received(self, exc: Exception) -> None:
        """A peer's port is closed: its silence says the same."""


def event_of(heard: notice.Datagram) -> Released | Received:
    if heard.kind == "released":
        return Released(Proof(Term(heard.term), Name(heard.leader), heard.secret))
    sender, sent_at = Name(heard.sender), Millis(heard.sent_at)
    if heard.kind == "probe":
        return Received(sender, Probe(Term(heard.term), sent_at))
    return Received(sender, ProbeReply(sent_at, Term(heard.leads)))
