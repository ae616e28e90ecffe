"""What the simulator found, each as a story: `python -m hadelect.sim --replicates --seed N`."""

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Install, Mark, Snapshot
from hadelect.core.replication.events import Failure
from tests.core.replication.pool import A, B, C, Pool, warned
from tests.core.replication.test_policy import FIRST, SECOND, crashed, leading
from tests.core.replication.test_preparing import answered


def started_on_nothing() -> Pool:
    """B leads with an operator's consent; what it writes (nothing) cannot be made a version."""
    pool = leading()
    crashed(pool)
    pool.stop(C)
    pool.disks[B].live = None
    daemon = pool.daemons[B]
    daemon.fails = {Install: Failure.GONE, Mark: Failure.DISK, Snapshot: Failure.DISK}
    daemon.feed(ev.Changed(settled=True))
    pool.run()
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
    pool.disks[A].live = None
    pool.running.discard(A)
    pool.daemons[A].feed(ev.Changed(settled=True))
    pool.run()
    pool.daemons[A].feed(ev.Prepare(77, FIRST))
    pool.run()
    answer = pool.answer(A, 77)
    assert answer
    assert answer.ok
    assert pool.live(A) == [1]
