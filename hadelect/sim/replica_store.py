"""The state files of one machine and what its replication daemon keeps of them: on disk.

The contract of hadelect/replication/store.py, without files:
1. What is held, received and kept outlives every process; each call is done whole or not at all.
2. Nothing is installed while a tree may live here.
3. A second copy, the shadow, is all that a version has once the live files are written to: a
   version that was switched live and then written over before the next snapshot is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hadelect.core.replication.effects import Note
from hadelect.core.replication.events import Failure
from hadelect.core.replication.messages import UNKNOWN_MS
from hadelect.core.versions import Line, Version, newer
from hadelect.sim.contents import NOTHING, Content, digest_of

if TYPE_CHECKING:
    from hadelect.sim.machine import Machine
    from hadelect.sim.replica_referees import ReplicaReferees

KEPT = 5
NOTED_NOTHING = Note(None, UNKNOWN_MS)

LineOf = Callable[[str], Line]


class Trouble(Exception):
    """A piece of work that was not done; nothing has changed."""

    def __init__(self, failure: Failure, because: str) -> None:
        super().__init__(because)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Kept:
    line: Line
    content: Content


@dataclass
class Catalog:
    """What a wipe of the state directory takes."""

    held: Kept | None = None
    received: Kept | None = None
    versions: list[Kept] = field(default_factory=list)  # Newest last.
    packed: dict[Content, bool] = field(default_factory=dict)  # Whole without live and shadow.
    asides: list[Content] = field(default_factory=list)
    note: Note = NOTED_NOTHING
    noted_at: int = 0


class ReplicaStore:
    def __init__(self, machine: "Machine", referees: "ReplicaReferees") -> None:
        self._machine = machine
        self._referees = referees
        self._contents = referees.contents
        self.catalog = Catalog()
        self.live: Content = NOTHING
        self.shadow: Content = NOTHING
        self.wiped: Content = NOTHING  # What was held when it was wiped last.
        self.full = False  # The disk.
        self.switching = False  # The lock is held exclusively.

    # -- what is there ---------------------------------------------------------------------------

    @property
    def held(self) -> Line | None:
        return self.catalog.held.line if self.catalog.held else None

    @property
    def content(self) -> Content:
        """Of what is held."""
        return self.catalog.held.content if self.catalog.held else NOTHING

    @property
    def locked(self) -> bool:
        """An init holds the lock from before the exec until nothing is left of its tree."""
        return any(tree.started for tree in self._machine.trees)

    def look(self) -> tuple[bool, str]:
        """Dirty; what is missing."""
        gone = self._contents.is_empty(self.live) and not self._contents.is_empty(self.content)
        return self.live != self.content, "all that the state held is gone" if gone else ""

    def find(self, version: Version) -> Kept | None:
        return next((one for one in self.catalog.versions if one.line.version == version), None)

    def serves(self, version: Version) -> Kept:
        """Raises Trouble: it is not kept any more."""
        kept = self.find(version)
        whole = kept is not None and (
            kept.content in (self.live, self.shadow) or kept.content in self.catalog.packed
        )
        if kept is None or not whole:
            raise Trouble(Failure.GONE, f"version {version} is not kept any more")
        return kept

    # -- a leader's ------------------------------------------------------------------------------

    def mark(self, line: Line) -> Line:
        held = self.catalog.held
        if held is None:
            raise Trouble(Failure.GONE, "there is no version here that could be marked")
        if held.line.version.digest != line.version.digest:
            raise Trouble(Failure.DISK, f"what is held has another digest than {line.version}")
        self._check_room()
        self._hold(Kept(line, held.content))
        return line

    def snapshot(self, content: Content, line_of: LineOf, *, empty: bool) -> Line | None:
        """Of what was live at an instant."""
        held = self.catalog.held
        if held is not None and held.content == content:
            return None
        gone = self._contents.is_empty(content) and not self._contents.is_empty(self.content)
        if gone and not empty:
            raise Trouble(Failure.EMPTY, "all that the state held is gone")
        self._check_room()
        if gone:
            content = self._emptied_on_purpose(content)
        line = line_of(digest_of(content))
        self._patch(content)
        self._hold(Kept(line, content))
        return line

    def _emptied_on_purpose(self, content: Content) -> Content:
        empty = self._contents.write(self.content, self._machine.world.now, empty=True)
        if self.live == content:
            self.live = empty
        return empty

    def _hold(self, kept: Kept) -> None:
        self.catalog.held, self.catalog.received = kept, None
        self._keep(kept)
        self._referees.taken(self._machine.name, kept)
        self._referees.holds(self._machine.name, kept.line.version)

    # -- a copy ----------------------------------------------------------------------------------

    def receive(self, kept: Kept) -> None:
        held = self.held
        if held is not None and not newer(kept.line.version, held.version):
            words = f"version {kept.line.version} is not newer than {held.version}"
            raise Trouble(Failure.PEER, words)
        self._check_room()
        self._patch(kept.content)
        self.catalog.received = kept
        self._keep(kept)

    def install(self, line: Line, aside: str) -> str:
        """Where what was live is kept. Raises Trouble."""
        if self.locked:
            raise Trouble(Failure.LOCKED, "a controllee runs")
        held, received = self.catalog.held, self.catalog.received
        if received is not None and received.line == line:
            wanted = received
        elif held is not None and held.line == line:
            wanted = held
            self.serves(line.version)
        else:
            raise Trouble(Failure.GONE, f"version {line.version} was not received")
        self._check_room()
        kept = self._set_aside() if aside else ""
        self._switch(wanted)
        return kept

    def restore(self, version: Version, line_of: LineOf) -> Line:
        """That old content again, as a newer one: an operator wants it so."""
        if self.locked:
            raise Trouble(Failure.LOCKED, "a controllee runs")
        self.serves(version)
        self._check_room()
        if self.live != self.content:
            self._set_aside()
        again = self._contents.write(self.content, self._machine.world.now)
        line = line_of(digest_of(again))
        self._switch(Kept(line, again))
        self._keep(Kept(line, again))
        self._referees.taken(self._machine.name, Kept(line, again))
        return line

    def _set_aside(self) -> str:
        self.catalog.asides.append(self.live)
        self._machine.world.counters["lines kept aside"] += 1
        return f"aside/{self.held.version if self.held else 'none'}"

    def _switch(self, wanted: Kept) -> None:
        old = self.live
        self.live, self.shadow = wanted.content, old
        self.catalog.held, self.catalog.received = wanted, None
        self._referees.holds(self._machine.name, wanted.line.version)
        self._referees.replaced(self._machine, old)

    def _patch(self, content: Content) -> None:
        """The shadow becomes that; what a kept version needs of it is packed first."""
        if any(one.content == self.shadow for one in self.catalog.versions):
            self.catalog.packed[self.shadow] = True
        self.shadow = content

    def _keep(self, kept: Kept) -> None:
        versions = [one for one in self.catalog.versions if one.line != kept.line]
        self.catalog.versions = [*versions, kept][-KEPT:]

    def _check_room(self) -> None:
        if self.full:
            raise Trouble(Failure.DISK, "No space left on device: make room")

    # -- what happens to it ----------------------------------------------------------------------

    def written(self, content: Content) -> None:
        """By whoever."""
        self.live = content

    def wipe(self, *, files: bool) -> None:
        """The state directory is emptied; `files`: the state itself, too."""
        self.wiped = self.content
        self.catalog = Catalog()
        self.shadow = NOTHING
        if files:
            self.live = NOTHING
