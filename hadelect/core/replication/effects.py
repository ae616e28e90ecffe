"""Everything a replication daemon can ask of the world: values.

Work on files (Look, Mark, Snapshot, Fetch, Install, Restore) is asked for one piece at a time and
answered exactly once: by the event that it names, or by Failed with its `id`. All else is done at
once and answers nothing.
"""

from dataclasses import dataclass
from enum import Enum

from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Line, Replica, Version
from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term

# --- work ---


@dataclass(frozen=True, slots=True)
class Look:
    """Compare all live files with `held`, exactly. Looked answers."""

    id: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Make `line` the held one: a new version with the content of the one held; no file is read.

    A leader's first act: from here on its line is told from all others. Marked answers.
    """

    id: int
    line: Line


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Take the live files as the next version: `continued(onto, term, digest)`. Snapped answers.

    `full`: compare everything; else only where writes were seen. `empty`: an operator said that
    nothing is what shall be taken. Nothing held: take what is there, however little.
    """

    id: int
    onto: Line | None
    term: Term
    full: bool
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get that version from `source`, against what is held; resumed if it was begun. Fetched."""

    id: int
    source: Name
    line: Line


@dataclass(frozen=True, slots=True)
class Install:
    """Switch the live files to that version (fetched before, or held: a repair). Installed answers.

    Holding the lock, so that no controllee starts meanwhile: first, if `aside` is not empty, keep
    what is live as it is, for that reason; then switch. LOCKED if a controllee runs.
    """

    id: int
    line: Line
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Restore:
    """Under the lock: that old version's content live, as `continued(onto, term, digest)`."""

    id: int
    version: Version
    onto: Line | None
    term: Term


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants that piece of work any more. It still answers (Failed CANCELLED, or done)."""

    id: int


Work = Look | Mark | Snapshot | Fetch | Install | Restore

# --- words ---


@dataclass(frozen=True, slots=True)
class Announce:
    """To that peer, if its stream is up. A newer one replaces one that still waits."""

    to: Name
    advert: Advert


@dataclass(frozen=True, slots=True)
class Report:
    """To the local HAD, if it is there; the newest again when it connects."""

    replica: Replica


@dataclass(frozen=True, slots=True)
class ErrandDone:
    """Answers HAD's Prepare or Flush. `because`: why not, or what a human should know."""

    id: int
    ok: bool
    because: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers an operator's command."""

    id: int
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Remember over a restart (Found), with the time of day: its age goes on growing.

    `known`: the newest version heard of; `others`: the highest term that another member led.
    """

    known: Version | None
    age_ms: Millis  # How long ago all of the leader's state was in what we hold.
    others: Term = NO_TERM


class Matter(Enum):
    """What an Emit is about: the label of metrics and the field of the history."""

    ROLE = "role"
    VERSION = "version"  # A leader took one.
    INSTALLED = "installed"
    PREPARED = "prepared"
    FLUSHED = "flushed"
    CONFLICT = "conflict"  # A line lost, and was kept aside.
    LOSS = "loss"  # A controllee starts without a version that is known of.
    REFUSED = "refused"  # No controllee is let start.
    FAILED = "failed"  # A piece of work.
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the humans: log, history, metrics, traces. Nothing depends on it."""

    matter: Matter
    because: str
    version: Version | None = None
    warning: bool = False


Effect = Work | Cancel | Announce | Report | ErrandDone | Answer | Note | Emit
