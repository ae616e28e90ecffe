"""What becomes of the state in the stories that an administrator would tell."""

from tests.core.replication.pool import A, B, C, Pool, term

FIRST, SECOND, THIRD = term(1, A), term(2, B), term(3, A)


def leading(*names: str) -> Pool:
    pool = Pool()
    pool.start()
    pool.lead(A, FIRST)
    pool.write(A, 1)
    return pool


def test_everybody_gets_what_the_leader_wrote() -> None:
    pool = leading()
    assert [pool.live(name) for name in (A, B, C)] == [[1]] * 3
    assert pool.version(C) == f"{FIRST}.2"  # The first: what it started on.
    pool.write(A, 2)
    assert [pool.live(name) for name in (A, B, C)] == [[1, 2]] * 3
    assert pool.version(C) == f"{FIRST}.3"


def test_handover() -> None:
    pool = leading()
    pool.daemons[A].write(2, seen=False)  # Its last word, unseen by inotify.
    answer = pool.flush(A, FIRST, B)
    assert answer
    assert answer.ok
    assert pool.live(B) == [1, 2]
    pool.lead(B, SECOND)
    pool.write(B, 3)
    assert [pool.live(name) for name in (A, B, C)] == [[1, 2, 3]] * 3
    assert not any(pool.disks[name].asides for name in (A, B, C))


def test_crash() -> None:
    pool = leading()
    pool.daemons[A].write(2, settled=False)
    pool.stop(A)
    pool.running.discard(A)
    pool.lead(B, SECOND)
    pool.write(B, 3)
    assert pool.live(B) == pool.live(C) == [1, 3]
    pool.start(A)
    pool.tell(B, SECOND)
    pool.wait(1000)
    assert pool.live(A) == [1, 3]
    assert pool.disks[A].asides == [{1, 2}]
