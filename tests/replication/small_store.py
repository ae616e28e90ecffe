"""A store that keeps everything in memory and installs by plain writing: for tests of the daemon.

It has the shape of the real one (hadelect/replication/store.py) and checks digests as that does; it
survives no crash. The real one has tests of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hadelect.core.versions import Line, Version
from hadelect.replication.errors import GoneError, LockedError
from hadelect.replication.manifest import (
    BLOCK,
    DIGEST,
    RUN,
    BlockRef,
    EntryChange,
    Kind,
    Refused,
    blocks_of,
    digests_of,
    set_digest,
)
from hadelect.replication.store import Aside, Kept, LineOf, Looked, Reception, Store

Content = dict[bytes, bytes]  # Of the one root: path to bytes.


def digest_of(content: Content) -> str:
    said = b"".join(b"%b\0%b" % (path, digests_of(data)) for path, data in sorted(content.items()))
    return set_digest(said)


class SmallReception(Reception):
    def __init__(self, store: "SmallStore", line: Line) -> None:
        self.store, self.line = store, line
        self.sizes: dict[bytes, int] = {}
        self.digests: dict[bytes, bytes] = {}
        self.bytes_missing = 0

    def entry(self, change: EntryChange) -> None:
        self.sizes[change.path] = change.size
        self.digests[change.path] = self.digests.get(change.path, b"") + change.blocks

    def missing(self) -> Iterator[BlockRef]:
        arrived = self.store.arrived
        out = [
            BlockRef(0, path, first, min(RUN, blocks_of(size) - first))
            for path, size in sorted(self.sizes.items())
            for first in range(0, blocks_of(size), RUN)
            if self._wanted(BlockRef(0, path, first, min(RUN, blocks_of(size) - first)))
            not in arrived
        ]
        self.bytes_missing = sum(ref.count * BLOCK for ref in out)
        return iter(out)

    def _wanted(self, ref: BlockRef) -> bytes:
        return self.digests[ref.path][ref.index * DIGEST : (ref.index + ref.count) * DIGEST]

    def block(self, ref: BlockRef, data: bytes) -> None:
        if digests_of(data) != self._wanted(ref):
            raise Refused(f"a block of {ref.path!r} has the wrong digest")
        self.store.arrived[self._wanted(ref)] = data

    def complete(self) -> None:
        content = {
            path: b"".join(
                self.store.arrived[
                    self._wanted(BlockRef(0, path, at, min(RUN, blocks_of(size) - at)))
                ]
                for at in range(0, blocks_of(size), RUN)
            )
            for path, size in self.sizes.items()
        }
        if digest_of(content) != self.line.version.digest:
            raise Refused("the entries make another digest")
        self.store.received, self.store.incoming = self.line, content

    def close(self) -> None:
        """Nothing is open."""


class SmallStore(Store):
    def __init__(self, root: Path) -> None:
        self.root = root
        self.held = self.received = self.known = None
        self.warnings = ()
        self.kept: dict[Version, tuple[Line, Content]] = {}
        self.arrived: dict[bytes, bytes] = {}
        self.incoming: Content = {}
        self.runs = False  # A controllee, that is.
        self.altered: Any = lambda piece: piece  # What a hostile one sends instead.

    def live(self) -> Content:
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {bytes(path.relative_to(self.root)): path.read_bytes() for path in files}

    def look(self, where: Sequence[Path] | None = None, *, exact: bool = False) -> Looked:
        held = self.kept[self.held.version][1] if self.held else {}
        return Looked(dirty=self.live() != held)

    def snapshot(
        self,
        line_of: LineOf,
        where: Sequence[Path] | None = None,
        *,
        exact: bool = False,
        accept_empty: bool = False,
    ) -> Line | None:
        content = self.live()
        digest = digest_of(content)
        if self.held is not None and self.held.version.digest == digest:
            return None
        return self._hold(line_of(digest), content)

    def _hold(self, line: Line, content: Content) -> Line:
        self.held = line
        self.kept[line.version] = line, content
        return line

    def knows(self, version: Version) -> Line | None:
        return self.kept[version][0] if version in self.kept else None

    def pin(self, version: Version) -> None:
        if version not in self.kept:
            raise GoneError(f"version {version} is not kept here")

    def unpin(self, version: Version) -> None:
        """All are kept."""

    def changes(self, version: Version, base: Version | None) -> Iterator[EntryChange]:
        for path, data in sorted(self.kept[version][1].items()):
            yield EntryChange(0, path, Kind.FILE, size=len(data), blocks=digests_of(data))

    def read(self, version: Version, wanted: Iterable[BlockRef]) -> Iterator[bytes]:
        content = self.kept[version][1]
        for ref in wanted:
            data = content[ref.path][ref.index * BLOCK : (ref.index + ref.count) * BLOCK]
            yield self.altered(data)

    def receive(self, line: Line, base: Version | None) -> Reception:
        return SmallReception(self, line)

    def install(self, line: Line) -> None:
        if self.runs:
            raise LockedError("a controllee runs")
        assert self.received == line
        for path, data in self.incoming.items():
            target = self.root / path.decode()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        self._hold(line, self.incoming)
        self.received = None

    def versions(self) -> list[Kept]:
        return [
            Kept(line, 0.0, len(content), sum(map(len, content.values())), line == self.held)
            for line, content in reversed(self.kept.values())
        ]

    def asides(self) -> list[Aside]:
        return []

    def locked(self) -> bool:
        return self.runs
