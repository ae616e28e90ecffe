"""What becomes of the state in the stories that an administrator would tell."""

from dataclasses import replace

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Fetch, Install, Mark, Matter, Note, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.results import alike
from hadelect.core.versions import Version
from hadelect.core.vocabulary import NO_TERM, Millis
from tests.core.replication.pool import A, B, C, Pool, said, term, warned

FIRST, SECOND, THIRD = term(1, A), term(2, B), term(3, C)
ALL = (A, B, C)


def leading() -> Pool:
    """A leads, and everybody has its first write."""
    pool = Pool()
    pool.start()
    pool.lead(A, FIRST)
    pool.write(A, 1)
    return pool


def crashed(pool: Pool) -> Pool:
    """A, which led, is gone, and everybody knows."""
    pool.stop(A)
    pool.running.discard(A)
    pool.tell(None)
    return pool


# --- copies ---


def test_everybody_gets_what_the_leader_wrote() -> None:
    """Cases 37, 42, 53: each change is a version, and everybody installs it."""
    pool = leading()
    assert [pool.live(name) for name in ALL] == [[1]] * 3
    assert pool.version(C) == f"{FIRST}.2"  # The first: what it started on.
    pool.write(A, 2)
    assert [pool.live(name) for name in ALL] == [[1, 2]] * 3
    assert pool.version(C) == f"{FIRST}.3"


def test_a_leader_that_changes_nothing_takes_no_version() -> None:
    """Case 42: the comparison at REPLICATION_INTERVAL finds nothing, and nothing is announced."""
    pool = leading()
    before = pool.version(A)
    pool.wait(60_000)
    assert pool.version(A) == pool.version(B) == before


def test_a_write_that_inotify_missed_is_found() -> None:
    """By the comparison of everything, at REPLICATION_INTERVAL."""
    pool = leading()
    pool.daemons[A].write(2, seen=False)
    pool.wait(20_000)
    assert [pool.live(name) for name in ALL] == [[1, 2]] * 3


def test_a_write_during_a_snapshot_is_in_the_next_one() -> None:
    """Case 43: nothing is taken for clean that was written to meanwhile."""
    pool = leading()
    pool.daemons[A].write(2)
    pool.daemons[A].write(3, settled=False)
    pool.run()
    assert pool.daemons[A].state.live.dirty
    pool.wait(0)
    assert pool.live(B) == [1, 2, 3]


def test_who_was_away_catches_up_from_anybody() -> None:
    """Cases 38, 41, 45: no leader is needed for it."""
    pool = leading()
    pool.stop(C)
    pool.write(A, 2)
    crashed(pool)
    pool.start(C)
    assert pool.live(C) == [1, 2]
    assert pool.version(C) == pool.version(B)


def test_the_same_version_is_not_fetched_again() -> None:
    """Case 39."""
    pool = leading()
    pool.stop(C)
    pool.start(C)
    assert not [one for one in pool.begun if one[0] == C and isinstance(one[1], Fetch)][2:]


def test_from_a_leader_first() -> None:
    """Case 40: of two that have the newest version the leader is asked, whatever the order."""
    pool = leading()
    pool.running.discard(A)
    pool.lead(B, SECOND)
    pool.stop(C)
    pool.write(B, 2)
    pool.begun.clear()
    pool.start(C, connect=False)
    pool.daemons[C].feed(ev.Changed(settled=True))  # It is busy while both are heard.
    pool.connect(A, C)
    pool.connect(B, C)
    while pool.deliver():
        pass
    pool.run()
    sources = [work.source for name, work in pool.begun if isinstance(work, Fetch)]
    assert sources == [B]


def test_another_holder_is_asked_after_a_failure() -> None:
    """Cases 45, 46, 48; and the one that failed again later, when it has something else."""
    pool = leading()
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    sources = [one[1].source for one in pool.begun if one[0] == C and isinstance(one[1], Fetch)]
    assert sources[-2:] == [A, B]
    assert said(pool.daemons[C], Matter.FAILED)
    pool.daemons[C].fails.clear()
    pool.wait(1_000)
    assert pool.live(C) == [1, 2]


def test_a_copy_that_cannot_be_had_is_told() -> None:
    """After some attempts HAD knows that nobody should be started here, and why."""
    pool = leading()
    pool.daemons[C].fails[Fetch] = Failure.GONE
    pool.write(A, 2)
    assert not pool.daemons[C].replica.ready
    pool.wait(20_000)
    problem = pool.daemons[C].replica.problem
    assert "newer state cannot be had from" in problem
    assert problem.endswith(": it is gone")
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.wait(60_000)
    assert pool.daemons[C].replica.problem.endswith(": it is peer")


def test_a_reason_with_numbers_in_it_is_told_once() -> None:
    """Else each attempt on a full disk would be a line of the log."""
    assert alike("7.1 needs 12 bytes more: make room", "7.2 needs 4711 bytes more: make room")
    assert not alike("7.1 needs 12 bytes more: make room", "7.1 cannot be written: mount it")


def test_who_may_get_it_from_another_has_no_problem() -> None:
    """Nothing could be had from anybody for a while (the disk was full), then it could again from
    the leader: what failed with others before is no reason not to hand over.
    """
    pool = leading()
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.write(A, 2)
    pool.wait(20_000)
    pool.daemons[C].fails.clear()
    pool.wait(40_000)
    assert pool.live(C) == [1, 2]
    pool.daemons[C].fails[Fetch] = Failure.PEER
    pool.write(A, 3)
    replica = pool.daemons[C].replica
    assert (replica.ready, replica.problem) == (False, "")


def test_a_disk_that_is_full_is_told_and_tried_again() -> None:
    """Nothing is lost by it."""
    pool = leading()
    pool.daemons[C].fails[Install] = Failure.DISK
    pool.write(A, 2)
    pool.wait(5_000)
    problem = pool.daemons[C].replica.problem
    assert problem == "its copy of the state cannot be kept up to date: it is disk"
    assert len(said(pool.daemons[C], Matter.FAILED)) == 1
    assert said(pool.daemons[C], Matter.FAILED) == warned(pool.daemons[C])
    pool.daemons[C].fails.clear()
    pool.wait(20_000)
    assert pool.live(C) == [1, 2]
    assert pool.daemons[C].replica.problem == ""


def test_what_was_fetched_and_is_gone_is_fetched_again() -> None:
    pool = leading()
    pool.daemons[C].fails[Install] = Failure.GONE
    pool.write(A, 2)
    pool.daemons[C].fails.clear()
    pool.wait(2_000)
    assert pool.live(C) == [1, 2]


def test_nothing_is_installed_under_a_controllee() -> None:
    """Case 50: the lock holds even where HAD's word is late."""
    pool = leading()
    pool.running.add(C)
    pool.write(A, 2)
    pool.wait(20_000)
    assert pool.live(C) == [1]
    pool.running.discard(C)
    pool.wait(1_000)  # A lock is tried as often as at first, not seldom as a disk that is full.
    assert pool.live(C) == [1, 2]


def test_a_fetch_ends_when_leadership_begins() -> None:
    """Case 50: what others have is no use to a leader."""
    pool = leading()
    pool.daemons[A].write(2)
    pool.daemons[A].do_work()
    while pool.deliver():
        pass
    assert isinstance(pool.daemons[B].work[0], Fetch)
    pool.running.discard(A)
    pool.tell(B, SECOND)
    assert pool.daemons[B].cancelled
    pool.run()
    assert pool.live(B) == [1]


# --- damaged copies ---


def test_a_copy_that_somebody_damaged_is_mended() -> None:
    """And what was written there is kept aside."""
    pool = leading()
    pool.daemons[C].write(9)
    pool.run()
    assert pool.live(C) == [1]
    assert pool.disks[C].asides == [{1, 9}]
    assert said(pool.daemons[C], Matter.CONFLICT)


def test_a_missing_copy_comes_back() -> None:
    pool = leading()
    pool.disks[C].live = None
    pool.wait(20_000)
    assert pool.live(C) == [1]


def test_who_writes_to_a_copy_for_ever_fills_no_disk() -> None:
    pool = leading()
    for number in range(10, 20):
        pool.daemons[C].write(number)
        pool.run()
    assert len(pool.disks[C].asides) == 3
    assert "somebody writes to STATE_FILE" in pool.daemons[C].replica.problem
    assert not pool.daemons[C].replica.ready
    pool.wait(21_000)
    assert pool.live(C) == [1]


def test_a_write_while_it_is_installed() -> None:
    """It is seen, though it came between."""
    pool = leading()
    pool.daemons[C].after_switch = lambda: pool.daemons[C].write(7)
    pool.write(A, 2)
    assert pool.live(C) == [1, 2]
    assert {7} <= set().union(*pool.disks[C].asides)


# --- the end of a leadership ---


def test_handover() -> None:
    """The last write, unseen by inotify, is at the successor before the leadership goes."""
    pool = leading()
    pool.daemons[A].write(2, seen=False)
    answer = pool.flush(A, FIRST, B)
    assert answer
    assert answer.ok
    assert pool.live(B) == [1, 2]
    pool.lead(B, SECOND)
    pool.write(B, 3)
    assert [pool.live(name) for name in ALL] == [[1, 2, 3]] * 3
    assert not any(pool.disks[name].asides for name in ALL)


def test_crash() -> None:
    """What the leader had not told is kept aside at it, when it is back."""
    pool = leading()
    pool.daemons[A].write(2, settled=False)
    crashed(pool)
    pool.lead(B, SECOND)
    pool.write(B, 3)
    assert pool.live(B) == pool.live(C) == [1, 3]
    pool.start(A)
    pool.tell(B, SECOND)
    pool.wait(1000)
    assert pool.live(A) == [1, 3]
    assert pool.disks[A].asides == [{1, 2}]


def test_the_last_words_of_a_controllee_become_a_version() -> None:
    """Only its own member can take it: a cold start finds it, whatever the order of HAD_LIST."""
    pool = leading()
    pool.daemons[A].write(2, settled=False)
    for name in ALL:
        pool.stop(name)
    pool.running.clear()
    pool.start(C)
    pool.start(B)
    pool.start(A)
    pool.lead(C, THIRD)
    assert pool.live(C) == [1, 2]
    assert not pool.disks[A].asides


def test_last_words_are_tried_until_there_is_room() -> None:
    """A disk that was full: nobody went on from elsewhere, so nothing replaces them."""
    pool = leading()
    pool.daemons[A].fails[Snapshot] = Failure.DISK
    pool.daemons[A].write(2)
    pool.running.discard(A)
    pool.tell(None)
    pool.wait(60_000)
    assert pool.live(A) == [1, 2]
    pool.daemons[A].fails.clear()
    pool.wait(20_000)
    assert pool.live(B) == [1, 2]


def test_last_words_that_nobody_can_read_hold_up_nothing() -> None:
    """Another leads: after some attempts they are kept aside as they are."""
    pool = leading()
    pool.daemons[A].fails[Snapshot] = Failure.UNSTABLE
    pool.daemons[A].write(2)
    pool.running.discard(A)
    pool.lead(B, SECOND)
    pool.write(B, 3)
    pool.wait(20_000)
    assert pool.live(A) == [1, 3]
    assert pool.disks[A].asides == [{1, 2}]


def test_a_leadership_lost_alive() -> None:
    """HAD lost it (or ended): what is left is taken and told at once."""
    pool = leading()
    pool.daemons[A].write(2, seen=False)
    pool.running.discard(A)
    pool.daemons[A].feed(ev.HadGone())
    pool.run()
    assert pool.live(B) == [1, 2]


def test_a_new_term_of_the_same_leader() -> None:
    """A running controllee that changes its title: a new line from here on."""
    pool = leading()
    pool.tell(A, term(5))
    pool.run()
    pool.write(A, 2)
    assert pool.version(C) == f"{term(5)}.2"
    assert pool.daemons[C].state.held.ends == ((FIRST, 2),)  # type: ignore[union-attr]


def test_split_brain() -> None:
    """Case 51: the line of the survivor goes on, the other one is kept aside where it was."""
    pool = leading()
    pool.cut(A, B)
    pool.cut(A, C)
    pool.daemons[B].feed(ev.Prepare(90, SECOND))
    pool.wait(6_000)
    pool.running.add(B)
    for name in (B, C):
        pool.daemons[name].feed(ev.Told(B, SECOND, leads=name == B, started=name == B))
    pool.run()
    pool.write(A, 2)
    pool.write(B, 3)
    assert (pool.live(A), pool.live(C)) == ([1, 2], [1, 3])
    pool.connect(A, B)
    pool.connect(A, C)
    pool.run()
    assert pool.live(A) == [1, 2]  # Its controllee runs yet.
    pool.running.discard(A)
    pool.tell(B, SECOND)
    pool.wait(2_000)
    assert pool.live(A) == [1, 3]
    assert pool.disks[A].asides == [{1, 2}]


def test_a_line_of_a_later_leader_is_not_continued() -> None:
    """A leader whose copy is of a later term than its own takes no versions, and says so."""
    pool = leading()
    pool.running.discard(A)
    pool.tell(C, term(0, C))
    pool.run()
    pool.write(C, 2)
    assert pool.version(C) == f"{FIRST}.2"
    assert "is of a later leadership" in pool.daemons[C].replica.problem
    answer = pool.flush(C, term(0, C), B)
    assert answer
    assert not answer.ok
    pool.lead(B, SECOND)
    pool.wait(1_000)
    assert {1, 2} in pool.disks[C].asides


def test_a_store_that_was_lost_in_the_middle_of_a_leadership() -> None:
    """No place is given twice: the leader goes on after what the others have of its term."""
    pool = leading()
    disk = pool.disks[A]
    pool.stop(A)
    disk.held, disk.received = None, None
    disk.kept.clear()
    pool.start(A)
    pool.tell(A, FIRST)
    pool.run()
    pool.write(A, 2)
    pool.wait(1_000)
    assert pool.live(B) == [1, 2]
    assert pool.version(B) == f"{FIRST}.3"


def test_a_place_that_is_only_known_is_not_given_twice_either() -> None:
    pool = leading()
    disk = pool.disks[A]
    crashed(pool)
    for name in (B, C):
        pool.stop(name)
    disk.held = None
    disk.kept.clear()
    disk.note = Note(Version(FIRST, 2, "1"), Millis(0))
    pool.running.add(A)
    pool.start(A)
    pool.tell(A, FIRST)
    pool.run()
    assert pool.version(A) == f"{FIRST}.3"


def test_the_first_version_of_a_term_that_cannot_be_marked() -> None:
    """A snapshot does as well."""
    pool = leading()
    pool.running.discard(A)
    pool.daemons[B].fails[Mark] = Failure.GONE
    pool.tell(B, SECOND)
    pool.run()
    pool.running.add(B)
    pool.write(B, 2)
    pool.wait(2_000)
    assert pool.live(C) == [1, 2]


def test_two_contents_at_one_place() -> None:
    """A store was lost: told, and what a copy holds goes aside before the leader's comes."""
    pool = leading()
    line = pool.disks[A].held
    assert line
    other = replace(line, version=replace(line.version, digest="x"))
    words = Advert(line=other, known=other.version, leads=FIRST)
    pool.daemons[C].feed(ev.Heard(A, words))
    pool.daemons[C].feed(ev.Heard(A, words))
    assert len(said(pool.daemons[C], Matter.CONFLICT)) == 1
    assert pool.daemons[C].state.live.dirty
    pool.daemons[B].feed(ev.Heard(C, replace(words, leads=NO_TERM)))
    assert not pool.daemons[B].state.live.dirty
