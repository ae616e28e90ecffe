"""Opens what a store works on, and ends what was interrupted when it was used last."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from hadelect.config.roots import never
from hadelect.replication import catch_up
from hadelect.replication.catalog import Catalog
from hadelect.replication.errors import StoreError
from hadelect.replication.packs import Packs
from hadelect.replication.patrol import Patrol
from hadelect.replication.reading import Reader
from hadelect.replication.stock import Stock
from hadelect.replication.switch import Switch
from hadelect.replication.tree import Root


def opened(directory: Path, roots: Sequence[Path], used: Path) -> tuple[Stock, int]:
    """The second is the descriptor of the store's own lock. Raises StoreError, OSError.

    `used`: the lock of who runs a controllee.
    """
    for root in roots:
        if why := _wrong(root):
            raise StoreError(f"STATE_FILE {root}: {why}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _locked(directory)
    try:
        catalog = Catalog(directory / "catalog.sqlite", [str(root) for root in roots])
        trees = [Root(root) for root in roots]
        packs = Packs(directory / "packs", catalog)
        stock = Stock(catalog, trees, packs, Reader(catalog, trees, packs), Patrol())
        Switch(catalog, trees).end_what_was_begun(used)
        catch_up.end_what_was_begun(stock)
        for number in catalog.unfinished():
            stock.abandon(number)
    except BaseException:
        os.close(lock)
        raise
    return stock, lock


def _locked(directory: Path) -> int:
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise StoreError(f"{directory} is in use by another replication daemon: end it") from None
    return fd


def _wrong(root: Path) -> str:
    if not root.is_absolute():
        return "not an absolute path"
    for why, remedy in never(root):
        return f"it {why}; {remedy}"
    if not root.parent.is_dir():
        return f"{root.parent} is not there: make it"
    return ""
