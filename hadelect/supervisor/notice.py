"""The datagrams between members: death notice, probe, and the answer to a probe.

1. One datagram is one JSON object of at most 1024 bytes; what is not exactly that is refused with
   the reason. A datagram is never believed for its address: a notice proves itself by its secret.
2. Standard library only: the supervisor sends these, the daemon receives them.

    {"v":1,"kind":"released","pool":P,"from":M,"term":T,"leader":M,"secret":HEX}
    {"v":1,"kind":"probe","pool":P,"from":M,"term":T,"sent_at":MS}
    {"v":1,"kind":"probe_reply","pool":P,"from":M,"sent_at":MS,"leads":T}
"""

from __future__ import annotations

import json

VERSION = 1
MAX_BYTES = 1024
MAX_TEXT = 255  # Of a pool's or a member's name.
SECRET_DIGITS = 64
MAX_NUMBER = 2**63 - 1

_TEXTS = {"released": ("leader", "secret"), "probe": (), "probe_reply": ()}
_NUMBERS = {
    "released": ("term",),
    "probe": ("term", "sent_at"),
    "probe_reply": ("sent_at", "leads"),
}


class Datagram:
    """One decoded datagram. Fields that its kind does not have are "" or 0."""

    __slots__ = ("kind", "leader", "leads", "pool", "secret", "sender", "sent_at", "term")

    def __init__(self, kind: str, pool: str, sender: str) -> None:
        self.kind = kind  # released, probe or probe_reply.
        self.pool = pool
        self.sender = sender  # The member's name as in HAD_LIST; "from" on the wire.
        self.term = 0
        self.leader = ""
        self.secret = ""  # 64 hexadecimal digits.
        self.sent_at = 0  # Milliseconds on the clock of who probes; only echoed.
        self.leads = 0

    def __repr__(self) -> str:
        return f"<{self.kind} from {self.sender} of {self.pool}, term {self.term or self.leads}>"


def released(pool: str, sender: str, term: int, secret: str) -> bytes:
    """The death notice: the tree of (term, sender) is verified dead."""
    return _encode("released", pool, sender, {"term": term, "leader": sender, "secret": secret})


def probe(pool: str, sender: str, term: int, sent_at: int) -> bytes:
    """Are you there? To the silent leader of `term`."""
    return _encode("probe", pool, sender, {"term": term, "sent_at": sent_at})


def probe_reply(pool: str, sender: str, sent_at: int, leads: int) -> bytes:
    """I am, and I lead `leads` (0 = nothing)."""
    return _encode("probe_reply", pool, sender, {"sent_at": sent_at, "leads": leads})


def decode(datagram: bytes) -> Datagram:
    """What the datagram says; ValueError with the reason if it is not one of ours."""
    if len(datagram) > MAX_BYTES:
        raise ValueError(f"{len(datagram)} bytes, at most {MAX_BYTES} are allowed")
    try:
        body = json.loads(datagram.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # Includes UnicodeDecodeError.
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all junk
    if body.get("v") != VERSION or isinstance(body.get("v"), bool):
        raise ValueError(f"version {body.get('v')!r}, we speak {VERSION}")
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in _TEXTS:
        raise ValueError(f"unknown kind {kind!r}")
    decoded = Datagram(kind, _text(body, "pool"), _text(body, "from"))
    for name in _TEXTS[kind]:
        setattr(decoded, name, _text(body, name))
    for name in _NUMBERS[kind]:
        setattr(decoded, name, _number(body, name))
    if kind == "released":
        _check_secret(decoded.secret)
    return decoded


def _encode(kind: str, pool: str, sender: str, fields: dict[str, object]) -> bytes:
    body = {"v": VERSION, "kind": kind, "pool": pool, "from": sender, **fields}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise ValueError(f"{name}: a printable text of 1 to {MAX_TEXT} characters is needed")
    return value


def _number(body: dict[str, object], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{name}: a whole number of at least 0 is needed")
    return value


def _check_secret(secret: str) -> None:
    if len(secret) != SECRET_DIGITS or not set(secret) <= set("0123456789abcdef"):
        raise ValueError(f"secret: {SECRET_DIGITS} lower-case hexadecimal digits are needed")
