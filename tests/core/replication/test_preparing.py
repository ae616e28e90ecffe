"""What a winner's controllee starts on, and when it does not start."""

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Fetch, Install, Look, Matter, Note, Restore, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Millis, Name
from tests.core.replication.pool import A, B, C, Daemon, Pool, said, term, warned
from tests.core.replication.test_policy import ALL, FIRST, SECOND, crashed, leading

LONG = Millis(3_600_000)


def answered(pool: Pool, name: str, number: int) -> tuple[bool, str]:
    """HAD asks, and waits as long as a peer may be waited for."""
    who = next(one for one in ALL if one == name)
    pool.prepare(who, term(number, who))
    pool.wait(6_000)
    answer = pool.answer(who)
    assert answer
    return answer.ok, answer.because


def test_nothing_was_ever_kept() -> None:
    """The first start of all: what is there is the state."""
    pool = Pool()
    pool.disks[A].live = frozenset({5})
    pool.start()
    assert pool.daemons[A].replica.ready
    pool.lead(A, FIRST)
    assert pool.live(B) == [5]


def test_at_once_when_it_is_current() -> None:
    """The fast path needs no question; asked all the same, it answers without waiting."""
    pool = leading()
    pool.wait(5_000)
    crashed(pool)
    assert pool.current(B)
    answer = pool.prepare(B, SECOND)
    assert answer
    assert answer.ok


def test_the_newest_wins_not_the_first_in_the_list() -> None:
    """Case 41: the whole pool was down."""
    pool = leading()
    pool.stop(B)
    pool.write(A, 2)
    for name in (A, C):
        pool.stop(name)
    pool.running.clear()
    pool.start()
    pool.lead(B, SECOND)
    assert pool.live(B) == [1, 2]


def test_a_winner_waits_for_who_is_still_looking() -> None:
    """A peer may find something newer in its files."""
    pool = leading()
    pool.wait(6_000)
    pool.daemons[A].write(2, settled=False)
    crashed(pool)
    pool.start(A)
    pool.stop(A)
    pool.start(A, connect=False)
    pool.daemons[A].feed(ev.Changed(settled=True))
    pool.connect(A, B)
    while pool.deliver():
        pass
    pool.tell(B, SECOND, started=False)
    pool.daemons[B].feed(ev.Prepare(1, SECOND))
    while pool.deliver():
        pass
    assert not pool.daemons[B].done
    pool.run()
    assert pool.answer(B, 1)
    assert pool.live(B) == [1, 2]


def test_a_peer_that_says_nothing_is_not_waited_for_long() -> None:
    pool = leading()
    crashed(pool)
    pool.wait(6_000)
    pool.mute.add(C)
    pool.tell(B, SECOND, started=False)
    pool.daemons[B].feed(ev.Prepare(1, SECOND))
    pool.run()
    assert not pool.answer(B, 1)
    pool.wait(2_000)
    assert pool.answer(B, 1)
    pool.wait(4_000)
    pool.daemons[B].feed(ev.Prepare(2, SECOND))  # Silent for so long, it is not asked any more.
    assert pool.answer(B, 2)


def test_a_new_daemon_gives_its_peers_the_time_to_come() -> None:
    """The whole pool was down, and theirs starts a little later."""
    pool = leading()
    pool.wait(2_000)
    crashed(pool)
    for name in (B, C):
        pool.stop(name)
    pool.start(B)
    pool.wait(1_000)
    assert not pool.daemons[B].replica.ready
    assert pool.prepare(B, SECOND) is None
    pool.wait(3_900)
    assert pool.answer(B) is None
    pool.wait(200)
    assert pool.answer(B)
    pool.tell(None)
    assert pool.daemons[B].replica.ready
    assert pool.prepare(B, SECOND)


def test_who_misses_something_gives_its_holder_the_time_to_come_back() -> None:
    """Two seconds; who misses nothing asks nobody who is not there."""
    pool = leading()
    pool.wait(6_000)
    pool.stop(C)
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    crashed(pool)
    assert pool.prepare(B, SECOND) is None
    pool.wait(1_900)
    assert pool.answer(B) is None
    pool.wait(200)
    answer = pool.answer(B)
    assert answer
    assert answer.ok


def test_a_little_may_be_lost_unasked() -> None:
    """Less than REPLICATION_MAX_LAG: it starts, and says what is missing."""
    pool = leading()
    for name in (B, C):
        pool.daemons[name].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    crashed(pool)
    ok, because = answered(pool, B, 2)
    assert ok
    assert because.startswith(f"state {FIRST}.3, which cm1 wrote, is out of reach")
    assert "at most the changes of" in because
    assert said(pool.daemons[B], Matter.LOSS) == [because]
    assert because in warned(pool.daemons[B])


def behind(pool: Pool, name: str = B) -> None:
    """It hears of a newer version for an hour and cannot have it; then the leader is gone."""
    who = next(one for one in ALL if one == name)
    pool.daemons[who].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    pool.wait(LONG)
    pool.stop(C)
    crashed(pool)
    pool.daemons[who].fails.clear()


def test_much_is_lost_only_with_consent() -> None:
    pool = leading()
    behind(pool)
    replica = pool.daemons[B].replica
    assert not replica.ready
    assert "is out of reach, and" in replica.problem
    assert replica.lag_ms > 3_500_000
    ok, because = answered(pool, B, 2)
    assert not ok
    assert "bring cm1 back, or give it up: `hadelect state accept --accept-loss" in because
    ok, again = answered(pool, B, 2)
    assert (ok, again) == (False, because)
    assert said(pool.daemons[B], Matter.REFUSED) == [because]
    assert because in warned(pool.daemons[B])
    pool.daemons[B].feed(ev.Accept(5, "cm1 burnt (ann)", loss=True))
    assert pool.daemons[B].answers[-1].ok
    assert pool.daemons[B].replica.problem == ""  # A human knows: HAD may well lead here.
    ok, because = answered(pool, B, 2)
    assert ok
    assert "accepted: cm1 burnt (ann)" in because
    pool.run_controllee(B, SECOND)
    assert pool.daemons[B].state.consent.loss == ""


def test_too_old_without_knowing_of_anything_newer() -> None:
    """The leader's replication daemon was silent for an hour."""
    pool = leading()
    pool.cut(A, B)
    pool.stop(C)
    pool.wait(LONG)
    replica = pool.daemons[B].replica
    assert "nobody confirms for long" in replica.problem
    ok, because = answered(pool, B, 2)
    assert not ok
    assert because.startswith("nobody has confirmed for long")


def test_who_slept_through_it_knows_nothing_of_its_age() -> None:
    """HAD's peers name a version that this daemon never heard of."""
    pool = leading()
    for name in (B, C):
        pool.stop(name)
    crashed(pool)
    pool.start(B)
    pool.tell(B, SECOND, started=False)
    pool.daemons[B].feed(ev.Prepare(1, SECOND, Version(FIRST, 99, "y")))
    pool.wait(6_000)
    answer = pool.answer(B, 1)
    assert answer
    assert not answer.ok
    pool.daemons[B].feed(ev.Accept(5, "so be it", loss=True))
    ok, because = answered(pool, B, 3)
    assert ok
    assert "nobody knows how much" in because


def test_a_new_machine_does_not_start_on_nothing() -> None:
    """It has no copy, and somebody had one."""
    pool = leading()
    pool.stop(B)
    crashed(pool)
    pool.disks[C].held = None
    pool.disks[C].kept.clear()
    pool.disks[C].live = frozenset()
    pool.stop(C)
    pool.disks[C].note = Note(Version(FIRST, 2, "1"), Millis(0))
    pool.start(C)
    pool.wait(6_000)
    assert not pool.daemons[C].replica.ready
    ok, because = answered(pool, C, 3)
    assert not ok
    assert "here is no copy at all" in because


def test_consent_goes_when_nothing_is_missing_any_more() -> None:
    """And not before: a start that another copy helped on is the one that was meant."""
    pool = leading()
    for name in (B, C):
        pool.daemons[name].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    pool.wait(LONG)
    pool.daemons[C].fails.clear()
    pool.wait(11_000)  # C has it, B has not.
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.write(A, 3)
    pool.daemons[B].feed(ev.Accept(5, "so be it", loss=True))
    pool.daemons[B].fails.clear()
    pool.cut(A, B)
    pool.daemons[B].feed(ev.Heard(C, pool.daemons[C].announced[-1].advert))
    pool.wait(3_000)
    assert pool.live(B) == [1, 2]
    assert pool.daemons[B].state.consent.loss == "so be it"
    pool.connect(A, B)
    pool.wait(3_000)
    assert pool.live(B) == [1, 2, 3]
    assert pool.daemons[B].state.consent.loss == ""


def test_a_transfer_that_fails_is_not_a_loss_to_be_accepted_silently() -> None:
    """The newest is within reach: what keeps it from us is named."""
    pool = leading()
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    crashed(pool)
    ok, because = answered(pool, B, 2)
    assert not ok
    assert because.startswith(f"state {FIRST}.3 could not be had from cm3: it is peer")


def test_a_transfer_that_brings_something_else_is_broken_off() -> None:
    """The source died, or there is something newer by now."""
    pool = leading()
    pool.daemons[A].write(2)
    pool.daemons[A].do_work()
    while pool.deliver():
        pass
    assert isinstance(pool.daemons[B].work[0], Fetch)
    crashed(pool)
    pool.daemons[B].feed(ev.Told(B, SECOND, leads=True))
    pool.daemons[B].feed(ev.Prepare(1, SECOND))
    assert pool.daemons[B].cancelled
    pool.wait(6_000)
    answer = pool.answer(B, 1)
    assert answer
    assert answer.ok


def test_a_transfer_that_brings_the_newest_goes_on() -> None:
    pool = leading()
    pool.daemons[A].write(2)
    pool.daemons[A].do_work()
    while pool.deliver():
        pass
    pool.running.discard(A)
    pool.daemons[A].feed(ev.Told(B, SECOND))
    pool.daemons[B].feed(ev.Told(B, SECOND, leads=True))
    pool.daemons[B].feed(ev.Prepare(1, SECOND))
    assert not pool.daemons[B].cancelled
    pool.run()
    assert pool.live(B) == [1, 2]
    assert pool.answer(B, 1)


def bereft() -> Pool:
    """Only B is left, its live files are gone and cannot be brought back."""
    pool = leading()
    crashed(pool)
    pool.stop(C)
    pool.daemons[B].fails[Install] = Failure.GONE
    pool.daemons[B].lose_live()
    pool.run()
    return pool


def test_missing_state_comes_back() -> None:
    """From what is held: nobody goes on without it, and no consent is needed."""
    pool = leading()
    crashed(pool)
    pool.daemons[B].fails[Install] = Failure.LOCKED
    pool.daemons[B].lose_live()
    pool.run()
    assert pool.daemons[B].replica.problem == "the state is missing: gone"
    assert not pool.daemons[B].replica.ready
    pool.daemons[B].fails.clear()
    pool.tell(B, SECOND, started=False)
    ok, _ = answered(pool, B, 2)
    assert ok
    assert pool.live(B) == [1]


def test_missing_state_that_nobody_has_needs_consent() -> None:
    pool = bereft()
    ok, because = answered(pool, B, 2)
    assert not ok
    assert "--accept-empty-state" in because
    pool.daemons[B].feed(ev.Accept(5, "begin anew (ann)", empty=True))
    ok, because = answered(pool, B, 2)
    assert ok
    assert because == "started on nothing (gone), accepted: begin anew (ann)"
    assert because in warned(pool.daemons[B])
    pool.daemons[B].fails.clear()
    pool.running.add(B)
    pool.run_controllee(B, SECOND)
    pool.daemons[B].write(7)
    pool.run()
    pool.wait(1_000)
    assert pool.live(B) == [7]
    assert pool.daemons[B].state.consent.empty == ""


def test_a_member_without_state_may_lead_once_it_may_start_on_nothing() -> None:
    """Before, its problem keeps it from leading, and names the way out when all has been tried."""
    pool = bereft()
    assert pool.daemons[B].replica.problem == "the state is missing: gone"
    pool.wait(10_000)
    assert "gone; bring it back, or `hadelect state accept" in pool.daemons[B].replica.problem
    pool.daemons[B].feed(ev.Accept(5, "begin anew (ann)", empty=True))
    assert (pool.daemons[B].replica.problem, pool.daemons[B].replica.ready) == ("", False)


def test_consent_to_nothing_is_no_consent_to_leave_behind_what_others_have() -> None:
    """Who has something newer that cannot be installed here is told; nothing starts on nothing."""
    pool = leading()
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    crashed(pool)
    pool.daemons[B].fails = {Install: Failure.DISK}
    pool.daemons[B].lose_live()
    pool.run()
    pool.daemons[B].feed(ev.Accept(5, "begin anew", empty=True))
    ok, because = answered(pool, B, 2)
    assert (ok, because[:10]) == (False, "it is disk")


def test_what_a_controllee_left_is_a_version_before_anything_else() -> None:
    """The daemon is new, and its HAD asks before it has looked."""
    pool = leading()
    pool.daemons[A].write(2, seen=False)
    pool.stop(A)
    pool.running.discard(A)
    pool.daemons[A] = Daemon(pool, A, pool.disks[A])
    pool.daemons[A].feed(ev.Told(A, term(7), leads=True))
    pool.daemons[A].feed(ev.Prepare(1, term(7)))
    pool.run()
    works = [work for name, work in pool.begun if name == A]
    assert isinstance(works[-2], Look)
    assert isinstance(works[-1], Snapshot)
    assert works[-1].term == FIRST


def test_files_that_cannot_be_read_start_nothing() -> None:
    pool = leading()
    crashed(pool)
    pool.daemons[B].fails[Look] = Failure.DISK
    pool.daemons[B].feed(ev.Changed(settled=True))
    pool.run()
    ok, because = answered(pool, B, 2)
    assert (ok, because) == (False, "it is disk")


def test_own_last_words_that_cannot_be_a_version_are_good_enough_to_start_on() -> None:
    """The same member leads again: nobody went on from elsewhere."""
    pool = leading()
    pool.daemons[A].fails[Snapshot] = Failure.UNSTABLE
    pool.daemons[A].write(2)
    pool.running.discard(A)
    pool.tell(None)
    ok, _ = answered(pool, A, 7)
    assert ok
    assert pool.live(A) == [1, 2]
    pool.daemons[A].fails.clear()
    pool.run_controllee(A, term(7))
    pool.wait(10_000)
    assert pool.live(B) == [1, 2]


def test_changes_of_unknown_origin_are_taken_if_nobody_went_on() -> None:
    """Perhaps of a leadership that this daemon never saw."""
    pool = leading()
    crashed(pool)
    pool.stop(B)
    pool.disks[B].live = frozenset({1, 8})
    pool.start(B)
    assert not pool.daemons[B].replica.ready
    ok, _ = answered(pool, B, 2)
    assert ok
    assert any("taken as they are" in words for words in warned(pool.daemons[B]))
    pool.run_controllee(B, SECOND)
    pool.wait(11_000)
    assert pool.live(C) == [1, 8]


def test_unwanted() -> None:
    """HAD withdraws its question."""
    pool = leading()
    crashed(pool)
    pool.mute.add(C)
    pool.daemons[B].feed(ev.Prepare(1, SECOND))
    pool.daemons[B].feed(ev.Unwanted(2))
    assert pool.daemons[B].state.preparing
    pool.daemons[B].feed(ev.Unwanted(1))
    pool.wait(6_000)
    assert not pool.daemons[B].done


# --- the last copy ---


def test_a_flush_waits_for_its_successor() -> None:
    """Another one's copy does not do."""
    pool = leading()
    pool.daemons[B].fails[Fetch] = Failure.PEER
    pool.daemons[A].write(2, seen=False)
    assert pool.flush(A, FIRST, B) is None
    assert pool.live(C) == [1, 2]
    pool.wait(31_000)
    answer = pool.answer(A)
    assert answer
    assert answer.because == f"cm2 has not confirmed {FIRST}.3 in time"


def test_a_flush_to_anybody() -> None:
    pool = leading()
    pool.stop(B)
    pool.daemons[A].write(2, seen=False)
    answer = pool.flush(A, FIRST, None)
    assert answer
    assert answer.ok
    assert said(pool.daemons[A], Matter.FLUSHED) == [f"{FIRST}.3 is at another member"]
    assert pool.live(C) == [1, 2]
    pool.begun.clear()
    pool.wait(1_000)
    pool.tell(None)
    pool.run()
    assert not [name for name, _ in pool.begun if name == A]  # It was all taken.


def test_a_flush_to_nobody_ends_soon() -> None:
    pool = leading()
    pool.stop(B)
    pool.stop(C)
    assert pool.flush(A, FIRST, None) is None
    pool.wait(3_000)
    answer = pool.answer(A)
    assert answer
    assert answer.because == "the replication daemon of any other member cannot be reached"


def test_a_flush_of_nothing() -> None:
    """The controllee removed its files: nothing is taken, and the old version stays."""
    pool = leading()
    pool.disks[A].live = None
    answer = pool.flush(A, FIRST, B)
    assert answer
    assert answer.because == "nothing is left to take: gone"
    assert pool.live(B) == [1]


def test_a_flush_that_cannot_be_taken() -> None:
    pool = leading()
    pool.daemons[A].fails[Snapshot] = Failure.UNSTABLE
    assert pool.flush(A, FIRST, B) is None
    pool.wait(31_000)
    answer = pool.answer(A)
    assert answer
    assert answer.because == "it is unstable"


def test_a_flush_that_takes_too_long() -> None:
    pool = leading()
    pool.running.discard(A)
    pool.daemons[A].feed(ev.Flush(3, FIRST, B))
    pool.now = Millis(pool.now + 31_000)
    pool.daemons[A].feed(ev.Tick())
    answer = pool.answer(A, 3)
    assert answer
    assert answer.because == "it takes too long"
    pool.run()
    pool.daemons[A].feed(ev.Flush(4, FIRST, B))
    pool.daemons[A].feed(ev.Unwanted(4))
    assert pool.daemons[A].state.flushing is None


# --- operators ---


def restored(pool: Pool, name: str, version: str) -> str:
    who = next(one for one in ALL if one == name)
    kept = next(one for one in pool.disks[who].kept if str(one) == version)
    pool.daemons[who].feed(ev.AskRestore(9, kept, "it was better (ann)"))
    pool.run()
    answer = pool.daemons[who].answers[-1]
    return answer.text if answer.ok else f"no: {answer.text}"


def test_restore_where_it_was_written() -> None:
    """An old content as a new version; everybody gets it."""
    pool = leading()
    pool.write(A, 2)
    old = f"{FIRST}.2"
    assert restored(pool, A, old).startswith("no: the controllee runs on these files: stop")
    pool.tell(B, SECOND)
    pool.running.discard(A)
    pool.run()
    assert restored(pool, A, old).startswith("no: another member leads: stop")
    pool.tell(None)
    pool.run()
    assert restored(pool, C, old).startswith("no: the newest state, ")
    text = restored(pool, B, old)
    assert text == f"{old} is restored, as {SECOND}.2: it was better (ann)"
    assert text in warned(pool.daemons[B])
    assert [pool.live(name) for name in ALL] == [[1]] * 3
    assert restored(pool, B, f"{SECOND}.1") == (
        f"{SECOND}.1 is restored, as {SECOND}.3: it was better (ann)"
    )


def test_restore_before_a_start() -> None:
    """The leader's controllee waits: its next version is the old content."""
    pool = leading()
    pool.write(A, 2)
    crashed(pool)
    pool.tell(B, SECOND, started=False)
    assert restored(pool, B, f"{FIRST}.2").startswith(f"{FIRST}.2 is restored, as {SECOND}.1")


def test_restore_of_what_is_not_the_newest() -> None:
    pool = leading()
    for name in (B, C):
        pool.daemons[name].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    crashed(pool)
    assert restored(pool, B, f"{FIRST}.2") == (
        f"no: the newest state, {FIRST}.3, is not here yet: wait until it is"
    )


def test_restore_that_fails() -> None:
    pool = leading()
    crashed(pool)
    pool.tell(B, SECOND, started=False)
    pool.daemons[B].fails[Restore] = Failure.GONE
    assert restored(pool, B, f"{FIRST}.2") == "no: it is gone"


def test_restore_while_something_else_is_asked() -> None:
    pool = leading()
    crashed(pool)
    pool.tell(B, SECOND, started=False)
    pool.daemons[B].feed(ev.Changed(settled=True))
    kept = next(iter(pool.disks[B].kept))
    pool.daemons[B].feed(ev.AskRestore(8, kept, "why"))
    pool.daemons[B].feed(ev.AskRestore(9, kept, "why"))
    assert "under way" in pool.daemons[B].answers[-1].text


def test_reload() -> None:
    """A shorter REPLICATION_INTERVAL counts at once."""
    pool = leading()
    pool.daemons[B].feed(ev.Reloaded())
    assert pool.daemons[B].state.look_due <= pool.now + 20_000


def test_strangers_and_answers_of_nobody() -> None:
    """Nothing follows from them."""
    pool = leading()
    one = pool.daemons[B]
    before = one.state
    for event in (
        ev.PeerUp(Name("x")),
        ev.PeerDown(Name("x")),
        ev.Heard(Name("x"), Advert()),
        ev.Looked(99),
        ev.Told(A, FIRST),
    ):
        one.feed(event)
    assert one.state == before
