"""Rot: a file of the shadow that looks as it was left and has another content: a disk fails.

Law: before a version is made of the shadow that will be switched in, what it keeps is read: of a
     set of up to AT_ONCE bytes all, of a larger one the next AT_ONCE bytes with every version. So
     rot goes live at most for as many versions as the set is times larger; it is never served
     (reading.py looks at each block).
"""

import os

from hadelect.replication import disk
from hadelect.replication.catalog import Row
from hadelect.replication.manifest import BLOCK, DIGEST, RUN, blocks_of, digests_of
from hadelect.replication.rows import CHUNK
from hadelect.replication.shadow import Shadow

AT_ONCE = 32 << 20
FILES = 1000  # At once: small ones take longer to open than to read.


class Patrol:
    def __init__(self) -> None:
        self._next = (-1, b"", 0)  # Root, path, block.
        self._rotten: list[tuple[int, bytes]] = []

    def rotten(self) -> list[tuple[int, bytes]]:
        """Root and path of what was found since the last time that somebody asked."""
        found, self._rotten = self._rotten, []
        return found

    def walk(self, shadow: Shadow) -> None:
        """After the survey, in its transaction: what is rotten is doubted."""
        left = AT_ONCE // BLOCK
        root, path, first = self._next
        self._next = (-1, b"", 0)
        for count, row in enumerate(shadow.rows.files_from(shadow.have, root, path)):
            first = first if (row.root, row.path) == (root, path) else 0
            if count == FILES or not left:
                self._next = row.root, row.path, first
                return
            last = min(blocks_of(row.size), first + left)
            if not _sound(shadow, row, first, last):
                self._rotten.append((row.root, row.path))
                shadow.doubt([(row.root, row.path)])
            left -= max(0, last - first)
            if last < blocks_of(row.size):
                self._next = row.root, row.path, last
                return


def _sound(shadow: Shadow, row: Row, first: int, last: int) -> bool:
    """Whether these blocks are what they were, or the file is doubted anyhow."""
    if shadow.doubted(row.root, row.path):
        return True
    fd = shadow.trees[row.root].open(row.path, disk.READ)
    try:
        for start in range(first - first % RUN, last, RUN):
            at = start % CHUNK * DIGEST
            wanted = shadow.rows.chunk(row.file, shadow.have, start // CHUNK)[at:][: RUN * DIGEST]
            if digests_of(os.pread(fd, RUN * BLOCK, start * BLOCK)) != wanted:
                return False
    finally:
        os.close(fd)
    return True
