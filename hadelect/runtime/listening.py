"""The ports of one member: TCP and UDP of its HAD_LIST entry, and the Unix socket.

Law 1: an entry that is an address of this host is listened on there alone, so that several members
       can live on one machine; a name (or an address that is not ours, behind a translation) means
       every address.
Law 2: a port that cannot be had stops the start with one line that names the remedy.
"""

import contextlib
import errno
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import grpc.aio

from hadelect.config.model import Address
from hadelect.config.own_entry import is_loopback
from hadelect.runtime.channels import Credentials
from hadelect.runtime.resolver import is_literal, lookup

ANY = "::"
SOCKET_MODE = 0o117  # As a umask: 0660.
MAX_PATH = 107  # Of a Unix socket, by the kernel.
TRY_SECONDS = 1.0  # A port may be taken for a moment by somebody's outgoing connection.


class PortError(Exception):
    """A port cannot be had: one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Place:
    ip: str
    port: int
    variable: str = "HAD_LIST"  # What names it, for whoever must put it right.

    @property
    def text(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


def place_of(me: Address) -> Place:
    """Where to listen. May ask the resolver, for a name of the loopback only."""
    if is_literal(me.host):
        return Place(me.host if _is_ours(me.host) else _any(), me.port)
    if is_loopback(me.host):
        with contextlib.suppress(OSError):
            return Place(lookup(me.host)[0], me.port)
        return Place("127.0.0.1", me.port)
    return Place(_any(), me.port)


def udp_socket(place: Place) -> socket.socket:
    """Bound and non-blocking. Raises PortError."""
    return _bound(place, socket.SOCK_DGRAM)


def check_tcp(place: Place) -> None:
    """What gRPC says of a port in use names no reason. Raises PortError."""
    _bound(place, socket.SOCK_STREAM).close()


def add_ports(
    server: grpc.aio.Server, place: Place, tls: Credentials | None, socket_path: Path
) -> None:
    """Both ports of the gRPC server. Raises PortError."""
    try:
        if tls is None:
            server.add_insecure_port(place.text)
        else:
            server.add_secure_port(place.text, tls.server)
    except RuntimeError:
        raise _in_use(place, "TCP", "address already in use") from None
    named = place.variable == "HAD_LIST"
    _add_unix(server, socket_path, "HAD_CONTROL_SOCKET" if named else "HAD_STATE_DIR")


def _add_unix(server: grpc.aio.Server, path: Path, variable: str) -> None:
    remedy = f"name another path with {variable}"
    if len(os.fsencode(path)) > MAX_PATH:
        raise PortError(f"{variable}: {path} is longer than {MAX_PATH} bytes; {remedy}")
    if _somebody_listens(path):
        raise PortError(f"{variable}: {path} is in use by another daemon; {remedy}")
    before = os.umask(SOCKET_MODE)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError:
        raise PortError(f"{variable}: {path} cannot be made; {remedy}") from None
    finally:
        os.umask(before)


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.setblocking(False)
        return knock.connect_ex(str(path)) in (0, errno.EAGAIN)


def _bound(place: Place, kind: socket.SocketKind) -> socket.socket:
    """Raises PortError."""
    deadline = time.monotonic() + TRY_SECONDS
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    while True:
        try:
            return _bind(place, kind)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _in_use(place, protocol, error.strerror or str(error)) from None
        time.sleep(0.05)


def _bind(place: Place, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.ip else socket.AF_INET
    sock = socket.socket(family, kind | socket.SOCK_CLOEXEC)
    try:
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(place.ip != ANY))
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((place.ip, place.port))
    except OSError:
        sock.close()
        raise
    return sock


def _in_use(place: Place, protocol: str, why: str) -> PortError:
    return PortError(
        f"{place.variable}: {protocol} port {place.port} ({place.text}): {why.lower()}; stop what"
        f" uses it (ss -lnp | grep {place.port}), or give this member another port in"
        f" {place.variable} everywhere"
    )


def _is_ours(ip: str) -> bool:
    """Whether this host has the address: it can be bound to with any port."""
    try:
        _bind(Place(ip, 0), socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def _any() -> str:
    try:
        _bind(Place(ANY, 0), socket.SOCK_DGRAM).close()
    except OSError:  # A kernel without IPv6.
        return "0.0.0.0"
    return ANY
