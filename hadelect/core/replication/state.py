"""What one replication daemon knows.

Frozen and hashable, like the election's: it can be diffed, replayed and searched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from hadelect.core.frozen import replace
from hadelect.core.replication.effects import Effect, Work
from hadelect.core.replication.events import AskRestore, Told
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Line, Replica, Version
from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term

LONG_AGO = Millis(-(10**12))


@dataclass(frozen=True)
class Peer:
    """Another replication daemon, as last heard."""

    name: Name
    up: bool = False  # Its stream is open.
    heard_at: Millis = LONG_AGO  # Or since when its stream is open, if it has said nothing yet.
    usual: Millis | None = (
        None  # From `sent_at` to its arrival, of the fastest word on this stream.
    )
    advert: Advert | None = None  # None: nothing yet on this stream.
    asked: int = 0  # The highest `asks` that we had from it on this stream.
    owed: bool = False  # An advert, at once.
    avoid_until: Millis = LONG_AGO  # Nothing is fetched from it before then …
    failures: int = 0  # … because so many transfers in a row failed …
    because: str = ""  # … the first of them in these words.


@dataclass(frozen=True)
class Live:
    """What is known of the files at STATE_FILE's own paths."""

    looked: bool = False  # Compared exactly since this life began or somebody wrote to a copy.
    dirty: bool = False  # They differ from `held`, or may.
    due: bool = False  # It is time for a snapshot.
    touched: bool = False  # Written to since the work under way began.
    missing: str = ""  # What is missing or empty where it once existed.


@dataclass(frozen=True)
class Preparing:
    """HAD's winner waits for its state."""

    id: int
    ask: int  # Our question to the peers.
    until: Millis  # Who has not answered by then is not waited for.
    without: tuple[Name, ...] = ()  # Who failed to give what it has …
    because: str = ""  # … the last of them for this reason.
    broken: str = ""  # Why our own store could not give back what it held.
    snapped: bool = False  # What the last controllee left is a version now, or cannot be one.


@dataclass(frozen=True)
class Flushing:
    """HAD's leader waits until its last write is elsewhere."""

    id: int
    term: Term
    successor: Name | None
    since: Millis
    snapped: bool = False  # The last write is in `held`.


@dataclass(frozen=True, slots=True)
class Consent:
    """What an operator accepts at the next start here, and why; empty = not."""

    loss: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A word of a peer: the leader's live files were all in `version` then (of our clock)."""

    version: Version
    at: Millis
    leader: bool  # It led when it said so.


@dataclass(frozen=True)
class State:
    now: Millis  # Of the last step.
    began: Millis  # When this life began.
    peers: tuple[Peer, ...]
    held: Line | None = None  # What the live files hold, or held before they were written to.
    known: Version | None = None  # The newest version ever heard of.
    author: Term = NO_TERM  # The live files were last written under this term of ours: …
    # … they are the truth, and what is dirty in them is our next version. NO_TERM: they are a copy.
    told: Told = Told(None)  # HAD's last word.
    flushed: bool = False  # The controllee is dead, and its last write is in `held`.
    live: Live = Live()
    received: Line | None = None  # Fetched, not installed yet.
    work: Work | None = None  # What is being done …
    since: Millis = LONG_AGO  # … since then; …
    unwanted: bool = False  # … it was cancelled.
    serial: int = 0  # Numbers the work of this life.
    again_at: Millis = LONG_AGO  # No work on our own files before then …
    failures: int = 0  # … because so many pieces in a row failed, …
    trouble: str = ""  # … for this reason.
    look_due: Millis = Millis(0)  # REPLICATION_INTERVAL.
    kept: tuple[Millis, ...] = ()  # When lines were set aside here lately.
    preparing: Preparing | None = None
    flushing: Flushing | None = None
    consent: Consent = Consent()
    emptied: str = ""  # Used: what runs may have been started on nothing, for this reason.
    given_up: Version | None = None  # The last Prepare was answered without it, and said so.
    restoring: AskRestore | None = None  # Is answered when it is done.
    asks: int = 0  # Counts our questions to the peers.
    verified_at: Millis = LONG_AGO  # The leader's live state was in our `held` then.
    led: bool = False  # Somebody leads the pool and may write, …
    lost_at: Millis = LONG_AGO  # … or nobody does since then: the lag stands still, …
    ended: bool = False  # … and that is more than when this life began.
    others: Term = NO_TERM  # The highest term that another member leads, or has led.
    founded: bool = False  # `verified_at` is known.
    synced: bool = False  # This life has followed a leader, or led: nothing was slept through.
    claims: tuple[Claim, ...] = ()  # What we were told of versions that we may yet install.
    beat_due: Millis = LONG_AGO
    report_due: Millis = LONG_AGO
    note_due: Millis = LONG_AGO
    announced: Advert | None = None  # Last, but for what each peer is told of its own question.
    reported: Replica | None = None
    noted: tuple[Version | None, Term, bool] = (None, NO_TERM, False)  # What our next life …
    # … will know: what is lacking, who has led, whether the copy's age is known.
    refused: str = ""  # Why the last Prepare failed: said once.

    @property
    def leads(self) -> bool:
        return self.told.leads

    @property
    def writes(self) -> bool:
        """A controllee was started on the live files in the leadership in force."""
        return self.told.leads and self.told.started

    @property
    def accepts_empty(self) -> str:
        """Why nothing is good enough for what runs, or is about to; empty = it is not."""
        return self.emptied or self.consent.empty

    @property
    def version(self) -> Version | None:
        return self.held.version if self.held else None

    def peer(self, name: Name) -> Peer | None:
        return next((peer for peer in self.peers if peer.name == name), None)

    def with_peer(self, peer: Peer) -> Self:
        peers = tuple([peer if one.name == peer.name else one for one in self.peers])
        return replace(self, peers=peers)


@dataclass(frozen=True, slots=True)
class Decision:
    state: State
    effects: tuple[Effect, ...] = ()

    def then(self, go_on: Callable[[State], "Decision"]) -> "Decision":
        """What is decided next, after this."""
        after = go_on(self.state)
        return Decision(after.state, self.effects + after.effects) if self.effects else after
