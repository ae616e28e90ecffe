"""What the live files are now, put into a draft: every entry that its signature does not vouch for.

Law 1: an entry's signature is taken before its content is read. If it is the same afterwards (and
       old enough to prove anything), the content was the same all the while.
Law 2: a file whose content is read twice and is the same block by block had this content at the
       instant between the two readings. Of a file that grew, what was read first is its content.
"""

import os

from hadelect.replication import disk
from hadelect.replication.catalog import Row
from hadelect.replication.draft import Draft, FileDraft
from hadelect.replication.manifest import BLOCK, DIGEST, EntryChange, Kind, header_hash
from hadelect.replication.rows import CHUNK
from hadelect.replication.scan import Found
from hadelect.replication.signature import kind_of, recent, signature
from hadelect.replication.sums import SUM, Known, pieces
from hadelect.replication.tree import Tree


class Collector:
    """Puts what is found on the live side into a draft."""

    def __init__(self, draft: Draft, side: int, trees: list[Tree]) -> None:
        self.draft = draft
        self.side = side
        self.trees = trees
        self._seed: int = draft.catalog.get("seed")

    def collect(self, found: Found) -> bool:
        """Whether the draft changed. Raises OSError."""
        row = self.draft.at(found.root, found.path)
        if found.stat is None:
            if row is not None:
                self.draft.drop(row)
            return row is not None
        try:
            match kind_of(found.stat):
                case Kind.FILE:
                    return self._file(found, row)
                case Kind.SYMLINK:
                    return self._link(found)
                case _:
                    return self._directory(found)
        except (FileNotFoundError, NotADirectoryError):  # Removed while we looked.
            if row is not None:
                self.draft.drop(row)
            return True

    def _header(self, found: Found, stat: os.stat_result, kind: Kind) -> EntryChange:
        mode = stat.st_mode & 0o7777 if kind is not Kind.SYMLINK else 0
        return EntryChange(found.root, found.path, kind, mode, stat.st_uid, stat.st_gid, mtime_ns=0)

    def _directory(self, found: Found) -> bool:
        assert found.stat is not None
        change = self._header(found, found.stat, Kind.DIRECTORY)
        sign = self.side, signature(found.stat)
        return self.draft.put(change, header_hash(change).digest(), 0, sign)

    def _link(self, found: Found) -> bool:
        assert found.stat is not None
        place = self.trees[found.root].place(found.path)
        try:
            target = os.readlink(place.name, dir_fd=place.directory)
        except OSError:  # It is no link any more.
            return True
        header = self._header(found, found.stat, Kind.SYMLINK)
        change = EntryChange(
            header.root,
            header.path,
            header.kind,
            uid=header.uid,
            gid=header.gid,
            target=os.fsencode(target),
        )
        return self.draft.put(change, header_hash(change).digest(), 0, self._sign(found.stat))

    def _sign(self, stat: os.stat_result) -> tuple[int, bytes | None]:
        return self.side, None if recent(stat) else signature(stat)

    def _file(self, found: Found, row: Row | None) -> bool:
        try:
            fd = self.trees[found.root].open(found.path, disk.READ)
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
                raise
            return True  # A symbolic link by now.
        try:
            stat = os.fstat(fd)
            if kind_of(stat) is not Kind.FILE:
                return True
            grew = row is not None and row.born == self.draft.number and row.size < stat.st_size
            if grew and row is not None and self._still_begins(fd, row):
                self.draft.sign(row.id, self.side, None)
                return False
            return self._read(fd, stat, found)
        finally:
            os.close(fd)

    def _still_begins(self, fd: int, row: Row) -> bool:
        """Whether the file begins with what was read of it before."""
        wanted = b"".join(
            digests for _, digests in self.draft.rows.digests(row.file, self.draft.number)
        )
        found = pieces(fd, row.size, self._known(row.file))
        return b"".join(piece.digests for piece in found) == wanted

    def _known(self, file: int) -> Known:
        """What is known of a file's blocks, from one on."""

        def known(first: int) -> tuple[bytes, bytes]:
            chunk, at = divmod(first, CHUNK)
            digests, sums = self.draft.rows.summed(file, self.draft.number, chunk)
            return digests[at * DIGEST :], sums[at * SUM :]

        return Known(self._seed, known)

    def _read(self, fd: int, stat: os.stat_result, found: Found) -> bool:
        blocks = FileDraft(self.draft, found.root, found.path)
        size = 0
        for piece in pieces(fd, stat.st_size, self._known(blocks.file)):
            if piece.length and size % BLOCK == 0:
                blocks.blocks(size // BLOCK, piece.digests, piece.sums)
                size += piece.length
        header = self._header(found, stat, Kind.FILE)
        change = EntryChange(
            header.root,
            header.path,
            header.kind,
            header.mode,
            header.uid,
            header.gid,
            size,
            stat.st_mtime_ns,
        )
        return blocks.end(change, self._sign(stat))
