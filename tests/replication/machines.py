"""Machines with a state and a store, without any network."""

import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

from hadelect.core.versions import Line, continued
from hadelect.core.vocabulary import Term
from hadelect.replication.manifest import BLOCK
from hadelect.replication.store import Options, Store


class Member:
    """One machine: its state (a file and a directory), and its store."""

    def __init__(self, path: Path, state: Path | None = None) -> None:
        """`state`: where its files are, if not in its directory."""
        self.path = path
        path.mkdir(exist_ok=True)
        self.queue, self.spool = (state or path) / "job_queue", (state or path) / "spool"
        self.lock = path / "state.lock"
        self.store = self.open()

    def open(self) -> Store:
        options = Options(self.lock, keep=3)
        return Store.open(self.path / "replication", [self.queue, self.spool], options)

    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()

    def snap(self) -> Line | None:
        return self.store.snapshot(self.line_of(1))

    def line_of(self, term: int) -> Callable[[str], Line]:
        return lambda digest: continued(self.store.held, Term(term), digest)


def tree(path: Path) -> dict[bytes, tuple[object, ...]]:
    """All of it that is replicated."""
    found: dict[bytes, tuple[object, ...]] = {}
    if not os.path.lexists(path):
        return found
    waiting = [os.fsencode(path)]
    while waiting:
        name = waiting.pop()
        known = os.lstat(name)
        key = name[len(os.fsencode(path)) :]
        what: object = None
        mtime = 0
        if stat.S_ISDIR(known.st_mode):
            waiting += [name + b"/" + child for child in os.listdir(name)]  # noqa: PTH208 - of bytes
        elif stat.S_ISLNK(known.st_mode):
            what = os.readlink(name)  # noqa: PTH115 - of bytes
        else:
            what, mtime = Path(os.fsdecode(name)).read_bytes(), known.st_mtime_ns
        found[key] = (known.st_mode, known.st_uid, known.st_gid, what, mtime)
    return found


def same(one: Member, other: Member) -> bool:
    return tree(one.queue) == tree(other.queue) and tree(one.spool) == tree(other.spool)


def send(source: Member, target: Member, line: Line | None = None) -> int:
    """What the daemons do; the bytes that went over."""
    line = line or source.store.held
    assert line is not None
    base = target.store.held.version if target.store.held else None
    if base is not None and source.store.knows(base) is None:
        base = None
    reception = target.store.receive(line, base)
    for change in source.store.changes(line.version, base):
        reception.entry(change)
    sent = 0
    refs = list(reception.missing())
    for ref, data in zip(refs, source.store.read(line.version, refs), strict=True):
        reception.block(ref, data)
        sent += len(data)
    reception.complete()
    return sent


def replicate(source: Member, target: Member) -> int:
    sent = send(source, target)
    assert target.store.received is not None
    target.store.install(target.store.received)
    return sent


def fill(member: Member) -> None:
    member.queue.write_bytes(random.Random(1).randbytes(5 * BLOCK + 77))
    member.spool.mkdir()
    (member.spool / "deep" / "er").mkdir(parents=True)
    (member.spool / "deep" / "er" / "file").write_bytes(b"content")
    (member.spool / "a\nname").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(member.spool) + b"/\xff\xfe")).write_bytes(b"bytes")
    (member.spool / "link").symlink_to("/etc/passwd")
    (member.spool / "deep").chmod(0o711)
    os.chown(member.queue, 12, 34)
    member.queue.chmod(0o640)
