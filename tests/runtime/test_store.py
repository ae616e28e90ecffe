"""The store: what was said to be on disk is there after any crash, and damage is never a reset."""

import os
import queue
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hadelect.core.effects import Record
from hadelect.core.vocabulary import Name, Term
from hadelect.runtime.store import FILE, Store, StoreError, Voters
from hadelect.supervisor import slots

VOTERS = Voters((Name("cm1:51450"), Name("cm2:51450")), (Name("w:51450"),))
RECORD = Record(serial=1, term=Term(64), vote=Name("cm1:51450"), clean=True)


def write(store: Store, *records: Record) -> None:
    """Returns when the last one is on disk."""
    answers: queue.Queue[tuple[int, str]] = queue.Queue()
    for record in records:
        store.persist(record, lambda serial, failed: answers.put((serial, failed)))
    assert [answers.get(timeout=5) for _ in records] == [(r.serial, "") for r in records]


def reopened(directory: Path, voters: Voters = VOTERS) -> Store:
    store = Store(directory, voters)
    store.close(5)
    return store


def test_a_missing_file_is_a_blank_member(tmp_path: Path) -> None:
    """A member without a file starts blank and remembers the list it started with."""
    store = reopened(tmp_path / "not" / "there" / "yet")
    assert store.found.record is None
    assert store.voters == VOTERS
    assert store.same_boot


def test_what_was_written_is_found(tmp_path: Path) -> None:
    """The newest of several records is what a restart finds."""
    store = Store(tmp_path, VOTERS)
    for serial in range(1, 6):
        write(store, replace(RECORD, serial=serial))
    store.close(5)
    assert reopened(tmp_path).found.record == replace(RECORD, serial=5)


def test_close_writes_what_is_queued(tmp_path: Path) -> None:
    """A record that was queued before the end is on disk after it."""
    store = Store(tmp_path, VOTERS)
    for serial in range(1, 50):
        store.persist(replace(RECORD, serial=serial), lambda _serial, _failed: None)
    store.close(5)
    found = reopened(tmp_path).found.record
    assert found is not None
    assert found.serial == 49


def test_the_list_in_force_is_durable(tmp_path: Path) -> None:
    """Another list in the configuration is a proposal; only a reset takes it."""
    store = Store(tmp_path, VOTERS)
    write(store, RECORD)
    store.close(5)
    other = Voters((Name("cm1:51450"), Name("cm9:51450")))
    assert reopened(tmp_path, other).voters == VOTERS
    store = Store(tmp_path, other, reset_voters=True)
    store.close(5)
    assert store.voters == other
    assert store.found.record == RECORD
    assert reopened(tmp_path).voters == other


@pytest.mark.parametrize("torn", [0, 1])
def test_a_torn_slot_leaves_the_other(tmp_path: Path, torn: int) -> None:
    """One damaged slot: the other one holds; and a clean stop is no longer believed."""
    store = Store(tmp_path, VOTERS)
    for serial in (1, 2):
        write(store, replace(RECORD, serial=serial))
    store.close(5)
    damage(tmp_path / FILE, torn * slots.SLOT_BYTES + 60)
    found = reopened(tmp_path).found.record
    assert found == replace(RECORD, serial=1 if torn == 0 else 2, clean=False)


def damage(path: Path, *offsets: int) -> None:
    data = bytearray(path.read_bytes())
    for offset in offsets:
        data[offset] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 2 * slots.SLOT_BYTES, b"\xde\xad" * slots.SLOT_BYTES, b"x" * 100],
    ids=["empty", "zeros", "garbage", "short"],
)
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """No whole slot: the start is refused with the path, and the file is not touched."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreError, match=f"{FILE} is damaged"):
        Store(tmp_path, VOTERS)
    assert (tmp_path / FILE).read_bytes() == content


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"boot_id":"x","members":[],"witnesses":[],"record":{"term":"9"}}',
        b'{"boot_id":"x","members":[1],"witnesses":[],"record":null}',
        b"not json",
    ],
)
def test_nonsense_under_a_good_checksum_is_refused(tmp_path: Path, body: bytes) -> None:
    """A slot that is whole but does not hold a record is damage, too."""
    block = slots.pack(slots.Slot(7, body))
    (tmp_path / FILE).write_bytes(bytes(slots.SLOT_BYTES) + block)
    with pytest.raises(StoreError, match="is damaged"):
        Store(tmp_path, VOTERS)


@pytest.mark.parametrize("field", ["term", "led", "promised_term"])
@pytest.mark.parametrize("value", [-1, 2**53 + 1, 2**63 - 1, 2**64])
def test_a_term_that_no_peer_could_read_is_damage(tmp_path: Path, field: str, value: int) -> None:
    """A member that went on from it would be refused by all the others, for ever."""
    highest = replace(RECORD, **{field: Term(2**53)})  # type: ignore[arg-type]
    store = Store(tmp_path, VOTERS)
    write(store, highest)
    store.close(5)
    assert reopened(tmp_path).found.record == highest
    store = Store(tmp_path, VOTERS)
    write(store, replace(RECORD, **{field: Term(value)}))  # type: ignore[arg-type]
    store.close(5)
    with pytest.raises(StoreError, match=f"is damaged .{field} is {value}, .* remove the file"):
        Store(tmp_path, VOTERS)


def test_one_state_directory_one_member(tmp_path: Path) -> None:
    """A second daemon on the same directory is refused with the remedy."""
    first = Store(tmp_path, VOTERS)
    with pytest.raises(StoreError, match="used by another HAD"):
        Store(tmp_path, VOTERS)
    first.close(5)


@pytest.mark.parametrize("directory", ["/proc/hadelect", "/etc/passwd/state"])
def test_a_directory_that_cannot_be_written_is_refused(directory: str) -> None:
    """The path and the remedy are in the one line."""
    with pytest.raises(StoreError, match=directory):
        Store(Path(directory), VOTERS)


def test_a_list_too_long_is_refused(tmp_path: Path) -> None:
    """More names than a slot can hold: said at the start, not at the first write."""
    names = tuple(Name("x" * 200 + f"{n}:1") for n in range(60))
    with pytest.raises(StoreError, match="HAD_LIST"):
        Store(tmp_path, Voters(names))


def test_a_full_disk_is_said_and_a_later_success_too(tmp_path: Path) -> None:
    """A failed write is told with its reason; the next good one replaces nothing newer."""
    store = Store(tmp_path, VOTERS)
    answers: queue.Queue[tuple[int, str]] = queue.Queue()
    good, store._fd = store._fd, os.open("/dev/full", os.O_RDWR)
    store.persist(RECORD, lambda serial, failed: answers.put((serial, failed)))
    serial, failed = answers.get(timeout=5)
    assert serial == 1
    assert FILE in failed
    store._fd = good
    write(store, replace(RECORD, serial=2))
    store.close(5)
    assert reopened(tmp_path).found.record == replace(RECORD, serial=2)


def test_a_write_has_happened_once_it_is_synced() -> None:
    """What takes every byte and cannot sync (/dev/null) has written nothing."""
    fd = os.open("/dev/null", os.O_RDWR)
    try:
        with pytest.raises(OSError, match="Invalid argument"):
            slots.write(fd, slots.Slot(1, b"content"))
    finally:
        os.close(fd)


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from hadelect.core.effects import Record
from hadelect.runtime.store import Store, Voters
store = Store(Path(sys.argv[1]), Voters(("a:1", "b:1")))
def told(serial, failed):
    print(serial, failed, flush=True)
    store.persist(Record(serial=serial + 1), told)
store.persist(Record(serial=1), told)
sys.stdin.read()
"""


@pytest.mark.parametrize("writes", [1, 2, 7, 40])
def test_kill_9_between_slots_loses_nothing_that_was_said(tmp_path: Path, writes: int) -> None:
    """After SIGKILL in the middle of writing, the newest record is not older than the last ack."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        for _ in range(writes):
            writer.stdout.readline()
        writer.kill()
        acked = [writes, *(int(line.split()[0]) for line in writer.stdout if line.endswith("\n"))]
    found = reopened(tmp_path).found.record
    assert found is not None
    assert found.serial >= acked[-1]
