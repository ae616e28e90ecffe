"""Who may take part: whose word is heard, and whose questions are answered. In words, if not."""

from dataclasses import dataclass
from typing import Any

from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication.seal import Seal, same
from hadelect.replication.words import PROTOCOL, Greeting, Opened
from hadelect.runtime import channels
from hadelect.runtime.greeting import admits


class Unwelcome(Exception):
    """This peer must not take part; the reason in words."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What this daemon brings to every connection."""

    pool: str
    me: Name
    members: tuple[Name, ...]  # HAD_LIST.
    roots: int
    life: bytes
    seal: Seal
    tls: channels.Credentials | None
    connection_timeout: float

    @property
    def peers(self) -> tuple[Name, ...]:
        return tuple(name for name in self.members if name != self.me)

    def admit(self, sender: Name, context: Any, host: str) -> None:
        """With TLS: the certificate of the caller is its own. Raises Unwelcome."""
        if self.tls is None:
            return
        names = channels.certified_names(context.auth_context())
        if not admits(names, host):
            shown = ", ".join(sorted(names)) or "nobody"
            raise Unwelcome(f"the certificate of {sender} is for {shown}")

    def asker(self, life: bytes) -> pb.Asker:
        """For a question to the daemon with that life."""
        seal = self.seal.of_asker(self.me, life)
        return pb.Asker(pool=self.pool, sender=self.me, protocol=PROTOCOL, seal=seal)

    def answerable(self, asker: pb.Asker) -> Name:
        """Who asks. Raises Unwelcome."""
        name = Name(asker.sender)
        if asker.pool != self.pool or name not in self.peers:
            raise Unwelcome(
                f"{asker.sender[:255]!r} of pool {asker.pool[:255]!r} is no peer of ours"
            )
        if asker.protocol != PROTOCOL:
            raise Unwelcome(f"{name} speaks protocol {asker.protocol}, we speak {PROTOCOL}")
        if not same(asker.seal, self.seal.of_asker(name, self.life)):
            raise Unwelcome(f"{name} has another key, or asks what it asked an earlier daemon here")
        return name


def judge(ours: Ours, opened: Opened, greeting: Greeting, where: str) -> None:
    """Raises Unwelcome."""
    because = _objection(ours, opened, greeting, where)
    if because:
        raise Unwelcome(because)


def _objection(ours: Ours, opened: Opened, greeting: Greeting, where: str) -> str:
    sender = f"{opened.sender} at {where}"
    if opened.protocol != PROTOCOL:
        return (
            f"{sender} speaks protocol {opened.protocol} (version {greeting.version}), we speak"
            f" {PROTOCOL}; install the same release on both"
        )
    if opened.pool != ours.pool:
        return f"{sender} is of pool {opened.pool}, we are of {ours.pool}; correct HAD_POOL"
    if opened.sender == ours.me:
        if greeting.life == ours.life:
            return f"{where} leads back to this very daemon; correct REPLICATION_LIST"
        return f"another replication daemon runs under my name at {where}; stop one of the two"
    if greeting.members != ours.members:
        theirs = ", ".join(greeting.members)
        return f"{sender} has another HAD_LIST ({theirs}); make it the same on all members"
    if greeting.roots != ours.roots:
        return (
            f"{sender} has {greeting.roots} entries in STATE_FILE, we have {ours.roots}; it must"
            " name the same files in the same order on all members"
        )
    if opened.sender not in ours.members:
        return f"{sender} is not in HAD_LIST"
    return ""
