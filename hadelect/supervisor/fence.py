"""Three ways to end a whole tree and to know that nothing of it is left.

1. `kill` never blocks and may be called again and again; `is_gone` is the only proof of the end.
2. A tree includes its init. Whoever holds a fence (supervisor, daemon, a later life) may use it:
   killing twice is harmless.

| fence | kills by | proof | escapes when |
|---|---|---|---|
| namespace | SIGKILL to the namespace's PID 1 | its pidfd ended: it ends last | never |
| cgroup | `cgroup.kill` | `populated 0` in cgroup.events | root leaves it for another cgroup |
| subreaper | SIGKILL to each descendant in /proc | none is left | supervisor and init die at once |
"""

from __future__ import annotations

import os

from hadelect.supervisor.linux import children_of, descendants, has_ended, kill

KINDS = ("namespace", "cgroup", "subreaper")  # Best first: this is what `auto` tries.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Protocol

    class Fence(Protocol):
        def kill(self) -> None: ...
        def is_gone(self) -> bool: ...


class NamespaceFence:
    """The kernel kills the others when PID 1 has taken down its own memory; `first`, the pidfd of
    the controllee's first process, is killed besides, so that both go at the same time.
    """

    __slots__ = ("_pidfd", "first")

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd
        self.first = -1  # -1: nobody in particular.

    def kill(self) -> None:
        kill(self._pidfd)
        if self.first >= 0:
            kill(self.first)

    def is_gone(self) -> bool:
        return has_ended(self._pidfd)


class CgroupFence:
    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def kill(self) -> None:
        try:
            _write(f"{self._path}/cgroup.kill", "1")
        except FileNotFoundError:
            return  # Removed: it was empty.

    def is_gone(self) -> bool:
        try:
            with open(f"{self._path}/cgroup.events", encoding="ascii") as file:
                return "populated 0" in file.read()
        except FileNotFoundError:
            return True
        except OSError:
            return False  # Removed while we read: seen at the next look.


class SubreaperFence:
    """The init is killed last: as long as it lives, orphans become its children and stay known.

    `reaper`: the supervisor, to whom the orphans of a killed init come; all its living children
    but `spared` (those that it started) belong to the tree then. 0 for those who are not the
    supervisor.
    """

    __slots__ = ("_pid", "_pidfd", "_reaper", "spared")

    def __init__(self, pid: int, pidfd: int, reaper: int = 0) -> None:
        self._pid = pid
        self._pidfd = pidfd
        self._reaper = reaper
        self.spared: Container[int] = ()

    def kill(self) -> None:
        if below := self._below():
            kill_each(below)
        else:
            kill(self._pidfd)

    def is_gone(self) -> bool:
        return has_ended(self._pidfd) and not self._below()

    def _below(self) -> list[int]:
        below = [] if has_ended(self._pidfd) else descendants(self._pid)
        if not self._reaper:
            return below
        adopted = children_of().get(self._reaper, [])
        strays = [pid for pid in adopted if pid != self._pid and pid not in self.spared]
        return below + [pid for stray in strays for pid in (stray, *descendants(stray))]


def kill_each(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue


def fence_of(kind: str, pid: int, pidfd: int, cgroup: str) -> Fence:
    """The fence as one who is not the supervisor sees it."""
    if cgroup:
        return CgroupFence(cgroup)
    return SubreaperFence(pid, pidfd) if kind == "subreaper" else NamespaceFence(pidfd)


# --- the cgroup that the tree gets ---


def cgroup_path(name: str) -> str:
    """Of a cgroup v2 below our own. OSError with the reason if there is none."""
    return f"{_own_cgroup()}/{name}"


def make_cgroup(path: str) -> None:
    """OSError with the reason if it cannot be, or has no cgroup.kill."""
    os.mkdir(path)
    if not os.path.exists(f"{path}/cgroup.kill"):
        remove_cgroup(path)
        raise OSError(95, "cgroup.kill is missing; it needs Linux 5.14")


def cgroup_if_any(name: str) -> str:
    """One that has just been made; "" where none can be."""
    try:
        path = cgroup_path(name)
        make_cgroup(path)
    except OSError:
        return ""
    return path


def enter_cgroup(path: str, pid: int) -> None:
    _write(f"{path}/cgroup.procs", str(pid))


def remove_cgroup(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        return  # Gone already, or not empty: then its fence is not gone either.


def _own_cgroup() -> str:
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        ours = [line[3:].strip() for line in file if line.startswith("0::")]
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file if " - cgroup2 " in line]
    if not ours or not mounts:
        raise OSError(95, "no cgroup v2 is mounted here")
    root, point = mounts[0][3], mounts[0][4]
    below = ours[0] if root == "/" else ours[0].removeprefix(root)
    return f"{point}{below}".rstrip("/")


def _write(path: str, content: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, content.encode())
    finally:
        os.close(fd)
