"""The store on a real disk: what one store snapped, another one receives, installs and goes on."""

import contextlib
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.core.versions import Line
from hadelect.replication import disk, patrol
from hadelect.replication.errors import (
    EmptyStateError,
    GoneError,
    LockedError,
    StoreError,
    UnstableError,
)
from hadelect.replication.manifest import BLOCK, EntryChange, Kind, Refused
from hadelect.replication.signature import signature
from hadelect.replication.store import Options, Store
from tests.replication.machines import Member, fill, replicate, same, send, tree


@pytest.fixture
def source(place: Path) -> Iterator[Member]:
    member = Member(place / "source")
    fill(member)
    yield member
    member.store.close()


@pytest.fixture
def target(place: Path) -> Iterator[Member]:
    member = Member(place / "target")
    yield member
    member.store.close()


def test_replicates_exactly(source: Member, target: Member) -> None:
    """What was snapped is installed elsewhere: names, contents, modes, owners, times, links."""
    assert source.snap() is not None
    assert source.snap() is None
    assert not source.store.look().dirty
    replicate(source, target)
    assert same(source, target)
    assert target.store.held == source.store.held
    assert not target.store.look().dirty


def test_only_what_differs_goes_over(source: Member, target: Member) -> None:
    """An append sends the blocks that it touches, an empty change of a mode sends none."""
    source.snap()
    replicate(source, target)
    with source.queue.open("ab") as file:
        file.write(b"x" * BLOCK)
    source.snap()
    assert replicate(source, target) <= 2 * BLOCK
    source.queue.chmod(0o600)
    source.snap()
    assert replicate(source, target) == 0
    assert same(source, target)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def test_nothing_is_installed_under_a_controllee(source: Member, target: Member) -> None:
    """While the lock is held, the version waits on disk, and the live files stay."""
    source.snap()
    send(source, target)
    with target.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert target.store.locked()
        assert target.store.received is not None
        with pytest.raises(LockedError, match="a controllee runs"):
            target.store.install(target.store.received)
        assert not target.queue.exists()
    target.reopen()
    assert target.store.received == source.store.held
    target.store.install(target.store.received)
    assert same(source, target)


def test_old_versions_come_back(source: Member, target: Member) -> None:
    """A version that is kept can be made live again, as a new one; one that is not kept is gone."""
    lines, trees = [], []
    for turn in range(5):
        with source.queue.open("r+b") as file:
            file.write(b"turn %d" % turn)
        lines.append(source.snap())
        trees.append(tree(source.queue))
    assert len(source.store.versions()) == 3
    old = lines[2]
    assert old is not None
    restored = source.store.restore(old.version, source.line_of(2))
    assert restored.version.term == 2
    assert tree(source.queue)[b""][3] == trees[2][b""][3]
    assert not source.store.look(exact=True).dirty
    replicate(source, target)
    assert tree(source.queue)[b""][3] == tree(target.queue)[b""][3]
    assert lines[0] is not None
    with pytest.raises(GoneError):
        source.store.restore(lines[0].version, source.line_of(3))


def test_what_was_there_is_not_replaced_by_nothing(source: Member) -> None:
    """A root that is missing, or content that is all gone, is no version unless one says so."""
    source.snap()
    kept = source.queue.read_bytes()
    source.queue.unlink()
    assert "is not there" in source.store.look().missing
    with pytest.raises(EmptyStateError, match="is not there"):
        source.snap()
    source.queue.write_bytes(b"")
    for path in source.spool.iterdir():
        remove(path)
    assert source.store.look().empty
    with pytest.raises(EmptyStateError, match="all empty"):
        source.snap()
    held = source.store.held
    assert held is not None
    source.store.install(held)
    assert source.queue.read_bytes() == kept
    assert not source.store.look(exact=True).dirty


def test_a_mark_costs_nothing_and_is_served(source: Member, target: Member) -> None:
    """The first version of a term has the content that is held: no block goes over."""
    source.snap()
    replicate(source, target)
    marked = source.store.mark(source.line_of(5))
    assert str(marked.version) == "5.1"
    assert replicate(source, target) == 0
    assert target.store.held == marked


def test_a_line_that_lost_is_kept_aside(source: Member) -> None:
    """Plain files with a reason, until somebody says that they may go."""
    source.snap()
    before = tree(source.spool)
    path = source.store.set_aside("it forked")
    assert tree(path / "1.spool") == before
    assert path.name == "1.1"
    assert source.store.set_aside("again").name == "1.1-2"
    source.reopen()
    assert [(kept.name, kept.because) for kept in source.store.asides()] == [
        ("1.1", "it forked"),
        ("1.1-2", "again"),
    ]
    source.store.forget("1.1")
    with pytest.raises(StoreError, match="no copy '1.1'"):
        source.store.forget("1.1")


EVIL = [
    EntryChange(1, b"../out", Kind.FILE),
    EntryChange(1, b"/etc/passwd", Kind.FILE),
    EntryChange(1, b"a//b", Kind.FILE),
    EntryChange(7, b"", Kind.FILE),
    EntryChange(0, b"", Kind.SYMLINK, target=b"/etc"),
    EntryChange(1, b"gone", Kind.GONE),
]


@pytest.mark.parametrize("change", EVIL)
def test_a_manifest_that_leads_out_is_refused(
    source: Member, target: Member, change: EntryChange
) -> None:
    """No entry of a peer names anything outside its root."""
    line = source.snap()
    assert line is not None
    reception = target.store.receive(line, None)
    with pytest.raises(Refused):
        reception.entry(change)


def test_nothing_is_written_through_a_link(source: Member, target: Member) -> None:
    """A manifest with a link and an entry below it has a stray entry: refused as a whole."""
    (source.spool / "way").symlink_to("/tmp")
    line = source.snap()
    assert line is not None
    reception = target.store.receive(line, None)
    for change in source.store.changes(line.version, None):
        reception.entry(change)
    reception.entry(EntryChange(1, b"way/in", Kind.FILE))
    with pytest.raises(Refused, match="not in a directory"):
        list(reception.missing())
    assert not target.spool.exists()


def test_bad_blocks_are_refused(source: Member, target: Member) -> None:
    """Truncated, oversized, of another digest, never asked for: refused, and the right one still
    arrives; what has arrived is not asked for again after a restart.
    """
    line = source.snap()
    assert line is not None
    reception = target.store.receive(line, None)
    for change in source.store.changes(line.version, None):
        reception.entry(change)
    ref = next(reception.missing())
    (data,) = source.store.read(line.version, [ref])
    for bad in (data[:-1], data + b"x", bytes(len(data))):
        with pytest.raises(Refused):
            reception.block(ref, bad)
    with pytest.raises(StoreError, match="missing"):
        reception.complete()
    reception.block(ref, data)
    target.reopen()
    assert send(source, target) == sum(map(len, (b"content", b"bytes")))
    with pytest.raises(Refused, match="not newer"):
        source.store.receive(line, None)


def test_rot_in_the_shadow_is_not_served(source: Member) -> None:
    """A block of the shadow that is not what it was is read from the live file instead."""
    line = source.snap()
    assert line is not None
    shadow = source.path / ".job_queue.hadelect"
    known = shadow.stat()
    with shadow.open("r+b") as file:
        file.write(b"rotten")
    os.utime(shadow, ns=(known.st_atime_ns, known.st_mtime_ns))
    refs = [ref for ref in _refs(source, line) if ref.root == 0]
    assert b"".join(source.store.read(line.version, refs)) == source.queue.read_bytes()


def _refs(source: Member, line: Line) -> list:  # type: ignore[type-arg]
    other = Member(source.path / "other")
    reception = other.store.receive(line, None)
    for change in source.store.changes(line.version, None):
        reception.entry(change)
    refs = list(reception.missing())
    other.store.close()
    return refs


def test_a_hot_file_is_taken(source: Member) -> None:
    """A log that is appended to all the while is taken, with whole content up to a point."""
    stop, written = threading.Event(), threading.Event()
    log = source.spool / "log"
    log.write_bytes(b"")

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            number = 0
            while not stop.wait(0.001):
                file.write(b"line %09d\n" % number)
                number += 1
                written.set()

    def snapped() -> bool:
        written.clear()
        assert written.wait(10)
        return source.snap() is not None

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(snapped() for _ in range(10))
    finally:
        stop.set()
        writer.join()
    taken = (source.path / ".spool.hadelect" / "log").read_bytes()
    assert taken
    assert log.read_bytes().startswith(taken)


def test_the_second_store_of_a_directory_is_refused(source: Member, tmp_path: Path) -> None:
    """One process at a time; and roots that cannot be exchanged are told before anything else."""
    with pytest.raises(StoreError, match="in use"):
        source.open()
    with pytest.raises(StoreError, match="mount point"):
        Store.open(tmp_path / "r", [Path("/proc")], Options(source.lock))
    (tmp_path / "l").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="symbolic link"):
        Store.open(tmp_path / "r", [tmp_path / "l"], Options(source.lock))


def test_a_time_alone_is_replicated(source: Member, target: Member) -> None:
    """A file that was only touched: its time goes over, no block of it does, and nobody who was
    touched for himself is taken for changed.
    """
    line = source.snap()
    replicate(source, target)
    os.utime(source.queue, ns=(1, 1_000_000_007))
    assert not source.store.look().dirty
    touched = source.snap()
    assert touched is not None
    assert line is not None
    assert touched.version.digest == line.version.digest
    assert replicate(source, target) == 0
    assert same(source, target)
    assert source.snap() is None


def test_what_is_set_aside_is_what_is_replaced(source: Member, target: Member) -> None:
    """Setting aside and installing are one piece of work under one lock; under a controllee there
    is neither.
    """
    source.snap()
    fill(target)
    target.queue.write_bytes(b"another line")
    send(source, target)
    line = target.store.received
    assert line is not None
    with target.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(LockedError):
            target.store.install(line, aside="it forked")
    assert target.store.asides() == []
    path = target.store.install(line, aside="it forked")
    assert path is not None
    assert (path / "0.job_queue").read_bytes() == b"another line"
    assert same(source, target)


def test_a_first_installation_keeps_no_empty_directory(source: Member, target: Member) -> None:
    """What is prepared on a new standby is nothing that was lost; a file in it would be, as would
    an emptied directory where something was held.
    """
    source.snap()
    target.spool.mkdir()
    send(source, target)
    assert target.store.received is not None
    assert target.store.install(target.store.received, aside="before the first version") is None
    assert target.store.asides() == []
    assert same(source, target)
    while target.store.catch_up():
        pass
    shutil.rmtree(target.spool)
    target.queue.unlink()
    target.spool.mkdir()
    assert target.store.held is not None
    assert target.store.install(target.store.held, aside="written to") is not None


def test_a_first_installation_keeps_what_is_there(source: Member, target: Member) -> None:
    source.snap()
    target.spool.mkdir()
    (target.spool / "empty").touch()
    send(source, target)
    assert target.store.received is not None
    kept = target.store.install(target.store.received, aside="before the first version")
    assert kept is not None
    assert (kept / "1.spool" / "empty").exists()


def test_how_many_are_kept_may_change(source: Member) -> None:
    """REPLICATION_KEEP is taken from a reload: fewer are kept from the next version on."""
    for turn in range(4):
        source.queue.write_bytes(b"turn %d" % turn)
        source.snap()
    assert len(source.store.versions()) == 3
    source.store.keep = 1
    source.queue.write_bytes(b"last")
    source.snap()
    assert len(source.store.versions()) == 1


def test_a_block_that_changes_under_the_copy(
    source: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the copy a block is written over: what is taken is the content of one
    instant all the same, and is served whole.
    """
    source.snap()
    with source.queue.open("r+b") as file:
        file.write(b"looked at")
    late = iter([b"copied in"])

    def race(step: str) -> None:
        if step == "committed" and (data := next(late, b"")):
            with source.queue.open("r+b") as file:
                file.write(data)

    monkeypatch.setattr(disk, "before", race)
    line = source.snap()
    assert line is not None
    monkeypatch.undo()
    shadow = source.path / ".job_queue.hadelect"
    assert shadow.read_bytes() == source.queue.read_bytes()
    assert shadow.read_bytes().startswith(b"copied in")
    refs = [ref for ref in _refs(source, line) if ref.root == 0]
    assert b"".join(source.store.read(line.version, refs)) == source.queue.read_bytes()
    assert not source.store.look(exact=True).dirty


def test_rot_does_not_go_live(
    source: Member, target: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block of the shadow that rotted without a trace is mended before it is switched in; of a
    set that is too large to be read each time, within as many versions as it is times larger.
    """
    monkeypatch.setattr(patrol, "AT_ONCE", 2 * BLOCK)
    monkeypatch.setattr(patrol, "FILES", 3)
    source.snap()
    replicate(source, target)
    while target.store.catch_up():
        pass
    rot(target, target.path / ".job_queue.hadelect", 4 * BLOCK)
    for turn in range(6):
        (source.spool / "fresh").write_bytes(b"%d" % turn)
        source.snap()
        replicate(source, target)
        while target.store.catch_up():
            pass
    assert target.store.rotten() == [target.queue]
    assert same(source, target)
    target.reopen()
    rot(target, target.path / ".job_queue.hadelect", BLOCK)
    (source.spool / "fresh").write_bytes(b"last")
    source.snap()
    assert replicate(source, target) == 4
    assert same(source, target)


def rot(member: Member, path: Path, at: int) -> None:
    """A byte of the disk is another one; nothing else tells."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"?")
    row = member.store._stock.reader.rows.files_from(1 << 40, 0, b"")
    side = 1 - member.store._stock.catalog.live
    query = f"UPDATE entries SET sign{side} = ? WHERE id = ?"
    member.store._stock.catalog.db.execute(query, (signature(path.stat()), next(row).id))


def test_what_vanishes_under_a_scan(source: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are listed and gone, files that are found and gone, a file that is a directory by
    then: the version is what was there at one instant.
    """
    for number in range(40):
        (source.spool / f"job.{number:02}").write_bytes(b"%d" % number)
    source.snap()
    listed, opened = os.listdir, os.open
    doomed = [source.spool / f"job.{number:02}" for number in range(30)]

    def vanish() -> None:
        if doomed:
            doomed.pop().unlink()

    def listing(where: int) -> list[str]:
        found = listed(where)
        vanish()
        return found

    def opening(*arguments: object, **named: object) -> int:
        if arguments[0] == b"job.35":
            vanish()
            remove(source.spool / "job.39")
            (source.spool / "job.39").mkdir(exist_ok=True)
        return opened(*arguments, **named)  # type: ignore[arg-type]

    for number in range(30, 40):
        (source.spool / f"job.{number:02}").write_bytes(b"again %d" % number)
    monkeypatch.setattr(os, "listdir", listing)
    monkeypatch.setattr(os, "open", opening)
    with contextlib.suppress(UnstableError):
        source.snap()
    assert len(doomed) < 30
    monkeypatch.undo()
    source.snap()
    assert not source.store.look(exact=True).dirty
    assert tree(source.path / ".spool.hadelect") == tree(source.spool)


def test_a_busy_directory(source: Member, target: Member) -> None:
    """Jobs come, change and go all the while: each version that is taken is whole."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.wait(0.0005):
            number += 1
            (source.spool / f"new.{number % 20}").write_bytes(b"job %d" % number * 50)
            (source.spool / f"new.{number % 20}").replace(source.spool / f"job.{number % 50}")
            (source.spool / f"job.{(number + 25) % 50}").unlink(missing_ok=True)

    worker = threading.Thread(target=work)
    worker.start()
    taken = 0
    try:
        for _ in range(15):
            with contextlib.suppress(UnstableError):
                if source.snap() is not None:
                    taken += 1
                    replicate(source, target)
                    assert not target.store.look(exact=True).dirty
    finally:
        stop.set()
        worker.join()
    source.snap()
    if source.store.held != target.store.held:
        replicate(source, target)
    assert same(source, target)


def test_a_broken_off_switch_does_not_go_on_under_a_controllee(
    source: Member, target: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in this process nor in the next; once the controllee is gone, all of it is new."""
    source.snap()
    replicate(source, target)
    source.queue.write_bytes(b"new")
    (source.spool / "fresh").write_bytes(b"new")
    source.snap()
    send(source, target)
    steps = iter(range(9))

    def fail(step: str) -> None:
        if step == "exchange" and next(steps) == 1:
            raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(disk, "before", fail)
    line = target.store.received
    assert line is not None
    with pytest.raises(StoreError, match="the disk is failing"):
        target.store.install(line)
    monkeypatch.undo()
    with target.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(LockedError):
            target.store.look()
        target.store.close()
        with pytest.raises(LockedError):
            target.open()
        assert not (target.spool / "fresh").exists()
    target.store = target.open()
    assert same(source, target)
    assert target.store.held == line
