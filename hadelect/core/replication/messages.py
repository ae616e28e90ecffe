"""What replication daemons tell each other, on streams that stay open; no other words are needed.

Law: ages travel, never instants: no clock of one host is compared with another's.
"""

from dataclasses import dataclass

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import NO_TERM, Millis, Term


@dataclass(frozen=True)
class Advert:
    """All that the others need to know of one daemon. A newer one replaces an older one whole.

    It is the beat, the announcement of a new version, and the confirmation that one is installed.
    """

    line: Line | None = None  # What its live files hold (a leader: as last taken); it serves this.
    known: Version | None = None  # The newest it ever heard of.
    leads: Term = NO_TERM  # The term that its member leads, if it does.
    sure: bool = False  # It has looked at its files, and nothing newer than `line` is in them.
    lag_ms: Millis = Millis(0)  # How much older than the leader's state `line` may be, as it says.
    asks: int = 0  # Higher than before: answer at once, with an Advert that `echoes` it.
    echoes: int = 0  # The highest `asks` that it had from the receiver on this stream.
