"""The system calls that the library of Python 3.11 lacks, and the facts of /proc we rely on.

Errors are OSError with the call's name. All instants are whole milliseconds of CLOCK_BOOTTIME,
which goes on while the machine is suspended: a deadline must.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_REC_SLAVE = 0x4000 | 0x80000
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_TFD_TIMER_ABSTIME = 1
_TFD_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK

_libc = ctypes.CDLL(None, use_errno=True)


class _TimerSpec(ctypes.Structure):
    """struct itimerspec: interval, then the instant, each (seconds, nanoseconds)."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


def _call(name: str, *arguments: object) -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


# --- clock ---


def boottime_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def alarm_fd() -> int:
    """A descriptor that becomes readable at the instant given to set_alarm."""
    return _call("timerfd_create", time.CLOCK_BOOTTIME, _TFD_FLAGS)


def set_alarm(fd: int, at_ms: int) -> None:
    """An instant that has passed fires at once."""
    at_ms = max(at_ms, 1)  # 0 would switch the alarm off.
    spec = _TimerSpec(0, 0, at_ms // 1000, at_ms % 1000 * 1_000_000)
    _call("timerfd_settime", fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)


# --- namespaces and parents ---


def unshare(flags: int) -> None:
    _call("unshare", flags)


def isolate_mounts() -> None:
    """A mount namespace of our own that still sees new mounts of the host, with a fresh /proc."""
    unshare(CLONE_NEWNS)
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC_SLAVE), None)
    flags = ctypes.c_ulong(_MS_NOSUID_NODEV_NOEXEC)
    _call("mount", b"proc", b"/proc", b"proc", flags, None)


def enter_user_namespace() -> None:
    """For those who are not root: a user namespace in which they keep their own number."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def die_with_parent() -> None:
    """SIGKILL when the parent ends. Lost at a change of credentials and not inherited by fork."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def name_process(name: str) -> None:
    """At most 15 letters: what ps and /proc/PID/comm show."""
    _call("prctl", _PR_SET_NAME, name.encode(), 0, 0, 0)


def adopt_orphans() -> None:
    """Descendants whose parent ended become our children."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


# --- processes ---


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat from its third field (the state) on; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 when it has ended (zombies too)."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else 0


def children_of() -> dict[int, list[int]]:
    """Parent -> its living children, as far as /proc shows them. Zombies count as ended."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (fields := _stat(int(name))) and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(int(name))
    return children


def descendants(root: int) -> list[int]:
    """All living processes below `root`, ancestors first."""
    children = children_of()
    found: list[int] = []
    waiting = list(children.get(root, ()))
    while waiting:
        pid = waiting.pop(0)
        found.append(pid)
        waiting += children.get(pid, ())
    return found


def has_ended(pidfd: int) -> bool:
    """Whether the process has ended, all its threads included. PID 1 of a PID namespace ends
    only after everything else in the namespace has.
    """
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def kill(pidfd: int, number: int = signal.SIGKILL) -> None:
    """Nothing happens when the process has ended already."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return


def exit_words(status: int) -> str:
    """A wait status in an admin's words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    dumped = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"signal {-code} ({signal.strsignal(-code) or 'unknown'}){dumped}"
