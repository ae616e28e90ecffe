"""The shadow catches up with the live files, a piece at a time.

After an installation it is a version behind: what was fetched last is on this disk only in the live
files. Once a controllee writes over it there, it can neither be served nor restored; and the next
version that is received has all of the difference to copy before it can be installed.

Law 1: that a catch-up is under way is in the catalog before it changes the shadow: what one that
       broke off may have touched is doubted.
Law 2: the live files are only read, and a block counts only if it has its digest.
"""

import time
from collections.abc import Iterator

from hadelect.replication.catalog import Row
from hadelect.replication.manifest import DIGEST, BlockRef, digests_of
from hadelect.replication.shadow import Shadow
from hadelect.replication.stock import Stock


def is_behind(stock: Stock) -> bool:
    """Whether the shadow holds an older version than the live files do (or none)."""
    catalog = stock.catalog
    return catalog.version_of(1 - catalog.live) < catalog.version_of(catalog.live)


def end_what_was_begun(stock: Stock) -> None:
    """Doubt what a catch-up that broke off may have touched."""
    number = stock.catalog.get("catching_up")
    if number is None:
        return
    with stock.catalog.change():
        Shadow(stock.catalog, stock.roots, number).doubt_all_of_it()
        stock.catalog.put("catching_up", None)


class CatchUp:
    """From is_behind() to the end; whoever changes the shadow or the live side closes it before."""

    def __init__(self, stock: Stock) -> None:
        """Raises OSError."""
        catalog = stock.catalog
        self._stock = stock
        self.number = catalog.version_of(catalog.live)
        stock.reader.forget()
        with catalog.change():
            self._shadow = Shadow(catalog, stock.roots, self.number)
            self._shadow.preserve(stock.packs)
            catalog.put("catching_up", self.number)
        self._steps = self._shadow.steps(self._fill)

    def go_on(self, seconds: float) -> bool:
        """For about so long; False: it is done. Raises GoneError, OSError; then close it."""
        until = time.monotonic() + seconds
        for _ in self._steps:
            if time.monotonic() >= until:
                return True
        catalog = self._stock.catalog
        with catalog.change():
            self._shadow.finish()
            catalog.finish(self.number, (self._shadow.side,))
            catalog.put("catching_up", None)
        self._stock.reader.forget()
        return False

    def close(self) -> None:
        """Also after its end, then without effect."""
        self._steps.close()
        end_what_was_begun(self._stock)

    def _fill(self, row: Row, first: int, wanted: bytes) -> Iterator[tuple[int, bytes]]:
        ref = BlockRef(row.root, row.path, first, len(wanted) // DIGEST)
        data = self._stock.reader.live(ref, row.size)
        if digests_of(data) != wanted:
            data = self._stock.reader.read(self.number, ref)
        yield first, data
