"""Whatever bytes arrive, every reader of them gives what it promises or refuses in its own words.

The bytes are noise, and what was valid before something damaged it: the second goes deeper.
"""

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadelect.core.effects import Record
from hadelect.core.events import Received, Tick
from hadelect.core.flight import Head, Line, decode_line, encode_line, stepped
from hadelect.core.vocabulary import Millis, Term
from hadelect.pb import election_pb2 as pb
from hadelect.runtime import slots
from hadelect.runtime.archive import entry_of, excerpt
from hadelect.runtime.decoding import MAX_NUMBER, MAX_TEXT, MAX_WORDS
from hadelect.runtime.flights import Flight, Unreadable
from hadelect.runtime.http import HttpServer, HttpView
from hadelect.runtime.slots import SLOT_BYTES, SLOTS, Slot
from hadelect.runtime.store import FILE, Memory, Store, StoreError, Voters
from hadelect.runtime.wire import ProtocolError, Wire
from hadelect.supervisor import notice, packets
from tests.core.member import A, say_alive
from tests.runtime.test_wire import IDENTITY, KINDS, NAMES, OURS, THEIRS, any_of

SOON = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
# What readers trip over: depth, other alphabets, halves of characters, ends, huge numbers.
TEETH = st.sampled_from(
    [
        b"[" * 900,
        b"{" * 900,
        b"\xff",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\0",
        b"\n",
        b"\r\n",
        b'"',
        b"}",
        b"[]",
        b"{}",
        b"null",
        b"true",
        b"1e999",
        b"-1",
        b"9" * 30,
        b"9" * 5000,
        b"NaN",
        b"\xef\xbb\xbf",
    ]
)


@st.composite
def damaged(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """What was valid, after one to four blows."""
    data = draw(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        middle = draw(st.one_of(st.binary(max_size=8), TEETH, st.just(data[start:end] * 2)))
        data = data[:start] + middle + data[end:]
    return data


def any_bytes(*valid: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(st.binary(max_size=200), damaged(st.sampled_from(valid)), TEETH)


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


@SOON
@given(any_bytes(*NOTICES))
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


# --- the store -----------------------------------------------------------------------------------

VOTERS = Voters(NAMES[:2], NAMES[2:])
OLD = Record(serial=1, term=Term(64), vote=NAMES[0], clean=True)
NEW = replace(OLD, serial=2, term=Term(129), vote=NAMES[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A state file with an older and a newer record."""
    directory = tmp_path_factory.mktemp("whole")
    store = Store(directory, VOTERS)
    for sequence, record in enumerate((OLD, NEW), start=1):
        content = store._content(Memory(VOTERS, "boot", record))
        slots.write(store._fd, Slot(sequence, content))
    store.close(5)
    return (directory / FILE).read_bytes()


def found_in(data: bytes) -> Record | None:
    """What a start finds. Raises StoreError."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / FILE).write_bytes(data)
        store = Store(Path(directory), VOTERS)
        store.close(5)
        return store.found.record


def test_every_flipped_bit_of_a_record_is_detected() -> None:
    """Whichever bit of header or content it is: the slot is no slot any more."""
    block = slots.pack(Slot(7, b'{"record":"a promise"}'))
    used = len(block.rstrip(b"\0"))
    for bit in range(used * 8):
        flipped = bytearray(block)
        flipped[bit // 8] ^= 1 << bit % 8
        assert slots._unpack(bytes(flipped)) is None, bit
    assert slots._unpack(block) == Slot(7, b'{"record":"a promise"}')


@SOON
@given(data=st.data())
def test_a_damaged_state_file_is_refused_or_recovered(whole: bytes, data: st.DataObject) -> None:
    """Any blows at any places: one of the records that were written, or a refusal; no third."""
    blows = st.tuples(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=64))
    damaged = bytearray(whole)
    for place, bytes_ in data.draw(st.lists(blows, min_size=1, max_size=5)):
        damaged[place : place + len(bytes_)] = bytes_
    cut = data.draw(st.sampled_from([None, None, None, SLOT_BYTES, 100, SLOTS * SLOT_BYTES - 1]))
    try:
        record = found_in(bytes(damaged[:cut]))
    except StoreError as error:
        said = str(error)
    else:
        assert record in (NEW, replace(NEW, clean=False), replace(OLD, clean=False))
        return
    assert "is damaged" in said


BODY = json.dumps({"boot_id": "x", "members": ["a:1"], "witnesses": [], "record": asdict(NEW)})


@SOON
@given(any_bytes(BODY.encode()))
def test_a_whole_slot_of_anything_is_a_memory_or_refused(content: bytes) -> None:
    """Even under a good checksum nothing but a record is believed."""
    with contextlib.suppress(StoreError):
        block = slots.pack(Slot(2, content[: slots.ROOM]))
        record = found_in(block + bytes(SLOT_BYTES))
        assert record is None or isinstance(record.term, int)


# --- history and flight record -------------------------------------------------------------------

ENTRY = json.dumps(
    {
        "time": "2026-01-01T10:00:00.000Z",
        "member": "cm1:1",
        "term": 64,
        "role": "PASSIVE",
        "was": None,
        "because": "x",
    }
).encode()
ODD = [
    ENTRY.replace(b'"PASSIVE"', b"[]"),
    ENTRY.replace(b'"PASSIVE"', b"{}"),
    ENTRY.replace(b"null", b"[]"),
    ENTRY.decode().encode("utf-16"),
    ENTRY.replace(b'"x"', b'"\xed\xa0\x80"'),
    ENTRY.replace(b'"x"', b'"\\ud800"'),
    b"[" * 3000,
]


@SOON
@given(st.lists(any_bytes(ENTRY, *ODD) | st.sampled_from([ENTRY, *ODD]), max_size=5))
def test_a_damaged_history_is_read_past_the_damage(lines: list[bytes]) -> None:
    """Whatever stands in it, the sound line after it is found, as text that can be sent."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history"
        path.write_bytes(b"\n".join([*lines, ENTRY, b""]))
        found = excerpt(path)
    assert found.lines[-1] == ENTRY.decode()
    for line in found.lines:
        entry = entry_of(line)
        assert entry is not None
        f"{entry['time']} {entry['role']} {entry['because']} {line}".encode()


EVENT = Received(A, say_alive(A, 64))
LINES: tuple[Line, ...] = (
    Head(1, "0.1", "2026-01-01T10:00:00.000Z", Millis(0)),
    stepped(Millis(5), EVENT, ()),
    stepped(Millis(6), Tick(Millis(6)), None),
)


@SOON
@given(any_bytes(*[encode_line(line).encode() for line in LINES]) | st.just(b"[" * 3000))
def test_a_flight_line_comes_back_or_is_refused(line: bytes) -> None:
    """What is read is written the same; all else is Unreadable and names file and line."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "flight"
        path.write_bytes(line.replace(b"\n", b"") + b"\n")
        try:
            read = [value for _, value in Flight(path).lines()]
        except Unreadable as error:
            said = str(error)
        else:
            assert [decode_line(encode_line(value)) for value in read] == read
            return
    assert "line 1: " in said


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
