"""The store dies at every step of its work."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.replication import disk
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, send, tree

WORK = ["snapshot", "receive", "install", "catch up", "restore", "aside"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """In memory if possible: processes die here, not machines, and the disk need not be waited for.

    The death of a machine is that of the process as long as each fsync is where it must be.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as place:
        yield Path(place)


@pytest.mark.parametrize("what", WORK)
def test_killed_at_every_step(what: str, place: Path) -> None:
    """After the death of the process before any change of the disk, the live files are the old
    version or the new one, in all roots, and the same work done again succeeds.
    """
    prepared, world = place / "prepared", place / "world"
    world.mkdir()
    old, new = _prepared(world, what)
    world.rename(prepared)
    at = 0
    while True:
        shutil.rmtree(world, ignore_errors=True)
        subprocess.run(["cp", "-a", prepared, world], check=True)
        died = _dies(world, what, at)
        member = Member(world / "member")
        now = _contents(member)
        assert now in (old, new), (what, at)
        if what in {"snapshot", "receive", "catch up", "aside"}:
            assert now == old, (what, at)
        source = Member(world / "source")
        _work(member, source, what)
        assert _contents(member) == new, (what, at)
        assert not member.store.look(exact=True).dirty, (what, at)
        if what == "catch up":
            _written_over(member)
            assert _contents(member) == new, at
        source.store.close()
        member.store.close()
        if not died:
            break
        at += 1
    assert at > {"aside": 10, "install": 3}.get(what, 12)


def _written_over(member: Member) -> None:
    """By a controllee; then the version that was fetched is restored."""
    fetched = member.store.versions()[0].line
    member.queue.write_bytes(b"written over")
    (member.spool / "fresh").unlink()
    member.store.snapshot(member.line_of(2))
    member.store.restore(fetched.version, member.line_of(3))


def _contents(member: Member) -> tuple[object, object]:
    def bare(path: Path) -> dict[bytes, object]:
        return {name: (found[0], found[3]) for name, found in tree(path).items()}

    return bare(member.queue), bare(member.spool)


def _prepared(path: Path, what: str) -> tuple[object, object]:
    source, member = Member(path / "source"), Member(path / "member")
    fill(source)
    source.snap()
    if what == "restore":  # What it snapped itself: of what it had fetched, the shadow was older.
        fill(member)
        member.snap()
    else:
        replicate(source, member)
    old = _contents(member)
    changing = member if what in {"snapshot", "restore"} else source
    with changing.queue.open("r+b") as file:
        file.seek(2 * BLOCK)
        file.write(b"changed")
    (changing.spool / "deep" / "er" / "file").unlink()
    (changing.spool / "fresh").write_bytes(b"fresh")
    new = _contents(changing)
    if what == "restore":
        member.snap()
        old, new = new, old
    if what == "snapshot":
        old = new
    if what in {"receive", "install", "catch up"}:
        source.snap()
    if what == "install":
        send(source, member)
    if what == "catch up":
        replicate(source, member)
        old = new
    if what in {"aside", "receive"}:
        new = old
    source.store.close()
    member.store.close()
    return old, new


def _work(member: Member, source: Member, what: str) -> None:
    match what:
        case "snapshot":
            member.snap()
        case "receive":
            if member.store.received is None:
                send(source, member)
        case "install":
            if member.store.received is not None:
                member.store.install(member.store.received)
        case "catch up":
            while member.store.catch_up(0):
                pass
        case "restore":
            if member.store.held is not None and member.store.held.version.term == 1:
                oldest = member.store.versions()[-1]
                member.store.restore(oldest.line.version, member.line_of(2))
        case _:
            member.store.set_aside("it forked")


def _dies(world: Path, what: str, at: int) -> bool:
    """In a child, which is gone before the step `at`, without a word; False: it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            member, source = Member(world / "member"), Member(world / "source")
            left = at

            def die(_: str) -> None:
                nonlocal left
                if left == 0:
                    os._exit(9)
                left -= 1

            disk.before = die
            _work(member, source, what)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 9}
    return code == 9
