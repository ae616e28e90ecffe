"""How old a copy may be: never younger than what is said."""

from dataclasses import replace

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Announce, Fetch, Mark, Note, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.replication.lag import BLIND_MS, lag_ms
from hadelect.core.replication.messages import UNKNOWN_MS, Advert
from hadelect.core.replication.policy import lag_at
from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import Millis, Name
from tests.core.replication.pool import A, B, C, Daemon, Pool, term
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


def test_a_scrape_is_told_how_old_it_is_now() -> None:
    """Not how old it was when it was said last: a second ago, perhaps."""
    pool = leading()
    pool.wait(10_000)
    daemon = pool.daemons[B]
    at_the_last_step = lag_at(daemon.state, daemon.state.now)
    assert lag_at(daemon.state, Millis(daemon.state.now + 700)) == at_the_last_step + 700
    leader = pool.daemons[A].state
    assert lag_at(leader, Millis(leader.now + 700)) == 0


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
    pool.daemons[C].feed(ev.Heard(A, replace(high, age_ms=Millis(900))))
    pool.now = Millis(pool.now + 5_000)
    pool.daemons[C].feed(ev.Heard(B, low))
    assert lag(pool, C) >= 5_000


def test_who_was_away_believes_who_was_there() -> None:
    """It cannot know whether somebody led meanwhile; a peer that has the same version can."""
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
    assert lag(pool, C) >= 10_250  # It lacks what was written while it was away.
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


def test_a_restart_makes_nothing_younger() -> None:
    """What was noted, and the time since then: somebody may have led meanwhile."""
    pool = leading()
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    pool.wait(400_000)
    pool.stop(B)
    pool.stop(C)
    crashed(pool)
    pool.wait(60_000)
    pool.start(B)
    assert not pool.daemons[B].replica.ready
    assert pool.daemons[B].replica.known == Version(FIRST, 3, "1,2")
    assert 459_000 <= lag(pool, B) <= 461_500


def test_who_was_down_for_long_starts_only_with_consent() -> None:
    """Alone with a witness: the leader may have led on for as long (simulator: seed 529)."""
    pool = leading()
    pool.wait(10_250)
    pool.stop(B)
    pool.stop(C)
    pool.running.discard(A)
    pool.stop(A)
    pool.wait(400_000)
    pool.start(B)
    pool.wait(6_000)
    assert not pool.daemons[B].replica.ready
    assert pool.prepare(B, SECOND)
    answer = pool.answer(B)
    assert answer
    assert not answer.ok


def test_the_last_leader_knows_that_nothing_is_missing() -> None:
    """However long all were down: who follows takes its word."""
    pool = leading()
    pool.wait(10_250)
    for name in (A, B, C):
        pool.stop(name)
    pool.running.discard(A)
    pool.wait(400_000)
    pool.start(A, B, C)
    pool.wait(1_000)
    assert [lag(pool, name) for name in (A, B, C)] == [0, 0, 0]
    assert pool.daemons[B].replica.ready


def test_a_winner_that_has_not_started_anything_makes_nothing_older() -> None:
    """A pool without a leader for an hour; its first winner has to wait for its state."""
    pool = leading()
    pool.wait(10_250)
    crashed(pool)
    pool.wait(3_600_000)
    answer = pool.prepare(B, SECOND)
    assert answer
    assert answer.ok
    assert pool.daemons[B].replica.lag_ms <= 500


def test_a_lag_that_stands_still_is_not_told_as_a_younger_one() -> None:
    """Who missed the end of the leadership hears of it; the silence is not counted for it twice."""
    pool = leading()
    pool.wait(10_250)
    pool.mute.add(A)
    pool.wait(20_000)
    crashed(pool)
    pool.wait(50_000)
    before = lag(pool, B)
    assert 20_000 <= before <= 21_000
    pool.stop(C)
    pool.disks[C].note = Note(None, UNKNOWN_MS)
    pool.start(C)
    pool.wait(5_000)
    assert lag(pool, B) == before
    assert before <= lag(pool, C) <= before + 100


def test_a_leadership_that_others_saw_longer() -> None:
    """B lost sight of the leader early: C tells it how long it led on."""
    pool = leading()
    pool.wait(10_250)
    pool.cut(A, B)
    pool.cut(B, C)
    pool.daemons[B].feed(ev.Told(None))
    pool.wait(60_000)
    assert lag(pool, B) <= 500
    crashed(pool)
    pool.wait(5_000)
    pool.connect(B, C)
    pool.run()
    assert 60_000 <= lag(pool, B) <= 61_500 or pool.version(B) == pool.version(C)


def test_an_old_leader_is_not_current_once_another_has_led() -> None:
    """Seed 120: the other could take no version, and its writes are gone with it."""
    pool = leading()
    pool.wait(10_250)
    pool.running.discard(A)
    pool.tell(None)
    pool.run()
    assert lag(pool, A) == 0
    pool.daemons[B].fails = {Mark: Failure.DISK, Snapshot: Failure.DISK}
    pool.run_controllee(B, SECOND)
    pool.write(B, 7)
    pool.wait(30_000)
    pool.running.discard(B)
    pool.stop(B)
    pool.tell(None)
    pool.run()
    assert 30_000 <= lag(pool, A) <= 31_500
    pool.stop(A)
    pool.start(A)  # It remembers that.
    assert lag(pool, A) >= 30_000


def test_a_leader_that_was_frozen_does_not_know_when_its_controllee_died() -> None:
    """Seed 214: another led by then; what its peers saw of its own leadership is all it has."""
    pool = leading()
    pool.wait(10_250)
    pool.running.discard(A)
    pool.daemons[B].feed(ev.Told(B, SECOND, leads=True, started=True))
    pool.daemons[C].feed(ev.Told(B, SECOND))
    pool.cut(A, B)
    pool.daemons[A].fails[Fetch] = Failure.PEER
    pool.run()
    pool.wait(20_000)
    pool.daemons[A].feed(ev.Told(None, FIRST))
    pool.run()
    assert lag(pool, A) >= 20_000


def test_a_daemon_started_beside_its_controllee_does_not_say_that_all_is_taken() -> None:
    """Seed 186: before it has looked it knows only what its last life noted."""
    pool = leading()
    pool.wait(10_250)
    pool.stop(A)
    pool.daemons[B].feed(ev.Told(A, FIRST))
    pool.wait(5_000)
    pool.disks[A].live = frozenset({1, 2})
    pool.daemons[A] = Daemon(pool, A, pool.disks[A])
    pool.daemons[A].feed(ev.Told(A, FIRST, leads=True, started=True))
    pool.connect(A, B)
    assert pool.daemons[A].announced[-1].advert.age_ms >= 5_000


def test_words_that_were_held_back_are_as_old_as_they_are() -> None:
    """Seed 149: by a link that hung, or because we were frozen; then all of them come at once."""
    pool = leading()
    pool.wait(10_250)
    held: list[tuple[Name, Name, Advert]] = []
    for _ in range(20):
        pool.wait(500)
        sent = pool.daemons[A].announced[-1]
        held.append((A, B, sent.advert))
    pool.cut(A, B)
    pool.stop(C)
    pool.connect(A, B)
    pool.mute.add(A)
    before = pool.now
    pool.wait(30_000)
    for sender, _, advert in held:
        pool.daemons[B].feed(ev.Heard(sender, advert))
    assert lag(pool, B) >= (pool.now - before) * 0.99


def test_what_an_advert_says_a_start_could_lose() -> None:
    assert Advert(age_ms=Millis(9_000), idle_ms=Millis(7_500)).lag_ms == 1_500
    assert Advert(age_ms=Millis(9_000)).lag_ms == 9_000
    assert Advert(age_ms=UNKNOWN_MS, idle_ms=Millis(5)).lag_ms == UNKNOWN_MS


def test_who_was_started_alone_does_not_know_that_nobody_leads() -> None:
    """Seed 659: with a witness; the leader, which it could not reach, wrote on after that."""
    pool = leading()
    pool.wait(10_250)
    for name in (A, B, C):
        pool.stop(name)
    pool.start(B)
    before = lag(pool, B)
    pool.wait(20_000)
    assert lag(pool, B) >= before + 20_000


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
