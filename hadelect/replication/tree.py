"""One tree of files: a root's live one or its shadow; walked name by name, no link is followed."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hadelect.replication import disk


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open directory. Valid until the tree is asked for another one."""

    directory: int
    name: bytes


class Tree:
    """The tree that hangs from one name of an open directory.

    Keeps the directories of the last path open: neighbours are found without walking again.
    """

    def __init__(self, directory: int, name: bytes, *, ours: bool = False) -> None:
        """`ours`: a shadow."""
        self._open = disk.open_own_directory if ours else disk.open_directory
        self.top = Place(directory, name)
        self._names: list[bytes] = []  # The top's own name, then its descendants'.
        self._fds: list[int] = []
        self._path: bytes | None = None  # Of the last of them.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.forget()

    def forget(self) -> None:
        """Close what is open: names may have changed."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self._names.clear()
        self._path = None

    def place(self, path: bytes) -> Place:
        """Where this path's last component is named. Raises OSError: a part is no directory."""
        if not path:
            return self.top
        parent, _, name = path.rpartition(b"/")
        return Place(self.directory(parent), name)

    def directory(self, path: bytes) -> int:
        """The open directory of this path; closed by the tree."""
        if path == self._path:
            return self._fds[-1]
        self._path = None
        names = [self.top.name, *(path.split(b"/") if path else ())]
        same = 0
        while same < min(len(names), len(self._names)) and names[same] == self._names[same]:
            same += 1
        for fd in self._fds[same:]:
            os.close(fd)
        del self._fds[same:], self._names[same:]
        for name in names[same:]:
            above = self._fds[-1] if self._fds else self.top.directory
            self._fds.append(self._open(above, name))
            self._names.append(name)
        self._path = path
        return self._fds[-1]

    def stat(self, path: bytes) -> os.stat_result | None:
        """Of the entry itself; None: there is none."""
        try:
            place = self.place(path)
            return os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_blank(self) -> bool:
        """Nothing is there, or a directory without a name in it."""
        found = self.stat(b"")
        if found is None or not stat.S_ISDIR(found.st_mode):
            return found is None
        return not os.listdir(self.directory(b""))  # noqa: PTH208 - of a descriptor

    def open(self, path: bytes, flags: int) -> int:
        place = self.place(path)
        return os.open(place.name, flags, dir_fd=place.directory)

    def remove(self, path: bytes) -> None:
        place = self.place(path)
        disk.remove_tree(place.directory, place.name)
        if len(self._names) > len(path.split(b"/")):
            self.forget()


class Root:
    """An entry of STATE_FILE: its live tree, and the shadow beside it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError: the directory above it cannot be opened."""
        self.path = path
        self.parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        name = os.fsencode(path.name)
        self.live = Tree(self.parent, name)
        self.shadow = Tree(self.parent, b".%b.hadelect" % name, ours=True)

    def close(self) -> None:
        self.forget()
        os.close(self.parent)

    def forget(self) -> None:
        self.live.forget()
        self.shadow.forget()
