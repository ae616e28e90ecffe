"""The store dies at every step of its work."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hadelect.replication import disk
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, send, tree

Killer = Callable[[int], None]
WORK = ["snapshot", "receive", "install", "catch up", "restore", "aside"]


@pytest.mark.parametrize("what", WORK)
def test_killed_at_every_step(what: str, place: Path) -> None:
    """After the death of the process before any change of the disk, the live files are the old
    version or the new one, in all roots, and the same work done again succeeds.
    """
    steps = _killed(what, place, _before_a_step)
    assert steps > {"aside": 10, "install": 3}.get(what, 12)


@pytest.mark.parametrize("what", ["snapshot", "receive", "catch up", "restore", "aside"])
def test_torn_writes(what: str, place: Path) -> None:
    """The same if half of a write has reached the disk, any of them."""
    assert _killed(what, place, _in_a_write) >= 3


def _killed(what: str, place: Path, killer: Killer) -> int:
    """At the first step, at the second, ... until it comes to its end: how many there were."""
    prepared, world = place / "prepared", place / "world"
    world.mkdir()
    old, new = _prepared(world, what)
    world.rename(prepared)
    at = 0
    while True:
        shutil.rmtree(world, ignore_errors=True)
        subprocess.run(["cp", "-a", prepared, world], check=True)
        died = _dies(world, what, lambda: killer(at))  # noqa: B023 - it is over when at changes.
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
            return at
        at += 1


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


def _before_a_step(left: int) -> None:
    def die(_: str) -> None:
        nonlocal left
        if left == 0:
            os._exit(9)
        left -= 1

    disk.before = die


def _in_a_write(left: int) -> None:
    whole = os.pwrite

    def tear(fd: int, data: Any, at: int) -> int:
        nonlocal left
        if left == 0:
            whole(fd, data[: len(data) // 2], at)
            os._exit(9)
        left -= 1
        return whole(fd, data, at)

    os.pwrite = tear


def _dies(world: Path, what: str, prepare: Callable[[], None]) -> bool:
    """In a child, which is gone all of a sudden, as prepared; False: it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            member, source = Member(world / "member"), Member(world / "source")
            prepare()
            _work(member, source, what)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 9}
    return code == 9
