"""Whatever happens to a tree, whoever leads: a copy is the same, and what is kept comes back."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hadelect.core.versions import Line
from hadelect.replication.errors import EmptyStateError
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, same, tree

NAMES = st.sampled_from([b"a", b"b", b"new\nline", b"\xff", b" ", b"a/b", b"a/c", b"a/b/c"])
SIZES = st.sampled_from([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Trees(RuleBasedStateMachine):
    """Two members; the one that leads changes, the other one follows."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir=MEMORY))
        self.leader, self.backup = Member(self.home / "one"), Member(self.home / "two")
        self.term, self.turn = 1, 0
        self.kept: dict[str, tuple[Line, object]] = {}

    @initialize()
    def begin(self) -> None:
        fill(self.leader)
        self.snap()

    def teardown(self) -> None:
        self.leader.store.close()
        self.backup.store.close()
        shutil.rmtree(self.home)

    # --- what a scheduler does ---

    def at(self, name: bytes) -> Path:
        return self.leader.spool / os.fsdecode(name)

    def room(self, name: bytes) -> Path:
        """For something new; what is in the way goes."""
        path = self.at(name)
        self.leader.spool.mkdir(exist_ok=True)
        for above in reversed(path.relative_to(self.leader.spool).parents):
            where = self.leader.spool / above
            if not where.is_dir() or where.is_symlink():
                where.unlink(missing_ok=True)
                where.mkdir()
        remove(path)
        return path

    @rule(name=NAMES, size=SIZES)
    def write(self, name: bytes, size: int) -> None:
        self.turn += 1
        self.room(name).write_bytes(b"%09d" % self.turn * (size // 9) + b"x" * (size % 9))

    @rule(name=NAMES)
    def make_directory(self, name: bytes) -> None:
        self.room(name).mkdir()

    @rule(name=NAMES, to=st.sampled_from(["/etc/passwd", "..", "a"]))
    def link(self, name: bytes, to: str) -> None:
        self.room(name).symlink_to(to)

    @rule(name=NAMES)
    def hard_link(self, name: bytes) -> None:
        if self.leader.queue.exists():
            os.link(self.leader.queue, self.room(name))

    @rule(name=NAMES)
    def remove(self, name: bytes) -> None:
        remove(self.at(name))

    @rule(old=NAMES, new=NAMES)
    def move(self, old: bytes, new: bytes) -> None:
        if os.path.lexists(self.at(old)) and old.split(b"/")[0] != new.split(b"/")[0]:
            aside = self.leader.path / "moving"
            self.at(old).rename(aside)
            aside.rename(self.room(new))

    @rule(at=SIZES, length=SIZES)
    def write_in_place(self, at: int, length: int) -> None:
        self.turn += 1
        with self.leader.queue.open("r+b") as file:
            file.seek(at)
            file.write(bytes([self.turn % 256]) * length)

    @rule(size=SIZES.filter(bool))
    def truncate(self, size: int) -> None:
        os.truncate(self.leader.queue, size)

    @rule(mode=st.sampled_from([0o600, 0o644, 0o4755]), uid=st.sampled_from([0, 12]))
    def give_away(self, mode: int, uid: int) -> None:
        if os.geteuid() == 0:
            os.chown(self.leader.queue, uid, uid)
        self.leader.queue.chmod(mode)

    @rule(when=st.integers(0, 1 << 60))
    def touch(self, when: int) -> None:
        os.utime(self.leader.queue, ns=(when, when))

    # --- what replication does ---

    @rule()
    def snap(self) -> None:
        try:
            line = self.leader.store.snapshot(self.leader.line_of(self.term))
        except EmptyStateError:
            self.leader.queue.write_bytes(b"not empty")
            line = self.leader.store.snapshot(self.leader.line_of(self.term))
        if line is not None:
            self.kept[str(line.version)] = line, contents(self.leader)

    @rule()
    def copy(self) -> None:
        self.snap()
        if self.leader.store.held != self.backup.store.held:
            replicate(self.leader, self.backup)
        assert same(self.leader, self.backup)
        assert not self.backup.store.look(exact=True).dirty

    @rule(pieces=st.integers(1, 9))
    def catch_up(self, pieces: int) -> None:
        for _ in range(pieces):
            self.backup.store.catch_up(0)

    @rule()
    def restart(self) -> None:
        self.leader.reopen()
        self.backup.reopen()

    @precondition(lambda self: self.backup.store.held is not None)
    @rule()
    def promote(self) -> None:
        self.copy()
        self.leader, self.backup = self.backup, self.leader
        self.term += 1
        self.leader.store.mark(self.leader.line_of(self.term))
        all_of_it(self.leader)

    @rule(back=st.integers(0, 2))
    def restore(self, back: int) -> None:
        """The last ones that this member snapped itself; those that it fetched if it caught up."""
        self.snap()
        versions = self.leader.store.versions()
        old = versions[min(back, len(versions) - 1)].line
        known = self.kept.get(str(old.version))
        if known is None or any(kept.line.version.term != self.term for kept in versions):
            return
        line = self.leader.store.restore(old.version, self.leader.line_of(self.term))
        assert contents(self.leader) == known[1]
        all_of_it(self.leader)
        self.kept[str(line.version)] = line, contents(self.leader)


def all_of_it(member: Member) -> None:
    """As the daemon does when it is idle."""
    while member.store.catch_up():
        pass


def contents(member: Member) -> object:
    return tree(member.queue), tree(member.spool)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    with contextlib.suppress(OSError):  # Nothing is there, or a file or a link is above it.
        path.unlink()


TestTrees = Trees.TestCase
TestTrees.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
