"""How a member finds its entry in the list."""

import socket
import threading
import time
from collections.abc import Iterable

import pytest

from hadelect.config import own_entry
from hadelect.config.findings import Refused
from hadelect.config.kinds import address
from hadelect.config.own_entry import Host, find, is_loopback, own_addresses

DNS = {
    "cm1.wisc.edu": frozenset({"10.0.0.1"}),
    "cm2.wisc.edu": frozenset({"10.0.0.2", "fd00::2"}),
    "alias": frozenset({"10.0.0.2"}),
    "odd": frozenset({"127.0.1.1"}),
}


def resolve(names: Iterable[str]) -> dict[str, frozenset[str]]:
    return {name: DNS[name] for name in names if name in DNS}


HOST = Host("cm2", frozenset({"127.0.0.1", "10.0.0.2", "192.168.0.2", "fd00::2"}), resolve)


@pytest.mark.parametrize(
    ("entries", "port", "ours"),
    [
        ("10.0.0.1:1 10.0.0.2:1 10.0.0.3:1", 1, "10.0.0.2:1"),
        ("10.0.0.1:1 10.0.0.2:1 10.0.0.3:1", None, "10.0.0.2:1"),
        ("10.0.0.1:1 192.168.0.2:1", 1, "192.168.0.2:1"),
        ("[fd00::1]:1 [fd00:0::2]:1", 1, "[fd00:0::2]:1"),
        ("127.0.0.1:1 127.0.0.1:2 127.0.0.1:3", 2, "127.0.0.1:2"),
        ("127.0.0.2:1 10.0.0.9:1", 1, "127.0.0.2:1"),
        ("cm1.wisc.edu:1 cm2.wisc.edu:1 unknown:1", 1, "cm2.wisc.edu:1"),
        ("CM1.wisc.edu:1 CM2.wisc.edu:1", 1, "CM2.wisc.edu:1"),
        ("cm1:1 cm2:1", 1, "cm2:1"),
        ("cm1.wisc.edu:1 odd:1", 1, "odd:1"),
        ("cm1.unknown.org:1 cm2.unknown.org:1", 1, "cm2.unknown.org:1"),
        ("localhost:1 localhost:2", 2, "localhost:2"),
    ],
)
def test_found(entries: str, port: int | None, ours: str) -> None:
    """The entry with one of our addresses, and our port, is ours."""
    assert find(tuple(map(address, entries.split())), port, HOST).name == ours


@pytest.mark.parametrize(
    ("entries", "port", "said"),
    [
        ("10.0.0.1:1 10.0.0.3:1", 1, "no entry with port 1 has an address of this host"),
        ("10.0.0.2:1", 2, "no entry with port 2"),
        ("unknown:1", None, "no entry has an address"),
        ("10.0.0.2:1 192.168.0.2:1", 1, "10.0.0.2:1 and 192.168.0.2:1 could both be"),
        ("10.0.0.2:1 10.0.0.2:2", None, "HAD_ARGS = -p PORT"),
        ("cm2.wisc.edu:1 alias:1", 1, "could both be"),
    ],
)
def test_refused(entries: str, port: int | None, said: str) -> None:
    """No entry of ours, or two that could be, is an error with the remedy."""
    with pytest.raises(Refused) as refusal:
        find(tuple(map(address, entries.split())), port, HOST)
    assert said in f"{refusal.value.allowed}; {refusal.value.remedy}"
    assert "--member ENTRY" in refusal.value.remedy


def test_no_name_is_resolved_without_need() -> None:
    """When a literal address is ours, no resolver is asked."""

    def refuse(names: Iterable[str]) -> dict[str, frozenset[str]]:
        raise AssertionError(f"asked for {names}")

    host = Host("x", frozenset({"10.0.0.2"}), refuse)
    assert find((address("cm1:1"), address("10.0.0.2:1")), 1, host).name == "10.0.0.2:1"


def test_a_hanging_resolver_delays_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that never answers costs RESOLVE_SECONDS, however many names are asked."""
    release = threading.Event()
    monkeypatch.setattr(own_entry, "RESOLVE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (release.wait(60), [])[1])
    begin = time.monotonic()
    try:
        assert own_entry.resolve_within_limit(["a", "b", "c"]) == {}
    finally:
        release.set()
    assert time.monotonic() - begin < 5


def test_this_host() -> None:
    """This host knows its own loopback address."""
    assert "127.0.0.1" in own_addresses()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("10.0.0.1", False),
        ("cm1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """Loopback is told by the text, never by a resolver."""
    assert is_loopback(host) is expected
