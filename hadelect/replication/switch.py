"""The switch: the live files become the received version, under the lock, once begun to the end.

Law 1: what will be exchanged is in the catalog before the first exchange; whatever is done next
       with the store ends what was begun. Each root is old or new at every instant.
Law 2: nothing is exchanged while a controllee holds the lock.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadelect.replication import disk
from hadelect.replication.catalog import Catalog
from hadelect.replication.errors import LockedError, StoreError
from hadelect.replication.rows import Rows
from hadelect.replication.signature import signature
from hadelect.replication.tree import Root


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def nobody_runs(path: Path) -> Iterator[None]:
    """Holds the lock exclusively. Raises LockedError."""
    fd = _open_lock(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"a controllee runs ({path} is held): nothing is installed under it; "
                "stop it or hand over first"
            ) from None
        yield
    finally:
        os.close(fd)


def runs(path: Path) -> bool:
    """Whether a controllee holds the lock now; it is not taken, so nobody is disturbed."""
    try:
        with nobody_runs(path):
            return False
    except LockedError:
        return True


def _is_in_place(root: Root, inode: int | None) -> bool:
    found = root.live.stat(b"")
    return (found.st_ino if found is not None else None) == inode


class Switch:
    def __init__(self, catalog: Catalog, roots: list[Root]) -> None:
        self.catalog = catalog
        self.rows = Rows(catalog)
        self.roots = roots

    def begin(self) -> None:
        """Live becomes what the shadow is. Raises OSError; then the next call or open ends it."""
        number = self.catalog.version_of(1 - self.catalog.live)
        plan = [self._planned(number, index) for index in range(len(self.roots))]
        with self.catalog.change():
            self.catalog.put("switching", json.dumps(plan))
        self._carry_out(plan)

    def end_what_was_begun(self, lock: Path) -> None:
        """Raises LockedError: something is still to be exchanged, under a controllee."""
        noted = self.catalog.get("switching")
        if noted is None:
            return
        plan = json.loads(noted)
        if all(map(_is_in_place, self.roots, plan)):
            self._carry_out(plan)
            return
        with nobody_runs(lock):
            self._carry_out(plan)

    def _planned(self, number: int, index: int) -> int | None:
        """The inode that will be live; None: the version has no such root."""
        if self.rows.at(number, index, b"") is None:
            return None
        found = self.roots[index].shadow.stat(b"")
        if found is None:
            raise StoreError(f"the shadow of {self.roots[index].path} is gone: fetched again")
        return found.st_ino

    def _carry_out(self, plan: list[int | None]) -> None:
        for root, inode in zip(self.roots, plan, strict=True):
            root.forget()
            live, shadow = root.live.stat(b""), root.shadow.stat(b"")
            one, other = root.live.top.name, root.shadow.top.name
            if inode is None:
                if live is not None and shadow is None:
                    disk.move(root.parent, one, other)
            elif live is None:
                disk.move(root.parent, other, one)
            elif live.st_ino != inode:
                disk.exchange(root.parent, one, other)
            disk.sync(root.parent)
        with self.catalog.change():
            side = 1 - self.catalog.live
            self.catalog.put("live", side)
            self.catalog.put("switching", None)
            for index, root in enumerate(self.roots):
                self._signed_again(index, root, side)

    def _signed_again(self, index: int, root: Root, side: int) -> None:
        """A root that is a file got another ctime by the exchange, and nothing else."""
        for tree, its_side in ((root.live, side), (root.shadow, 1 - side)):
            row = self.rows.at(self.catalog.version_of(its_side), index, b"")
            found = tree.stat(b"")
            was = row.sign(its_side) if row is not None else None
            if row is None or found is None or was is None or not stat.S_ISREG(found.st_mode):
                continue
            now = signature(found)
            if now[:16] + now[24:] == was[:16] + was[24:]:  # All but the ctime.
                query = f"UPDATE entries SET sign{its_side} = ? WHERE id = ?"
                self.catalog.db.execute(query, (now, row.id))
