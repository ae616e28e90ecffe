"""Everything that can happen to a replication daemon.

Three sources: the local HAD (Told, HadGone, Prepare, Flush, Unwanted), the other replication
daemons (PeerUp, PeerDown, Heard), and the work on files that the effects ask for. Work is done one
piece at a time; each piece is answered exactly once, with the `id` of its effect: by the event that
its effect names, or by Failed.
"""

from dataclasses import dataclass
from enum import Enum

from hadelect.core.replication.messages import UNKNOWN_MS, Advert
from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by: it is `wake_at` or later."""


# --- the local HAD ---


@dataclass(frozen=True, slots=True)
class Told:
    """HAD's word on every change and on connect. Its daemon is there."""

    leader: Name | None
    term: Term = NO_TERM
    leads: bool = False  # This member leads `term` …
    started: bool = False  # … and its controllee was started on the live files: they are the truth.


@dataclass(frozen=True, slots=True)
class HadGone:
    """The stream of the local HAD ended: nobody here leads any more, as far as we can tell."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make the live files what a controllee of this term should start on. ErrandDone answers."""

    id: int
    term: Term
    known: Version | None = None  # The newest version in the standings of HAD's peers.


@dataclass(frozen=True, slots=True)
class Flush:
    """The controllee is dead; let the successor have its last write. ErrandDone answers."""

    id: int
    term: Term
    successor: Name | None = None  # None: whoever can be reached.


@dataclass(frozen=True, slots=True)
class Unwanted:
    """HAD no longer wants that Prepare or Flush; it is not answered."""

    id: int


# --- the other replication daemons ---


@dataclass(frozen=True, slots=True)
class PeerUp:
    """The stream to that peer is open in both directions."""

    name: Name


@dataclass(frozen=True, slots=True)
class PeerDown:
    name: Name
    because: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    sender: Name
    advert: Advert


# --- the files ---


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody wrote to the live files.

    Said twice: at the first write after they were last found clean (`settled` False, at once: from
    here on a crash loses something), and when they have been quiet for REPLICATION_SETTLE, or have
    not been for 1 s, or too soon after a costly snapshot: take one now (`settled` True).
    """

    settled: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """Answers Look: the live files against `held`, exactly."""

    id: int
    dirty: bool = False  # They differ from `held` (with nothing held: something is there).
    missing: str = ""  # Not empty: all of it, or a root, is missing or empty, where `held` is not.


@dataclass(frozen=True, slots=True)
class Marked:
    """Answers Mark: durable."""

    id: int
    line: Line


@dataclass(frozen=True, slots=True)
class Snapped:
    """Answers Snapshot: durable, and served from now on. None: nothing had changed."""

    id: int
    line: Line | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """Answers Fetch: it is here whole, verified and durable; the live files are untouched."""

    id: int


@dataclass(frozen=True, slots=True)
class Installed:
    """Answers Install: the live files are that version. `aside`: where what was there is kept."""

    id: int
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """Answers Restore: the live files are the old content, and it is a new version."""

    id: int
    line: Line


class Failure(Enum):
    """Why a piece of work was not done; in every case live files and `held` are as they were."""

    UNSTABLE = "unstable"  # The files change faster than they can be read.
    EMPTY = "empty"  # Nothing is there, or a root is missing, where something was held.
    LOCKED = "locked"  # A controllee runs on the live files.
    GONE = "gone"  # The source does not keep that version any more.
    PEER = "peer"  # The source does not answer, or what it sent is not what it should be.
    DISK = "disk"  # This machine: no space, read-only, an I/O error.
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failed:
    id: int
    failure: Failure
    because: str


# --- operators ---


@dataclass(frozen=True, slots=True)
class Accept:
    """Consent for the next start here: to lose what is out of reach, or to start on nothing."""

    id: int
    because: str
    loss: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class AskRestore:
    """Make an old version the content of a new one."""

    id: int
    version: Version
    because: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """REPLICATION_INTERVAL, REPLICATION_MAX_LAG or REPLICATION_FLUSH_TIMEOUT may have changed.

    The new rules are the argument of this step and of every later one.
    """


@dataclass(frozen=True, slots=True)
class Found:
    """For `boot`: what the store had when it was opened (an interrupted install was ended)."""

    held: Line | None = None
    known: Version | None = None
    age_ms: Millis = UNKNOWN_MS  # As last noted (Note), and the time since then.
    others: Term = NO_TERM  # As last noted.


Event = (
    Tick
    | Told
    | HadGone
    | Prepare
    | Flush
    | Unwanted
    | PeerUp
    | PeerDown
    | Heard
    | Changed
    | Looked
    | Marked
    | Snapped
    | Fetched
    | Installed
    | Restored
    | Failed
    | Accept
    | AskRestore
    | Reloaded
)
