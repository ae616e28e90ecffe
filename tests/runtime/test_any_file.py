"""Whatever a file of ours has become, its reader gives what was written or says what is wrong."""

import contextlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.core.effects import Record
from hadelect.core.events import Received, Tick
from hadelect.core.flight import Head, Line, decode_line, encode_line, stepped
from hadelect.core.vocabulary import Millis, Term
from hadelect.runtime.archive import entry_of, excerpt
from hadelect.runtime.flights import Flight, Unreadable
from hadelect.runtime.store import FILE, Memory, Store, StoreError, Voters
from hadelect.supervisor import slots
from hadelect.supervisor.slots import SLOT_BYTES, SLOTS, Slot
from tests.core.member import A, say_alive
from tests.runtime.damage import SOON, any_bytes
from tests.runtime.test_wire import NAMES

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
    whole = slots._unpack(block)
    assert whole is not None
    assert (whole.sequence, whole.content) == (7, b'{"record":"a promise"}')


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
