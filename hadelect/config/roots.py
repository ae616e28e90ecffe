"""STATE_FILE: paths that can be exchanged in one step, apart from each other and from our files.

Law: what can never work is an error; what an administrator can still make in time (a directory
that is not there yet) is a warning, for a leader must not be refused its start for that.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hadelect.config.model import Config
from hadelect.config.settings import Settings

STATE = "STATE_FILE"


def check(settings: Settings, config: Config, roots: tuple[Path, ...]) -> None:
    undefined = settings.undefined(STATE)
    if undefined:
        settings.error(STATE, f"{', '.join(undefined)} is not defined", "write the path itself")
    elif not roots:
        settings.error(STATE, "required: what is replicated", "STATE_FILE = /PATH, /PATH …")
    for index, root in enumerate(roots):
        for why, remedy in never(root):
            settings.error(STATE, f"{root} {why}", remedy)
        for other in roots[:index]:
            if root.is_relative_to(other) or other.is_relative_to(root):
                settings.error(STATE, f"{root} and {other} overlap", "name one of them")
        _apart_from_ours(settings, config, root)
        _beside(settings, root)


def never(root: Path) -> Iterator[tuple[str, str]]:
    """Why this path cannot be exchanged in one step, and the remedy."""
    if ".." in root.parts:
        yield "must not contain ..", "write the path itself"
    if root.is_symlink():
        yield "is a symbolic link", "name what it points to"
    if root == Path("/") or os.path.ismount(root):
        yield (
            "is a mount point: it cannot be exchanged in one step",
            "name a directory below it",
        )


def _apart_from_ours(settings: Settings, config: Config, root: Path) -> None:
    """Records of this member would be written over by another's, and its log changes for ever."""
    if root.is_relative_to(config.state_dir) or config.state_dir.is_relative_to(root):
        settings.error(
            STATE,
            f"{root} and HAD_STATE_DIR ({config.state_dir}) overlap",
            "keep hadelect's own records elsewhere",
        )
    files = {"HAD_LOG": config.log.path, "HAD_CONTROL_SOCKET": config.control_socket}
    if config.replication is not None:
        files["REPLICATION_LOG"] = config.replication.log.path
    for name, path in files.items():
        within_state_dir = path is not None and path.is_relative_to(config.state_dir)
        if path is not None and path.is_relative_to(root) and not within_state_dir:
            settings.error(STATE, f"{name} ({path}) lies in {root}", f"set {name} elsewhere")


def _beside(settings: Settings, root: Path) -> None:
    """A second copy of each entry lies beside it, on the same file system."""
    parent = root.parent
    if not parent.is_dir():
        settings.warn(
            STATE,
            f"{parent} is not there: the replication daemon will not start",
            f"make it, or correct {STATE}",
        )
    elif not os.access(parent, os.W_OK | os.X_OK):
        settings.warn(
            STATE,
            f"uid {os.geteuid()} may not write to {parent}, where a second copy lies",
            "run `hadelect replication` as a user who may",
        )
