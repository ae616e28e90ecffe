"""What the simulator found, each as a story: `python -m hadelect.sim --replicates --seed N`."""

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Mark, Matter, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Version
from tests.core.replication.pool import A, B, C, Disk, Pool, said, term, warned
from tests.core.replication.test_policy import FIRST, SECOND, crashed, leading
from tests.core.replication.test_preparing import answered, bereft


def started_on_nothing() -> Pool:
    """B leads with an operator's consent; what it writes (nothing) cannot be made a version."""
    pool = bereft()
    daemon = pool.daemons[B]
    daemon.fails |= {Mark: Failure.DISK, Snapshot: Failure.DISK}
    daemon.feed(ev.Accept(5, "begin anew (ann)", empty=True))
    assert answered(pool, B, 2)[0]
    pool.run_controllee(B, SECOND)
    return pool


def test_consent_to_start_on_nothing_is_used_up_by_one_leadership() -> None:
    """Seed 123: no version of nothing was ever taken; the next start needs consent of its own."""
    pool = started_on_nothing()
    pool.running.discard(B)
    pool.tell(None)
    pool.run()
    ok, because = answered(pool, B, 3)
    assert not ok
    assert "--accept-empty-state" in because


def test_a_restart_of_what_began_on_nothing_needs_no_consent_of_its_own() -> None:
    """And nothing old comes back under it, though there would be room for it by now."""
    pool = started_on_nothing()
    pool.running.discard(B)
    pool.daemons[B].fails.clear()
    pool.daemons[B].feed(ev.Prepare(77, SECOND))
    pool.run()
    answer = pool.answer(B, 77)
    assert answer
    assert answer.ok
    assert answer.because == "started on nothing (gone), accepted: begin anew (ann)"
    assert pool.disks[B].live is None


def test_consent_is_for_the_next_start_not_for_what_runs() -> None:
    """Given while the controllee runs: its versions leave it alone."""
    pool = leading()
    pool.daemons[A].feed(ev.Accept(5, "whatever comes", loss=True))
    pool.write(A, 2)
    assert pool.daemons[A].state.consent.loss == "whatever comes"


def test_a_restart_in_the_same_leadership_waits_for_nobody() -> None:
    """Seed 144: the leader before has come back, with more of its own line: it lost already.

    What ran here wrote the live files, though no version of this term could be taken yet.
    """
    pool = leading()
    pool.daemons[A].write(2, seen=False)
    crashed(pool)
    pool.daemons[B].fails = {Mark: Failure.DISK, Snapshot: Failure.UNSTABLE}
    pool.run_controllee(B, SECOND)
    pool.write(B, 7)
    pool.start(A)
    pool.daemons[A].feed(ev.Told(B, SECOND))
    pool.run()
    assert pool.version(A) == f"{FIRST}.3"
    pool.running.discard(B)
    pool.daemons[B].feed(ev.Prepare(77, SECOND, pool.daemons[A].state.known))
    pool.run()
    answer = pool.answer(B, 77)
    assert answer
    assert (answer.ok, answer.because) == (True, "")
    assert pool.live(B) == [1, 7]
    assert not [words for words in warned(pool.daemons[B]) if "lost" in words]


def test_what_was_deleted_under_a_leader_comes_back_at_its_restart() -> None:
    pool = leading()
    pool.running.discard(A)
    pool.daemons[A].lose_live()
    pool.run()
    pool.daemons[A].feed(ev.Prepare(77, FIRST))
    pool.run()
    answer = pool.answer(A, 77)
    assert answer
    assert answer.ok
    assert pool.live(A) == [1]


def test_what_is_read_at_the_end_of_a_leadership_is_not_all_of_it() -> None:
    """Seed 10: a snapshot was under way; the last write came after it was read."""
    pool = leading()
    pool.daemons[A].write(2)
    pool.disks[A].live = frozenset({1, 2, 3})  # Nobody has noticed this one yet.
    pool.running.discard(A)
    assert isinstance(pool.daemons[A].work[0], Snapshot)
    pool.daemons[A].fails[Snapshot] = Failure.DISK
    taken = pool.daemons[A].work.pop()
    pool.daemons[A].feed(ev.Told(None))
    pool.daemons[A].feed(ev.Snapped(taken.id, None))
    assert pool.daemons[A].state.live.dirty
    pool.daemons[A].fails.clear()
    pool.run()
    assert pool.live(B) == [1, 2, 3]


def test_a_copy_that_was_just_deleted_is_looked_at_before_the_start() -> None:
    """Seed 99: inotify has told it, and waits for quiet; nothing starts on nothing."""
    pool = leading()
    pool.wait(6_000)
    crashed(pool)
    pool.disks[B].live = None
    pool.daemons[B].feed(ev.Changed(settled=False))
    assert answered(pool, B, 2)[0]
    assert pool.live(B) == [1]


def test_what_was_just_written_is_a_version_before_a_restart() -> None:
    """Seed 99, of its own controllee: nothing waits for quiet once that is dead."""
    pool = leading()
    pool.daemons[A].write(2, settled=False)
    pool.running.discard(A)
    pool.daemons[A].feed(ev.Prepare(77, FIRST))
    pool.run()
    assert pool.answer(A, 77)
    assert pool.live(B) == [1, 2]


def test_a_version_that_is_heard_of_too_late() -> None:
    """Seed 235: HAD has started on what it knew; its daemon says what that lacks."""
    pool = leading()
    crashed(pool)
    late = Version(FIRST, 3, "1,2")
    pool.daemons[B].feed(ev.Heard(C, Advert(line=pool.disks[C].held, known=late)))
    pool.run_controllee(B, SECOND)
    words = f"started on {FIRST}.2: {FIRST}.3 was heard of too late, and goes aside"
    assert said(pool.daemons[B], Matter.LOSS) == [words]


def test_a_restore_that_ends_after_the_start() -> None:
    """Seed 247: what runs on it by now makes it its own."""
    pool = leading()
    pool.write(A, 2)
    pool.running.discard(A)
    pool.tell(None)
    pool.run()
    daemon = pool.daemons[A]
    daemon.feed(ev.AskRestore(5, Version(FIRST, 2, "1"), "an operator asks"))
    (restore,) = daemon.work
    daemon.work.clear()
    outcome = daemon.outcome(restore)
    pool.run_controllee(A, term(2))
    daemon.feed(outcome)
    pool.run()
    pool.write(A, 7)
    assert pool.live(B) == [1, 7]
    assert pool.version(B) == f"{term(2)}.2"


def test_a_term_that_led_twice() -> None:
    """Seed 436, mode none: alone and without memory it took the numbers of its first life again."""
    pool = leading()
    pool.write(A, 2)
    crashed(pool)
    pool.lead(B, SECOND)
    pool.wait(1_000)
    for name in (B, C):
        pool.stop(name)
    pool.running.discard(B)
    pool.disks[A] = Disk()
    pool.places.clear()
    pool.start(A)
    pool.wait(6_000)
    pool.lead(A, FIRST)
    pool.write(A, 9)
    pool.running.discard(A)
    pool.tell(None)
    pool.start(B)
    pool.wait(1_000)
    assert pool.live(A) == [1, 2]
    assert frozenset({9}) in pool.disks[A].asides
    assert "term 64 led twice, as a store was lost" in warned(pool.daemons[A])[-1]
