"""Is anybody behind the Unix socket? The kernel's plain answer, before gRPC wraps it."""

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from hadelect.cli.failures import Exit, Failure


@dataclass(frozen=True, slots=True)
class Closed:
    """Why the socket cannot be used: what is so, and what to do."""

    words: str
    remedy: str
    exit_code: Exit


def knock(path: Path) -> Closed | None:
    """Connect and hang up. None: somebody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(0.5)
        try:
            door.connect(str(path))
        except OSError as error:
            return _closed(path, error)
    return None


def _closed(path: Path, error: OSError) -> Closed:
    absent = (
        "commands are given on a central manager: start `hadelect had` there, or name its"
        " configuration with --config or --set HAD_STATE_DIR=…"
    )
    if "too long" in str(error):  # Python's own check: it has no errno.
        return Closed(
            f"{path} is too long for a Unix socket",
            "set HAD_CONTROL_SOCKET to a path below 108 bytes",
            Exit.CONFIG,
        )
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return Closed(f"no member runs here: {path} does not exist", absent, Exit.NOBODY)
        case errno.ECONNREFUSED:
            return Closed(f"no member runs here: nobody listens on {path}", absent, Exit.NOBODY)
        case errno.EACCES | errno.EPERM:
            return Closed(
                f"you may not use {path}",
                "run this as root or as a member of the socket's group",
                Exit.REFUSED,
            )
        case errno.EAGAIN | errno.ETIMEDOUT | None:
            return Closed(
                f"the member behind {path} does not take calls: it hangs or is stopped",
                "see `hadelect status` and its log",
                Exit.NOBODY,
            )
    return Closed(f"{path}: {error.strerror or error}", absent, Exit.NOBODY)


def require_open(path: Path) -> None:
    """Raises Failure, with the remedy, if no command can be given here."""
    if closed := knock(path):
        raise Failure(f"{closed.words}; {closed.remedy}", closed.exit_code)
