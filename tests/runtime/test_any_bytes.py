"""Whatever bytes arrive, every reader of them gives what it promises or refuses in its own words.

The bytes are noise, and what was valid before something damaged it: the second goes deeper.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.pb import election_pb2 as pb
from hadelect.runtime.decoding import MAX_NUMBER, MAX_TEXT, MAX_WORDS
from hadelect.runtime.http import HttpServer, HttpView
from hadelect.runtime.wire import ProtocolError, Wire
from hadelect.supervisor import notice, packets
from tests.runtime.damage import SOON, any_bytes, damaged
from tests.runtime.test_wire import IDENTITY, KINDS, NAMES, OURS, THEIRS, any_of

# --- the wire ------------------------------------------------------------------------------------

MESSAGES = st.sampled_from(KINDS).flatmap(any_of)


def numbers_of(value: object) -> Iterator[int]:
    """Every number within a message, and every text's length must be bounded; see the test."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers_of(each)
    elif isinstance(value, str):
        assert value.isprintable()
        assert len(value) <= MAX_WORDS
    elif isinstance(value, int):
        yield value


@SOON
@given(damaged(MESSAGES.map(OURS.encode)) | st.binary(max_size=300))
def test_an_envelope_keeps_the_laws_or_is_refused(data: bytes) -> None:
    """Numbers and texts within bounds, a sender of the list: or ProtocolError."""
    try:
        opened = THEIRS.decode(data)
    except ProtocolError:
        return
    assert isinstance(opened.message, KINDS)
    assert all(0 <= number <= MAX_NUMBER for number in numbers_of(asdict(opened.message)))
    assert len(opened.sender) <= MAX_TEXT
    assert opened.sender in NAMES or type(opened.message).__name__ == "Hello"
    again = Wire(opened.sender, IDENTITY, opened.config_digest).encode(opened.message)
    assert THEIRS.decode(again).message == opened.message


@SOON
@given(
    st.sampled_from(["leader", "hears", "silent", "proof", "successor"]),
    st.text(max_size=300).filter(lambda name: bool(name) and name not in NAMES),
)
def test_a_name_that_is_not_in_the_list_is_refused_wherever_it_stands(
    where: str, name: str
) -> None:
    """No place within a message is forgotten."""
    standing = pb.Standing(
        role=pb.ROLE_PRE, controllee=pb.Controllee(state=pb.CONTROLLEE_STATE_STOPPED)
    )
    leadership, proof = pb.Leadership(term=1, leader=NAMES[0]), pb.Proof(term=1, leader=NAMES[0])
    envelope = pb.Envelope(pool="pool", sender=NAMES[0], protocol=1, identity_digest=OURS.digest)
    match where:
        case "leader":
            standing.leader = name
        case "hears":
            standing.hears.append(name)
        case "silent":
            leadership.leader = name
        case "proof":
            proof.leader = name
    if where == "successor":
        envelope.resign.CopyFrom(pb.Resign(proof=proof, successor=name))
    else:
        envelope.pre_vote.CopyFrom(
            pb.PreVote(round=1, silent=leadership, proof=proof, standing=standing)
        )
    with pytest.raises(ProtocolError, match="not in the voters' list"):
        THEIRS.decode(envelope.SerializeToString())


# --- datagrams and packets -----------------------------------------------------------------------

NOTICES = (
    notice.released("pool", NAMES[0], 64, "ab" * 32),
    notice.probe("pool", NAMES[1], 64, 123_456),
    notice.probe_reply("pool", NAMES[2], 123_456, 64),
)


def lied(pool: str) -> bytes:
    """A probe whose pool is any text."""
    return json.dumps(json.loads(NOTICES[1]) | {"pool": pool}).encode()


@SOON
@given(any_bytes(*NOTICES) | st.text(max_size=9).map(lied))
def test_a_datagram_keeps_the_laws_or_is_refused(data: bytes) -> None:
    """Names printable, numbers that fit 64 bits, a secret of 64 digits: or ValueError."""
    try:
        told = notice.decode(data)
    except ValueError:
        return
    assert told.kind in {"released", "probe", "probe_reply"}
    assert all(
        0 < len(name) <= MAX_TEXT and name.isprintable() for name in (told.pool, told.sender)
    )
    assert all(0 <= n < 2**63 for n in (told.term, told.sent_at, told.leads))
    assert told.kind != "released" or (len(bytes.fromhex(told.secret)) == 32 and told.leader)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


CONFIGURE = json.dumps({"do": "ran", "id": 3, "end": "exit", "number": 0, "argv": ["a"]}).encode()


@SOON
@given(any_bytes(CONFIGURE).filter(bool))
def test_a_packet_is_an_object_with_a_word_or_junk(data: bytes) -> None:
    """Fields are read strictly; descriptors that came beside junk are closed."""
    ours, theirs = packets.pair()
    before = descriptors()
    with ours, theirs:
        read, write = os.pipe()
        socket.send_fds(ours, [data], [read])
        os.close(read)
        os.close(write)
        try:
            packet = packets.receive(theirs)
        except packets.JunkError:
            assert descriptors() == before
            return
        assert packet is not None
        os.close(packet.fds[0])
        for read_field in (packets.text, packets.number, packets.truth, packets.texts):
            for name in ("id", "end", "argv", "missing"):
                with contextlib.suppress(packets.JunkError):
                    read_field(packet.body, name)


# --- HTTP ----------------------------------------------------------------------------------------

VIEW = HttpView(
    leads=lambda: True,
    alive=lambda: True,
    ready=lambda: True,
    status=dict,
    page=lambda: "page",
    metrics=lambda: b"metrics",
)
REQUESTS = (
    b"GET /leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"HEAD /metrics?a=b HTTP/1.0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
)


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    server = HttpServer(("127.0.0.1", 0), VIEW)
    yield server.port
    server.close()


@SOON
@given(request=any_bytes(*REQUESTS))
def test_http_answers_or_closes(pages: int, request: bytes) -> None:
    """Any request gets a status line, a page (HTTP/0.9) or the end of the connection."""
    with socket.create_connection(("127.0.0.1", pages), timeout=2) as link:
        answer = b""
        with contextlib.suppress(ConnectionError):
            link.sendall(request)
            link.shutdown(socket.SHUT_WR)
            while piece := link.recv(65536):
                answer += piece
    status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/") else b"400"
    assert status.isdigit()
    assert 100 <= int(status) < 600
    assert status != b"500"


def test_http_serves_on_after_all_that(pages: int) -> None:
    """Nothing above has cost it a thread."""
    with socket.create_connection(("127.0.0.1", pages), timeout=2) as link:
        link.sendall(REQUESTS[0])
        assert link.recv(100).startswith(b"HTTP/1.1 200")
