"""What one replication daemon is told of its pool, and how fast it goes."""

from dataclasses import dataclass
from functools import cached_property

from hadelect.core.versions import Version
from hadelect.core.vocabulary import TERM_STRIDE, Millis, Name, Term


@dataclass(frozen=True)
class ReplicationRules:
    """Lengths in milliseconds; configured unless said otherwise."""

    me: Name  # The HAD_LIST entry of this machine: daemons know each other by their members' names.
    members: tuple[Name, ...]  # HAD_LIST in force; witnesses have no state.
    interval_ms: Millis = Millis(300_000)  # REPLICATION_INTERVAL: everything is looked at.
    max_lag_ms: Millis = Millis(300_000)  # REPLICATION_MAX_LAG: more is lost only with consent.
    flush_ms: Millis = Millis(30_000)  # REPLICATION_FLUSH_TIMEOUT.

    # Fixed by the protocol.
    beat_ms: Millis = Millis(500)  # Between two words of a leader …
    slow_beat_ms: Millis = Millis(1_000)  # … and of everybody else; of a report while a lag runs.
    silent_ms: Millis = Millis(3_000)  # A peer not heard for so long is out of reach.
    patience_ms: Millis = Millis(2_000)  # How long a winner waits for peers that are still looking.
    note_ms: Millis = Millis(10_000)  # What must survive a restart is written down so often.
    young_ms: Millis = Millis(5_000)  # A new daemon waits so long for all its peers to be heard.
    soon_ms: Millis = Millis(10_000)  # After a start everything is looked at, once.
    retry_ms: Millis = Millis(500)  # After a failure; doubles …
    retry_longest_ms: Millis = Millis(10_000)  # … up to this.

    @cached_property
    def peers(self) -> tuple[Name, ...]:
        return tuple(name for name in self.members if name != self.me)

    @cached_property
    def position(self) -> int:
        return self.members.index(self.me)

    def wrote(self, version: Version) -> bool:
        """Whether it was taken here: a term's remainder names its only leader."""
        return self.leads(version.term)

    def leads(self, term: Term) -> bool:
        """Whether that term is one of this member's."""
        return term % TERM_STRIDE == self.position
