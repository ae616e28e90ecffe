"""From bytes to the policy's words and back; nothing a peer or HAD says gets past here unchecked.

Law 1: what is not exactly a word of ours is a ProtocolError with the reason, never a crash.
Law 2: unknown fields are ignored, so that a later version may say more.
"""

import itertools
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

from hadelect.core.replication.messages import Advert
from hadelect.core.versions import ENDS_KEPT, Line
from hadelect.core.vocabulary import Millis, Name, Term
from hadelect.pb import replication_pb2 as pb
from hadelect.runtime.bounds import MAX_NUMBER, ProtocolError, bounded, text
from hadelect.runtime.replica_words import put_version, take_version

PROTOCOL = 1
MAX_BYTES = 64 * 1024  # Of one Word or one FromHad.
NONCE = 16  # Bytes of a life or a nonce.


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who is there, and what must be the same on both sides."""

    version: str  # Of the software.
    members: tuple[str, ...]
    roots: int
    life: bytes
    nonce: bytes = b""


@dataclass(frozen=True, slots=True)
class Opened:
    """A Word whose form is right; its seal is judged by whoever knows the stream."""

    pool: str
    sender: Name
    protocol: int
    seal: bytes
    said: bytes


def parsed(kind: type[Message], data: bytes) -> Message:
    """Raises ProtocolError."""
    if len(data) > MAX_BYTES:
        raise ProtocolError(f"{len(data)} bytes, at most {MAX_BYTES} are allowed")
    try:
        return kind.FromString(data)
    except DecodeError:
        raise ProtocolError(f"not a {kind.__name__} of hadelect") from None


# --- lines ----------------------------------------------------------------------------------------


def put_line(line: Line | None) -> pb.Line | None:
    if line is None:
        return None
    ends = [pb.End(term=term, sequence=sequence) for term, sequence in line.ends]
    return pb.Line(version=put_version(line.version), ends=ends)


def take_line(said: pb.Line) -> Line:
    if not said.HasField("version"):
        raise ProtocolError("a line without a version")
    version = take_version(said.version)
    if len(said.ends) > ENDS_KEPT:
        raise ProtocolError(f"a line of {len(said.ends)} ends, at most {ENDS_KEPT} are allowed")
    ends = tuple(
        (Term(bounded(e.term, "term", MAX_NUMBER)), bounded(e.sequence, "seq", MAX_NUMBER))
        for e in said.ends
    )
    terms = [term for term, _ in ends] + [version.term]
    if any(later <= earlier for earlier, later in itertools.pairwise(terms)):
        raise ProtocolError("the ends of a line are not in the order of their terms")
    return Line(version, ends)


# --- between daemons ------------------------------------------------------------------------------


def open_word(data: object) -> Opened:
    """Raises ProtocolError."""
    assert isinstance(data, bytes)
    word = parsed(pb.Word, data)
    assert isinstance(word, pb.Word)
    sender = Name(text(word.sender, "sender"))
    return Opened(text(word.pool, "pool"), sender, word.protocol, word.seal, word.said)


def put_greeting(greeting: Greeting) -> bytes:
    said = pb.Greeting(
        version=greeting.version,
        members=greeting.members,
        roots=greeting.roots,
        life=greeting.life,
        nonce=greeting.nonce,
    )
    return pb.Spoken(greeting=said).SerializeToString()


def take_greeting(said: bytes) -> Greeting:
    """Raises ProtocolError."""
    told = parsed(pb.Spoken, said)
    assert isinstance(told, pb.Spoken)
    if told.WhichOneof("words") != "greeting":
        raise ProtocolError("the first word is not a greeting")
    greeting = told.greeting
    if len(greeting.life) != NONCE or len(greeting.nonce) != NONCE:
        raise ProtocolError(f"life and nonce are {NONCE} bytes each")
    members = tuple(text(name, "member") for name in greeting.members)
    version = text(greeting.version, "version")
    return Greeting(version, members, greeting.roots, greeting.life, greeting.nonce)


def put_advert(advert: Advert) -> bytes:
    said = pb.Advert(
        line=put_line(advert.line),
        known=put_version(advert.known),
        leads=advert.leads,
        sure=advert.sure,
        age_ms=advert.age_ms,
        idle_ms=advert.idle_ms,
        others=advert.others,
        sent_at=advert.sent_at,
        asks=advert.asks,
        echoes=advert.echoes,
    )
    return pb.Spoken(advert=said).SerializeToString()


def sent_at(advert: pb.Advert) -> Millis | None:
    if not advert.HasField("sent_at"):
        return None
    return Millis(bounded(advert.sent_at, "sent_at", MAX_NUMBER))


def take_advert(said: bytes) -> Advert:
    """Raises ProtocolError."""
    told = parsed(pb.Spoken, said)
    assert isinstance(told, pb.Spoken)
    if told.WhichOneof("words") != "advert":
        raise ProtocolError("neither a greeting nor an advert")
    advert = told.advert
    return Advert(
        line=take_line(advert.line) if advert.HasField("line") else None,
        known=take_version(advert.known) if advert.HasField("known") else None,
        leads=Term(bounded(advert.leads, "leads", MAX_NUMBER)),
        sure=advert.sure,
        age_ms=Millis(bounded(advert.age_ms, "age_ms", MAX_NUMBER)),
        idle_ms=Millis(bounded(advert.idle_ms, "idle_ms", MAX_NUMBER)),
        others=Term(bounded(advert.others, "others", MAX_NUMBER)),
        sent_at=sent_at(advert),
        asks=bounded(advert.asks, "asks", MAX_NUMBER),
        echoes=bounded(advert.echoes, "echoes", MAX_NUMBER),
    )
