"""Which entry of the lists this member is.

Law 1: no name but a candidate for our own entry is ever resolved, and never for long: a resolver
       that hangs delays a start by RESOLVE_SECONDS at most.
Law 2: two entries that could be ours are an error, not a guess (HTCondor takes the last).
"""

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hadelect.config.findings import Refused
from hadelect.config.kinds import is_literal
from hadelect.config.model import Address

RESOLVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Host:
    """What this host knows of itself."""

    name: str
    addresses: frozenset[str]
    resolve: Callable[[Iterable[str]], dict[str, frozenset[str]]]


def this_host() -> Host:
    return Host(socket.gethostname().lower(), own_addresses(), resolve_within_limit)


def find(entries: tuple[Address, ...], port: int | None, host: Host) -> Address:
    """The entry that has one of this host's addresses, and the port if one is given.

    Literal addresses and our own host name decide first; only then are names resolved.
    Raises Refused.
    """
    asked = [entry for entry in entries if port is None or entry.port == port]
    ours = [entry for entry in asked if _is_local(entry.host, host)]
    if not ours:
        names = {entry.host.lower() for entry in asked if not is_literal(entry.host)}
        found = host.resolve(names) if names else {}
        ours = [
            entry
            for entry in asked
            if any(_is_own(address, host) for address in found.get(entry.host.lower(), ()))
        ]
    if not ours:  # The resolver may be down while we boot.
        ours = [entry for entry in asked if _short(entry.host) == _short(host.name)]
    if len(ours) == 1:
        return ours[0]
    with_port = f" with port {port}" if port is not None else ""
    if not ours:
        own = ", ".join(sorted(host.addresses)) or host.name
        raise Refused(
            f"no entry{with_port} has an address of this host ({own})",
            "add this host's entry, or name it: --member ENTRY or HAD_MEMBER = ENTRY",
        )
    raise Refused(
        f"{' and '.join(entry.name for entry in ours)} could both be this member",
        "say which: HAD_ARGS = -p PORT, --member ENTRY or HAD_MEMBER = ENTRY",
    )


def is_loopback(host: str) -> bool:
    """Whether an entry's host is on this machine only, told without asking a resolver."""
    if host.lower().rstrip(".") in {"localhost", "localhost.localdomain", "ip6-localhost"}:
        return True
    return is_literal(host) and ipaddress.ip_address(host).is_loopback


def own_addresses() -> frozenset[str]:
    """The addresses of this host's interfaces, as the kernel lists them."""
    found = set()
    for match in re.finditer(r"\|-- ([0-9.]+)\s+/32 host LOCAL", _read(Path("/proc/net/fib_trie"))):
        found.add(match[1])
    for line in _read(Path("/proc/net/if_inet6")).splitlines():
        found.add(str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))))
    return frozenset(found)


def resolve_within_limit(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """The addresses of each name that answers within RESOLVE_SECONDS, all asked at once."""
    answers: dict[str, frozenset[str]] = {}

    def ask(name: str) -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        answers[name] = frozenset(str(item[4][0]) for item in found)

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    deadline = time.monotonic() + RESOLVE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _is_local(entry_host: str, host: Host) -> bool:
    if is_literal(entry_host):
        return _is_own(entry_host, host)
    return is_loopback(entry_host) or entry_host.lower() == host.name


def _is_own(address: str, host: Host) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or str(parsed).partition("%")[0] in host.addresses


def _short(name: str) -> str:
    """The first label of a host name; an address is never short."""
    return name if is_literal(name) else name.lower().partition(".")[0]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
