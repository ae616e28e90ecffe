"""How old a copy may be: never younger than what is said."""

from dataclasses import replace

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Announce, Fetch, Note, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.replication.lag import BLIND_MS, UNKNOWN_MS, lag_ms
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import Millis, Name
from tests.core.replication.pool import A, B, C, Pool, term
from tests.core.replication.test_policy import FIRST, SECOND, crashed, leading


def lag(pool: Pool, name: Name) -> int:
    """At this instant."""
    one = pool.daemons[name]
    one.feed(ev.Tick())
    return lag_ms(one.state)


def test_a_clean_leader_keeps_all_young() -> None:
    """Its beat says so, twice a second."""
    pool = leading()
    pool.wait(10_250)
    assert lag(pool, A) == 0
    assert 0 < lag(pool, B) <= 500


def test_what_was_not_noticed_yet_is_counted() -> None:
    """A write of this moment comes to the leader's daemon a moment later: no copy is younger."""
    pool = leading()
    pool.wait(10_000)
    ages = []
    for _ in range(60):
        pool.wait(17)
        ages.append(lag(pool, B))
    assert min(ages) >= BLIND_MS


def test_it_counts_from_the_first_write_that_is_not_here() -> None:
    """A leader that cannot take a snapshot lets all copies grow old, though it beats."""
    pool = leading()
    pool.wait(10_000)
    pool.daemons[A].fails[Snapshot] = Failure.UNSTABLE
    pool.daemons[A].write(2)
    pool.wait(7_000)
    assert 7_000 <= lag(pool, B) <= 7_500
    pool.daemons[A].fails.clear()
    pool.wait(10_000)
    assert lag(pool, B) <= 500


def test_a_write_that_goes_on_during_the_snapshot() -> None:
    """What was taken is as old as the beginning of the snapshot."""
    pool = leading()
    pool.wait(10_000)
    pool.daemons[A].write(2)
    pool.now = Millis(pool.now + 200)
    pool.daemons[A].write(3, settled=False)
    pool.run()
    assert pool.live(B) == [1, 2, 3]  # The table's snapshots take what is there at their end.
    pool.wait(800, settled=False)
    assert 1_000 <= lag(pool, B) <= 1_500


def test_it_stands_still_when_nobody_leads() -> None:
    pool = leading()
    pool.wait(10_250)
    crashed(pool)
    before = lag(pool, B)
    pool.wait(100_000)
    assert lag(pool, B) == before <= 500


def test_had_hears_how_old_it_is() -> None:
    """Every second while another leads, though it be the same as before: HAD lets it grow. When
    nobody leads, at once: HAD lets it stand still.
    """
    pool = leading()
    pool.wait(10_250)
    for _ in range(5):
        pool.daemons[B].replica = Replica()
        pool.wait(1_000)
        assert pool.daemons[B].replica.version
    pool.now = Millis(pool.now + 170)
    crashed(pool)
    pool.run()
    assert 170 < pool.daemons[B].replica.lag_ms == lag(pool, B)


def test_it_grows_while_the_leader_cannot_be_heard() -> None:
    """HAD's word is enough for it: the leader leads, its replication daemon is silent."""
    pool = leading()
    pool.wait(10_000)
    pool.cut(A, B)
    pool.stop(C)
    pool.wait(60_000)
    assert 60_000 <= lag(pool, B) <= 60_500


def test_who_led_last_is_current_until_another_leads() -> None:
    pool = leading()
    pool.wait(10_000)
    pool.running.discard(A)
    pool.tell(None)
    pool.run()
    pool.wait(50_000)
    assert lag(pool, A) == 0
    pool.cut(A, B)
    pool.cut(A, C)
    pool.daemons[A].feed(ev.Told(B, SECOND))
    newer = Version(SECOND, 5, "x")
    pool.connect(A, C)
    pool.mute |= {C}
    pool.daemons[A].feed(ev.Heard(C, Advert(known=newer)))
    pool.wait(30_000)
    assert 30_000 <= lag(pool, A) <= 80_500


def test_the_lower_leader_of_a_split_brain_is_not_believed() -> None:
    pool = leading()
    pool.wait(10_000)
    line = pool.disks[C].held
    high, low = Advert(line=line, leads=term(9)), Advert(line=line, leads=term(8))
    pool.mute |= {A, B}
    pool.daemons[C].feed(ev.Heard(A, replace(high, lag_ms=Millis(900))))
    pool.now = Millis(pool.now + 5_000)
    pool.daemons[C].feed(ev.Heard(B, low))
    assert lag(pool, C) >= 5_000


def test_who_was_away_believes_who_was_there() -> None:
    """It cannot know the age of what it hears of; a peer that has the same version can."""
    pool = leading()
    pool.wait(10_000)
    pool.stop(C)
    pool.write(A, 2)
    pool.wait(10_250)
    crashed(pool)
    pool.wait(20_000)
    pool.start(C, connect=False)
    pool.connect(B, C)
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.run()
    assert lag(pool, C) == UNKNOWN_MS
    pool.daemons[C].fails.clear()
    pool.wait(2_000)
    assert pool.live(C) == [1, 2]
    assert lag(pool, C) <= 600


def test_who_follows_believes_only_the_leader() -> None:
    """A peer that lost the leader counts no further: its word is worth nothing here."""
    pool = leading()
    pool.wait(10_000)
    pool.mute |= {A}
    pool.wait(10_000)
    pool.daemons[C].feed(ev.Heard(B, Advert(line=pool.disks[C].held)))
    assert lag(pool, C) >= 10_000


def test_after_a_restart_it_is_what_it_was() -> None:
    """As noted; what is known of is noted, too, once a second at most."""
    pool = leading()
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    pool.wait(400_000)
    note = pool.disks[B].note
    assert note.known == Version(FIRST, 3, "1,2")
    assert note.lag_ms > 300_000
    pool.stop(B)
    pool.stop(C)
    crashed(pool)
    pool.start(B)
    assert not pool.daemons[B].replica.ready
    assert pool.daemons[B].replica.known == note.known
    assert lag(pool, B) >= note.lag_ms


def test_notes_are_rare() -> None:
    """Of a thousand versions not a thousand notes."""
    pool = leading()
    kept: list[Note] = []
    pool.daemons[B].note = kept.append  # type: ignore[assignment, method-assign]
    for number in range(10, 60):
        pool.write(A, number)
        pool.wait(20)
    assert len(kept) <= 2


def test_beats() -> None:
    """Twice a second of a leader, once of everybody else; at once when there is something new."""
    pool = leading()
    pool.wait(10_000)
    before = {name: len(pool.daemons[name].announced) for name in (A, B)}
    pool.wait(10_000)
    told = {name: len(pool.daemons[name].announced) - before[name] for name in (A, B)}
    assert told == {A: 40, B: 20}
    assert all(isinstance(one, Announce) for one in pool.daemons[A].announced)


def test_a_copy_that_was_never_there_has_no_age() -> None:
    pool = Pool()
    pool.start()
    assert lag(pool, A) == 0
    pool.daemons[A].feed(ev.Heard(B, Advert(known=Version(FIRST, 1, "x"))))
    assert lag(pool, A) == UNKNOWN_MS


def test_a_guess_is_told_to_nobody() -> None:
    """What an earlier life left says nothing of the time since: it beats nobody's knowledge."""
    pool = leading()
    pool.wait(10_000)
    for name in (B, C):
        pool.stop(name)
    crashed(pool)
    pool.wait(60_000)
    pool.start(B, C)
    assert [one.advert.lag_ms for one in pool.daemons[B].announced] == [UNKNOWN_MS] * len(
        pool.daemons[B].announced
    )
    assert lag(pool, C) < 1_000
