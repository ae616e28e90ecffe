"""The store: files on this disk <-> versions of the set. No network, no asyncio, no policy.

Law 1: at every instant, and after a crash at every instant, the live files are the old version or
       the new one, never a mixture; what was said to be held is held.
Law 2: nothing is installed while a controllee holds the lock.
Law 3: nothing outside the roots, their shadows and the store is touched, whatever a peer says.

One thread at a time; calls block on the disk. Anything may raise StoreError (the disk is full,
broken, read-only): then the live files are what they were, and the call may be repeated.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from hadelect.core.versions import Line, Version, newer
from hadelect.replication import revival
from hadelect.replication.aside import Asides
from hadelect.replication.catalog import NOTHING
from hadelect.replication.catch_up import CatchUp, is_behind
from hadelect.replication.disk import speaking
from hadelect.replication.draft import Draft, change_of
from hadelect.replication.errors import GoneError, StoreError
from hadelect.replication.known import read_known, write_known
from hadelect.replication.manifest import BlockRef, EntryChange, Refused
from hadelect.replication.opening import opened
from hadelect.replication.reception import Reception
from hadelect.replication.serving import changes
from hadelect.replication.snapshot import LineOf, Snapshot, spots, take
from hadelect.replication.stock import Stock
from hadelect.replication.switch import Switch, nobody_runs, runs
from hadelect.replication.views import Aside, Kept, Looked, Options

__all__ = ["Aside", "Kept", "LineOf", "Looked", "Options", "Reception", "Store"]

PIECE = 0.05  # Seconds of work that others have to wait for.
SOON = 0.2  # Seconds that a new leader may have to wait for the shadow.


class Store:
    """See the module; open() it, close() it."""

    held: Line | None  # Installed (backup), or last snapped (leader). None: never any.
    received: Line | None  # Complete on this disk and not installed yet (the lock was held).
    known: Line | None  # The newest ever heard of.
    warnings: tuple[str, ...]  # Of the last look or snapshot.
    keep: int  # As in Options; may be set at any time, counts from the next version on.

    @classmethod
    def open(cls, directory: Path, roots: Sequence[Path], options: Options) -> Self:
        """`directory`: $(HAD_STATE_DIR)/replication, made if needed, for one process at a time.

        Ends an installation that was interrupted. Raises StoreError: a root is a mount point, a
        symbolic link or not absolute; the catalog is damaged; no space; it is open elsewhere.
        """
        with speaking(directory):
            return cls(*opened(directory, roots, options.lock), directory, options)

    def __init__(self, stock: Stock, lock: int, directory: Path, options: Options) -> None:
        """Takes over what opened() opened."""
        self.warnings = ()
        self._stock, self._lock, self._options = stock, lock, options
        self.keep = options.keep
        self._known = directory / "known.json"
        self.known = read_known(self._known)
        self._asides = Asides(directory / "aside")
        self._pins: dict[int, int] = {}
        self._reception: Reception | None = None
        self._catch_up: CatchUp | None = None
        self._lost = NOTHING  # The version that the shadow cannot catch up with.
        self._tell()

    def close(self) -> None:
        with contextlib.suppress(StoreError):  # The next open ends it.
            self._alone()
        self._asides.close()
        self._stock.close()
        os.close(self._lock)

    def _alone(self, *, shadow: bool = True) -> None:
        """Nothing half made is in the way. `shadow`: the shadow is needed, or what is live."""
        if shadow and self._catch_up is not None:
            self._catch_up.close()
            self._catch_up = None
        if self._reception is not None:
            self._reception.close()
            self._reception = None
        for number in self._stock.catalog.unfinished():
            self._stock.abandon(number)
        self._stock.reader.forget()
        with speaking("STATE_FILE"):
            Switch(self._stock.catalog, self._stock.roots).end_what_was_begun(self._options.lock)
        self._tell()

    def _tell(self) -> None:
        catalog = self._stock.catalog
        live, shadow = (catalog.version_of(side) for side in (catalog.live, 1 - catalog.live))
        held, received = catalog.taken(live), catalog.taken(shadow)
        self.held = held.line if held is not None else None
        self.received = received.line if received is not None and shadow > live else None

    def _after(self) -> None:
        """A version more: what is not kept any more goes."""
        self._tell()
        self._stock.tidy(self.keep, self._pins)

    def look(self, where: Sequence[Path] | None = None, *, exact: bool = False) -> Looked:
        """Are the live files what is held? Quick for a tree that did not change (one stat each).

        `where`: files and directories that changed by inotify's word; only they are looked at
        (a directory: itself and its names, not deeper). None: everything.
        `exact`: read everything too, whatever its times say (memory-mapped writers).
        """
        self._alone(shadow=False)
        catalog = self._stock.catalog
        with speaking("STATE_FILE"), catalog.change():
            snapshot = Snapshot(self._stock)
            if snapshot.held == NOTHING:
                dirty = any(root.live.stat(b"") is not None for root in self._stock.roots)
            else:
                dirty = snapshot.dirty(spots(self._paths(), where, exact=exact))
            self.warnings = snapshot.warnings()
            missing, empty = snapshot.missing_root(), dirty and snapshot.emptied()
            catalog.erase(snapshot.draft.number)
        return Looked(dirty, missing, empty, self.warnings)

    def _paths(self) -> list[Path]:
        return [root.path for root in self._stock.roots]

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
        self._alone()
        with speaking("STATE_FILE or its shadow"):
            look = spots(self._paths(), where, exact=exact)
            taken = take(self._stock, line_of, look, accept_empty=accept_empty)
            self.warnings = taken.warnings
            self._after()
        return taken.line

    def mark(self, line_of: LineOf) -> Line:
        """The content that is held, as a new version: costs one commit. Raises GoneError.

        If the shadow has a little to catch up, it does so before.
        """
        self.catch_up(SOON)
        self._alone(shadow=False)
        catalog = self._stock.catalog
        side, held = catalog.live, catalog.taken(catalog.version_of(catalog.live))
        if held is None:
            raise GoneError("there is no version here that could be marked: take a snapshot")
        shadow = catalog.version_of(1 - side)
        with speaking("the catalog"), catalog.change():
            draft = Draft(catalog)
            if shadow > held.id:
                draft.back_to(held.id)
            line = line_of(draft.digest())
            draft.name(line)
            catalog.completed(draft.number, (0, 1) if shadow == held.id else (side,))
        self._after()
        return line

    def catch_up(self, seconds: float = PIECE) -> bool:
        """Bring the shadow nearer to what is installed; False: there is nothing to do (any more).

        For whenever nothing else is to be done: until then, the version that was installed last is
        whole only in the live files. Raises StoreError.
        """
        behind = is_behind(self._stock) and self._reception is None
        if not behind or self._lost == self._stock.catalog.version_of(self._stock.catalog.live):
            return False
        more = False
        try:
            with speaking("the shadow of STATE_FILE"):
                self._catch_up = self._catch_up or CatchUp(self._stock)
                more = self._catch_up.go_on(seconds)
        except GoneError:  # A controllee was quicker; the next snapshot fills the shadow.
            self._lost = self._stock.catalog.version_of(self._stock.catalog.live)
        finally:
            if not more:
                self._alone()
        if not more:
            self._after()
        return more

    # --- serving ---------------------------------------------------------------------------------

    def knows(self, version: Version) -> Line | None:
        """The line of a version whose entries are known here (same term, sequence and digest)."""
        taken = self._stock.catalog.find(version)
        return taken.line if taken is not None else None

    def pin(self, version: Version) -> None:
        """Keep it although newer ones come; as often as unpin. Raises GoneError."""
        number = self._stock.catalog.need(version).id
        self._pins[number] = self._pins.get(number, 0) + 1

    def unpin(self, version: Version) -> None:
        taken = self._stock.catalog.find(version)
        if taken is not None and taken.id in self._pins:
            self._pins[taken.id] -= 1
            if not self._pins[taken.id]:
                del self._pins[taken.id]

    def changes(self, version: Version, base: Version | None) -> Iterator[EntryChange]:
        """What differs from `base`; everything if that is None or not known here (see knows()).

        The order is free, but parts of one file follow one another. Raises GoneError.
        """
        number = self._stock.catalog.need(version).id
        known = self._stock.catalog.find(base)
        return changes(self._stock.reader.rows, number, known.id if known else NOTHING)

    def read(self, version: Version, wanted: Iterable[BlockRef]) -> Iterator[bytes]:
        """One piece (at most 1 MiB) for each ref, verified. Raises GoneError."""
        number = self._stock.catalog.need(version).id
        for ref in wanted:
            with speaking(version):
                piece = self._stock.reader.read(number, ref)
            yield piece

    # --- receiving -------------------------------------------------------------------------------

    def receive(self, line: Line, base: Version | None) -> Reception:
        """`base`: what the peer's changes are relative to (None: everything is listed).

        One at a time: an earlier one is closed. Raises GoneError: the base is not known here;
        Refused: not newer than what is held, or no digest.
        """
        self._alone()
        held = self.held.version if self.held is not None else None
        if not newer(line.version, held):
            raise Refused(f"version {line.version} is not newer than {held}, which is held")
        if len(line.version.digest) != 64 or set(line.version.digest) - set("0123456789abcdef"):
            raise Refused(f"version {line.version} has no digest")
        number = self._stock.catalog.need(base).id if base is not None else None
        with speaking("the catalog"):
            self._reception = Reception(self._stock, line, number, self._tell)
        return self._reception

    def install(self, line: Line, aside: str = "") -> Path | None:
        """Switch the live files to the received version. Raises LockedError; then it waits.

        `aside`: why the live files are set aside before, under the same lock; returns where. The
        empty directories of a member that never held anything are not.
        """
        self._alone()
        self._tell()
        if line not in {self.received, self.held}:
            raise GoneError(f"version {line.version} was not received: nothing is installed")
        kept = None
        with speaking("STATE_FILE"), nobody_runs(self._options.lock):
            if aside and (self.held or not all(root.live.is_blank() for root in self._stock.roots)):
                kept = self.set_aside(aside)
            if line == self.received:
                Switch(self._stock.catalog, self._stock.roots).begin()
            elif self.look().dirty:
                held = self._stock.catalog.need(line.version)
                revival.repaired(self._stock, held)
        self._stock.reader.forget()
        self._after()
        return kept

    def note_known(self, line: Line) -> None:
        """Remember, on disk, the newest version ever heard of; older ones change nothing."""
        if self.known is not None and not newer(line.version, self.known.version):
            return
        with speaking(self._known):
            write_known(self._known, line)
        self.known = line

    # --- old versions and lost lines -------------------------------------------------------------

    def versions(self) -> list[Kept]:
        """Newest first."""
        live = self._stock.catalog.version_of(self._stock.catalog.live)
        return [
            Kept(kept.line, kept.taken_at, kept.entries, kept.size, kept.id == live)
            for kept in self._stock.catalog.versions()
        ]

    def entries(self, version: Version) -> Iterator[EntryChange]:
        """For people: each entry once, without blocks. Raises GoneError."""
        number = self._stock.catalog.need(version).id
        return (change_of(row) for row in self._stock.reader.rows.of(number))

    def restore(self, version: Version, line_of: LineOf) -> Line:
        """Make the content of an old version live again, as a new version.

        Raises GoneError, LockedError.
        """
        self._alone()
        old = self._stock.catalog.need(version)
        with speaking("STATE_FILE or its shadow"), nobody_runs(self._options.lock):
            if self.look().dirty:
                self.set_aside(f"replaced by version {version}, which was restored")
            line = revival.again(self._stock, old, line_of)
        self._after()
        return line

    def set_aside(self, because: str) -> Path:
        """Copy the live files as they are to aside/; the copy is on disk when this returns."""
        name = str(self.held.version) if self.held is not None else "none"
        with speaking("aside"):
            for root in self._stock.roots:
                root.forget()
            return self._asides.keep(name, self._stock.roots, because)

    def asides(self) -> list[Aside]:
        """Oldest first."""
        return [
            Aside(name, self._asides.path / name, because, taken_at)
            for name, because, taken_at in self._asides.all()
        ]

    def forget(self, name: str) -> None:
        """Delete a kept copy. Raises StoreError if there is none of this name."""
        with speaking(name):
            self._asides.forget(name)

    def rotten(self) -> list[Path]:
        """Files that a failing disk altered, and that are mended, since the last call."""
        found = self._stock.patrol.rotten()
        return [self._stock.roots[root].path / os.fsdecode(path) for root, path in found]

    # --- the lock --------------------------------------------------------------------------------

    def locked(self) -> bool:
        """Whether a controllee holds the lock now."""
        return runs(self._options.lock)
