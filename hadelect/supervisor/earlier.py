"""The lock on the state directory, and the record by which a later life finds this one's tree.

1. The record is on its place before the init may start anything: two slots (slots.py) of which the
   older is overwritten in place, so that a full disk keeps no controllee from being started again.
2. Nothing is killed for its pid alone: boot, pid and start time must all be the recorded ones.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time

from hadelect.supervisor import slots
from hadelect.supervisor.external import read as read_external
from hadelect.supervisor.external_fence import ExternalFence
from hadelect.supervisor.fence import CgroupFence, fence_of, remove_cgroup
from hadelect.supervisor.linux import boot_id, start_time
from hadelect.supervisor.packets import JunkError, number, text
from hadelect.supervisor.spec import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hadelect.supervisor import packets
    from hadelect.supervisor.command import Reaper
    from hadelect.supervisor.external import External
    from hadelect.supervisor.fence import Fence
    from hadelect.supervisor.spec import Spec

FILE = "tree.json"
_LOCK_TRIES = 10  # A supervisor that was killed this very moment needs some milliseconds to end …
_LOCK_GAP_S = 0.03  # … and nothing of ours runs yet that waiting could harm.


def lock(state_dir: str) -> int:
    """The descriptor that holds the lock for as long as this process lives."""
    path = f"{state_dir}/lock"
    try:
        os.makedirs(state_dir, mode=0o755, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"HAD_STATE_DIR {state_dir}: cannot open {path} ({error.strerror}); "
            "make the directory writable or set HAD_STATE_DIR to another on a local disk"
        ) from None
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_GAP_S)
        except OSError as error:
            raise ConfigurationError(
                f"HAD_STATE_DIR {state_dir}: cannot lock {path} ({error.strerror}); "
                "set HAD_STATE_DIR to a directory on a local disk"
            ) from None
        else:
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
            return fd
    holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
    os.close(fd)
    raise ConfigurationError(
        f"HAD_STATE_DIR {state_dir}: a HAD (pid {holder}) already runs on it; "
        "stop that one, or give this one a HAD_STATE_DIR of its own"
    )


def record(state_dir: str, kind: str, pid: int, cgroup: str, external: External | None) -> None:
    """Flushed to the disk when it is made, not later: it speaks of this boot only.

    Opened anew each time, so that a record that was removed is missed and made again.
    """
    body = {
        "boot_id": boot_id(),
        "pid": pid,
        "start_time": start_time(pid),
        "fence": kind,
        "cgroup": cgroup,
        "external": external.body if external else None,
    }
    path, content = f"{state_dir}/{FILE}", json.dumps(body).encode()
    if len(content) > slots.ROOM:
        raise OSError(errno.EFBIG, f"the record takes {len(content)} of {slots.ROOM} bytes", path)
    if not _overwrite(path, content):
        slots.create(path, content)


def _overwrite(path: str, content: bytes) -> bool:
    """Whether there was a record to overwrite."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        newest = slots.read(fd).newest
        if newest:
            slots.put(fd, slots.Slot(newest.sequence + 1, content))
        return newest is not None
    finally:
        os.close(fd)


def read(path: str) -> packets.Body:
    """The newest record. Raises OSError, ValueError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        newest = slots.read(fd).newest
        body = json.loads(newest.content if newest else os.pread(fd, slots.SLOT_BYTES, 0))
    finally:
        os.close(fd)
    if not isinstance(body, dict):
        raise JunkError("not a JSON object")
    return body


def in_the_way(spec: Spec, reaper: Reaper) -> Fence | None:
    """The fence around all that must end before this life takes part; None if there is nothing.

    What another manager runs is asked for, whatever the record says.
    """
    left = left_behind(spec.state_dir, reaper)
    if spec.external is None:
        return left
    fence = ExternalFence(spec.external, left, reaper)
    fence.asks_first = True
    return fence


def left_behind(state_dir: str, reaper: Reaper) -> Fence | None:
    """The fence around what an earlier life left running; None when nothing of it lives.

    ConfigurationError when the record cannot be understood.
    """
    path = f"{state_dir}/{FILE}"
    try:
        body = read(path)
        boot, kind, cgroup = text(body, "boot_id"), text(body, "fence"), text(body, "cgroup")
        pid, started = number(body, "pid"), number(body, "start_time")
        external = read_external(body.get("external"), lambda _: dict(os.environ))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}); make sure that no controllee of an earlier life "
            "runs on this host, then remove the file"
        ) from None
    if boot != boot_id():
        return None
    ours = _left_of_ours(kind, cgroup, pid, started)
    if external is None:
        return ours
    fence = ExternalFence(external, ours, reaper)
    fence.asks_first = True
    return fence


def _left_of_ours(kind: str, cgroup: str, pid: int, started: int) -> Fence | None:
    if cgroup:
        fence = CgroupFence(cgroup)
        if not fence.is_gone():
            return fence
        remove_cgroup(cgroup)  # It outlives a supervisor that was killed.
        return None
    pidfd = _same_process(pid, started)
    return None if pidfd is None else fence_of(kind, pid, pidfd, cgroup)


def _same_process(pid: int, started: int) -> int | None:
    """A pidfd of the recorded process; None if it has ended, whoever has its pid now."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EINVAL):
            return None
        raise
    if started and start_time(pid) == started:  # Read after the pidfd: it is of this very process.
        return pidfd
    os.close(pidfd)
    return None
