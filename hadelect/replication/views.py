"""What a store is told, and what it says of itself."""

from dataclasses import dataclass
from pathlib import Path

from hadelect.core.versions import Line


@dataclass(frozen=True, slots=True)
class Options:
    lock: Path  # $(HAD_STATE_DIR)/state.lock: who runs a controllee holds it, shared.
    keep: int = 5  # REPLICATION_KEEP: how many versions can be restored, the newest included.


@dataclass(frozen=True, slots=True)
class Looked:
    """What the live files are like, compared with what is held."""

    dirty: bool  # They differ from what is held (or nothing is held and there is something).
    missing: str = ""  # Not empty: a root that held has and that is not there; one sentence.
    empty: bool = False  # Held has content, and there is none at all.
    warnings: tuple[str, ...] = ()  # Sockets, devices, ... that are left out; one sentence each.


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that can be shown and restored."""

    line: Line
    taken_at: float  # When it came here; time.time(), for people.
    entries: int
    size: int  # Bytes of its files.
    live: bool  # It is what the live files hold (or held when it was snapped).


@dataclass(frozen=True, slots=True)
class Aside:
    """A kept copy of a line that lost."""

    name: str  # "7.42", "7.42-2", "none"; what `hadelect state forget` takes.
    path: Path
    because: str
    taken_at: float
