"""Versions of the controllee's state, and what one of them contains of another.

Law 1: a version is written by one leader only, the one whose term it carries, one after the other:
two versions of one term lie on one line.
Law 2: the first version of a term names what it was made from (`ends`): so a line tells, without
any history at hand, whether it contains another's last version or has left it behind.
Law 3: newer is not the same as "contains": of two lines that forked, the higher term is the newer,
and the other one must be kept aside before it is replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hadelect.core.vocabulary import Millis, Term

ENDS_KEPT = 64  # Earlier terms named by a line; what is older counts as not contained.


@dataclass(frozen=True, slots=True)
class Version:
    """One state of the whole set, as the leader of `term` took it; `sequence` counts from 1.

    Only `place` has an order: two versions at one place with two digests are a conflict.
    """

    term: Term
    sequence: int
    digest: str  # Of the set; hex.

    @property
    def place(self) -> tuple[int, int]:
        """What versions are ordered by."""
        return self.term, self.sequence

    def __str__(self) -> str:
        return f"{self.term}.{self.sequence}"


@dataclass(frozen=True, slots=True)
class Line:
    """A version, and what it was made from: for every earlier term the last of it, oldest first."""

    version: Version
    ends: tuple[tuple[Term, int], ...] = ()


@dataclass(frozen=True)
class Replica:
    """What a member says of its copy of the state: in its standing, on the wire, in status."""

    version: Version | None = None  # Installed; on a leader the last snapped. None: none ever.
    known: Version | None = None  # The newest it ever heard of (durable).
    ready: bool = False  # A controllee could start on the live files now, for all that it knows.
    lag_ms: Millis = Millis(0)  # How old its state may be: what a promotion now could lose.
    problem: str = ""  # Not empty: why no controllee should be started here.


def newer(one: Version | None, other: Version | None) -> bool:
    """Whether `one` is later than `other` in the pool's order (forks included); None is oldest."""
    if one is None:
        return False
    return other is None or one.place > other.place


def newest(versions: Iterable[Version | None]) -> Version | None:
    """The last of these in the pool's order; None if there is none."""
    found: Version | None = None
    for version in versions:
        if newer(version, found):
            found = version
    return found


def contains(line: Line | None, older: Version | None) -> bool:
    """Whether all that was in `older` is in this line: it is the same version or an ancestor.

    Nothing (None) is contained in everything; at one place only the same digest is the same.
    """
    if older is None:
        return True
    if line is None:
        return False
    mine = line.version
    if older.term == mine.term:
        same = older.digest == mine.digest
        return older.sequence < mine.sequence or (older.sequence == mine.sequence and same)
    return any(term == older.term and older.sequence <= last for term, last in line.ends)


def conflicting(one: Version | None, other: Version | None) -> bool:
    """Whether two contents claim one place: never true unless a store was lost or tampered with."""
    if one is None or other is None:
        return False
    return one.place == other.place and one.digest != other.digest


def continued(line: Line | None, term: Term, digest: str) -> Line:
    """The next version of that line, taken under this term; None: the first of all.

    Raises ValueError if the line was written under a higher term: no leader ever goes back.
    """
    if line is None:
        return Line(Version(term, 1, digest))
    last = line.version
    if term < last.term:
        raise ValueError(f"version {last} cannot be continued under the lower term {term}")
    if term == last.term:
        return Line(Version(term, last.sequence + 1, digest), line.ends)
    ends = (*line.ends, (last.term, last.sequence))[-ENDS_KEPT:]
    return Line(Version(term, 1, digest), ends)
