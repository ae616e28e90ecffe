"""The store: files on this disk <-> versions of the set. No network, no asyncio, no policy.

Law 1: at every instant, and after a crash at every instant, the live files are the old version or
       the new one, never a mixture; what was said to be held is held.
Law 2: nothing is installed while a controllee holds the lock.
Law 3: nothing outside the roots, their shadows and the store is touched, whatever a peer says.

One thread at a time; calls block on the disk. Anything may raise StoreError (the disk is full,
broken, read-only): then the live files are what they were, and the call may be repeated.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadelect.core.versions import Line, Version
from hadelect.replication.manifest import BlockRef, EntryChange

LineOf = Callable[[str], Line]  # From a set's digest (hex) to the line that it gets.


@dataclass(frozen=True, slots=True)
class Options:
    lock: Path  # $(HAD_STATE_DIR)/state.lock: who runs a controllee holds it, shared.
    keep: int = 5  # REPLICATION_KEEP: how many versions can be restored, the newest included.


@dataclass(frozen=True, slots=True)
class Looked:
    """What the live files are like, compared with what is held."""

    dirty: bool  # They differ from what is held (or nothing is held and there is something).
    missing: str = ""  # Not empty: a root that held has and that is not there; one sentence.
    empty: bool = False  # Held has content, and there is none at all.
    warnings: tuple[str, ...] = ()  # Sockets, devices, ... that are left out; one sentence each.


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that can be shown and restored."""

    line: Line
    taken_at: float  # When it came here; time.time(), for people.
    entries: int
    size: int  # Bytes of its files.
    live: bool  # It is what the live files hold (or held when it was snapped).


@dataclass(frozen=True, slots=True)
class Aside:
    """A kept copy of a line that lost."""

    name: str  # "7.42", "7.42-2", "none"; what `hadelect state forget` takes.
    path: Path
    because: str
    taken_at: float


class Reception:
    """A version that is being received: first its entries, then its blocks, then complete.

    The live files are not touched. What has arrived stays: a reception of the same version that is
    begun later, also after a crash, does not ask for it again.
    """

    bytes_missing: int  # After missing() was called: how much there is still to come.

    def entry(self, change: EntryChange) -> None:
        """In the order of changes(). Raises Refused (manifest.py) if it cannot be."""
        raise NotImplementedError

    def missing(self) -> Iterator[BlockRef]:
        """After the last entry: what must come from a peer. Iterates again over what is still out.

        The first call checks that the entries make the line's digest (Refused), that there is
        room (StoreError), and takes from this disk what is there. Runs of up to 16 blocks.
        """
        raise NotImplementedError

    def block(self, ref: BlockRef, data: bytes) -> None:
        """The content of one of missing(), in any order. Raises Refused: wrong length, digest, or
        never asked for (then nothing was written). A second time is ignored.
        """
        raise NotImplementedError

    def complete(self) -> None:
        """All is here: on disk when this returns. Raises StoreError if something is missing."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up (also after complete(), then without effect)."""
        raise NotImplementedError


class Store:
    """See the module; open() it, close() it."""

    held: Line | None  # Installed (backup), or last snapped (leader). None: never any.
    received: Line | None  # Complete on this disk and not installed yet (the lock was held).
    known: Line | None  # The newest ever heard of.
    warnings: tuple[str, ...]  # Of the last look or snapshot.

    @classmethod
    def open(cls, directory: Path, roots: Sequence[Path], options: Options) -> "Store":
        """`directory`: $(HAD_STATE_DIR)/replication, made if needed, for one process at a time.

        Ends an installation that was interrupted. Raises StoreError: a root is a mount point, a
        symbolic link or not absolute; the catalog is damaged; no space; it is open elsewhere.
        """
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def look(self, where: Sequence[Path] | None = None, *, exact: bool = False) -> Looked:
        """Are the live files what is held? Quick for a tree that did not change (one stat each).

        `where`: files and directories that changed by inotify's word; only they are looked at
        (a directory: itself and its names, not deeper). None: everything.
        `exact`: read everything too, whatever its times say (memory-mapped writers).
        """
        raise NotImplementedError

    def snapshot(
        self,
        line_of: LineOf,
        where: Sequence[Path] | None = None,
        *,
        exact: bool = False,
        accept_empty: bool = False,
    ) -> Line | None:
        """The live files as one consistent instant, as the version that `line_of` names.

        `where` says where to look first; that nothing else changed is always verified by one stat
        of each entry. Returns None if the content is what is held already (line_of is not called).
        Raises UnstableError, EmptyStateError (unless accept_empty). To take a version
        although nothing changed (the first of a term): mark().
        """
        raise NotImplementedError

    def mark(self, line_of: LineOf) -> Line:
        """The content that is held, as a new version: costs one commit. Raises GoneError."""
        raise NotImplementedError

    # --- serving ---------------------------------------------------------------------------------

    def knows(self, version: Version) -> Line | None:
        """The line of a version whose entries are known here (same term, sequence and digest)."""
        raise NotImplementedError

    def pin(self, version: Version) -> None:
        """Keep it although newer ones come; as often as unpin. Raises GoneError."""
        raise NotImplementedError

    def unpin(self, version: Version) -> None:
        raise NotImplementedError

    def changes(self, version: Version, base: Version | None) -> Iterator[EntryChange]:
        """What differs from `base`; everything if that is None or not known here (see knows()).

        The order is free, but parts of one file follow one another. Raises GoneError.
        """
        raise NotImplementedError

    def read(self, version: Version, wanted: Iterable[BlockRef]) -> Iterator[bytes]:
        """One piece (at most 1 MiB) for each ref, verified. Raises GoneError."""
        raise NotImplementedError

    # --- receiving -------------------------------------------------------------------------------

    def receive(self, line: Line, base: Version | None) -> Reception:
        """`base`: what the peer's changes are relative to (None: everything is listed).

        One at a time: an earlier one is closed. Raises GoneError: the base is not known here;
        Refused: not newer than what is held, or no digest.
        """
        raise NotImplementedError

    def install(self, line: Line) -> None:
        """Switch the live files to the received version. Raises LockedError; then it waits."""
        raise NotImplementedError

    def note_known(self, line: Line) -> None:
        """Remember, on disk, the newest version ever heard of; older ones change nothing."""
        raise NotImplementedError

    # --- old versions and lost lines -------------------------------------------------------------

    def versions(self) -> list[Kept]:
        """Newest first."""
        raise NotImplementedError

    def entries(self, version: Version) -> Iterator[EntryChange]:
        """For people: each entry once, without blocks. Raises GoneError."""
        raise NotImplementedError

    def restore(self, version: Version, line_of: LineOf) -> Line:
        """Make the content of an old version live again, as a new version.

        Raises GoneError, LockedError.
        """
        raise NotImplementedError

    def set_aside(self, because: str) -> Path:
        """Copy the live files as they are to aside/; the copy is on disk when this returns."""
        raise NotImplementedError

    def asides(self) -> list[Aside]:
        """Oldest first."""
        raise NotImplementedError

    def forget(self, name: str) -> None:
        """Delete a kept copy. Raises StoreError if there is none of this name."""
        raise NotImplementedError

    # --- the lock --------------------------------------------------------------------------------

    def locked(self) -> bool:
        """Whether a controllee holds the lock now."""
        raise NotImplementedError
