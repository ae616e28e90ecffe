"""From the core's messages to bytes and back; nothing a peer sends gets past here unchecked.

Law 1: what is not exactly a message of ours is a ProtocolError with the reason, never a crash.
Law 2: numbers, enums, lengths and names are checked here, so that the core need not.
Law 3: unknown fields are ignored, so that a later version may say more.
"""

import hashlib
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from hadelect.core.messages import Hello, Message
from hadelect.core.vocabulary import Identity, Name
from hadelect.pb import election_pb2 as pb
from hadelect.runtime import decoding, encoding
from hadelect.runtime.decoding import ProtocolError

__all__ = ["PROTOCOL", "Opened", "ProtocolError", "Wire", "identity_digest"]

PROTOCOL = 1
MAX_BYTES = 64 * 1024  # Of one envelope; 64 names of 255 characters fit four times.


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope whose form is right; whether its sender may take part is judged elsewhere."""

    pool: str
    sender: Name
    protocol: int
    identity_digest: str
    config_digest: str
    message: Message


def identity_digest(identity: Identity) -> str:
    """Sixteen hexadecimal digits of what must be equal among members."""
    parts = (
        identity.pool,
        *identity.members,
        "|",
        *identity.witnesses,
        "|",
        identity.arbitration.value,
        identity.controllee,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Wire:
    """One member's pen and reading glasses: what it writes on every envelope and expects there."""

    def __init__(self, me: Name, identity: Identity, config_digest: str) -> None:
        self.identity = identity
        self.digest = identity_digest(identity)
        self._me = me
        self._config_digest = config_digest
        self._names = frozenset(identity.voters)
        self._last: tuple[Message, bytes] | None = None

    def reloaded(self, config_digest: str) -> None:
        """Every envelope from now on names this configuration."""
        self._config_digest = config_digest
        self._last = None

    def encode(self, message: Message) -> bytes:
        """The same message to several peers in a row is written once."""
        if self._last is not None and self._last[0] is message:
            return self._last[1]
        envelope = pb.Envelope(
            pool=self.identity.pool,
            sender=self._me,
            protocol=PROTOCOL,
            identity_digest=self.digest,
            config_digest=self._config_digest,
        )
        encoding.put(envelope, message)
        data = envelope.SerializeToString()
        self._last = (message, data)
        return data

    def decode(self, data: bytes) -> Opened:
        """Raises ProtocolError. Names must be in the list in force, but for those of a Hello."""
        if len(data) > MAX_BYTES:
            raise ProtocolError(f"{len(data)} bytes, at most {MAX_BYTES} are allowed")
        try:
            envelope = pb.Envelope.FromString(data)
        except DecodeError:
            raise ProtocolError("not an envelope of hadelect") from None
        opened = Opened(
            pool=decoding.text(envelope.pool, "pool"),
            sender=Name(decoding.text(envelope.sender, "sender")),
            protocol=envelope.protocol,
            identity_digest=decoding.text(envelope.identity_digest, "identity_digest"),
            config_digest=decoding.text(envelope.config_digest, "config_digest", least=0),
            message=decoding.take(envelope, self._names),
        )
        if not isinstance(opened.message, Hello):
            self._check_membership(opened)
        return opened

    def _check_membership(self, opened: Opened) -> None:
        if opened.sender not in self._names:
            raise ProtocolError(f"{opened.sender} is not in HAD_LIST")
        if opened.identity_digest != self.digest:
            raise ProtocolError("another identity than in its Hello")
