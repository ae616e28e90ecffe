"""What replication daemons tell each other, on streams that stay open; no other words are needed.

Law: ages travel, never instants: no clock of one host is compared with another's. (`sent_at` is the
sender's own, and only told apart from its other ones: how much later than usual a word comes.)
"""

from dataclasses import dataclass

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import NO_TERM, Millis, Term

UNKNOWN_MS = Millis(366 * 86_400_000)  # A year stands for "nobody knows".


@dataclass(frozen=True)
class Advert:
    """All that the others need to know of one daemon. A newer one replaces an older one whole.

    It is the beat, the announcement of a new version, and the confirmation that one is installed.
    """

    line: Line | None = None  # What its live files hold (a leader: as last taken); it serves this.
    known: Version | None = None  # The newest it ever heard of.
    leads: Term = NO_TERM  # The term that its member leads, if it does.
    sure: bool = False  # It has looked at its files, and nothing newer than `line` is in them.
    age_ms: Millis = Millis(0)  # So long ago all of the leader's state was in `line`, as it says.
    idle_ms: Millis = UNKNOWN_MS  # For so long nobody leads, as far as it knows; 0: somebody does.
    others: Term = NO_TERM  # The highest term that it heard others lead, now or once.
    sent_at: Millis | None = None  # Its own clock. None: not told.
    asks: int = 0  # Higher than before: answer at once, with an Advert that `echoes` it.
    echoes: int = 0  # The highest `asks` that it had from the receiver on this stream.

    @property
    def lag_ms(self) -> Millis:
        """What a start on `line` could lose."""
        if self.age_ms >= UNKNOWN_MS:
            return UNKNOWN_MS
        still = 0 if self.idle_ms >= UNKNOWN_MS else self.idle_ms
        return Millis(max(0, self.age_ms - still))
