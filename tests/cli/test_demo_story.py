"""The story of the demo: what is counted, from journals that are written out here."""

from hadelect.cli.demo_story import (
    MS,
    Blow,
    Failover,
    Summary,
    milliseconds,
    released_by,
    take_over,
)
from hadelect.cli.journal import judge, lines_of


def journal(*runs: tuple[str, int, int, int]) -> str:
    """(member, term, first ms, last ms), a line every 10 ms."""
    return "".join(
        f"{at * MS} {term} 2 {member}\n"
        for member, term, first, last in runs
        for at in range(first, last + 1, 10)
    )


MOVED = journal(("a", 1, 0, 100), ("b", 65, 127, 300))


def test_take_over() -> None:
    """The change from the old scheduler to whoever came next, once there is one."""
    (old, *_) = judge(MOVED).runs
    assert take_over(lines_of(journal(("a", 1, 0, 100))), old) is None
    gap = take_over(lines_of(MOVED), old)
    assert gap is not None
    assert (gap.after.member, gap.length) == ("b", 27 * MS)


def test_a_scheduler_held_up_is_no_take_over() -> None:
    """The old scheduler that pauses and goes on has not been replaced."""
    text = journal(("a", 1, 0, 100), ("a", 1, 500, 600))
    assert take_over(lines_of(text), judge(text).runs[0]) is None


def story(text: str, blow: Blow = Blow.KILL_DAEMON) -> Summary:
    verdict = judge(text)
    gap = take_over(lines_of(text), verdict.runs[0])
    return Summary((Failover(blow, "a", gap, released_by("notice")),), verdict)


def test_a_good_story() -> None:
    """A failover without overlap is good, and all of it is said."""
    told = story(MOVED)
    assert told.good
    assert told.lines() == [
        "1 blow, 1 failover; median gap 27 ms, longest 27 ms",
        "  SIGKILL to the daemon (1x)     median gap 27 ms",
        "overlaps of two schedulers: 0",
        "other gaps: none",
    ]
    words = told.failovers[0].words
    assert words == "b after 27 ms without one, by proof (death notice)"


def test_an_overlap_is_bad() -> None:
    """Two schedulers at once are named, with how long."""
    told = story(journal(("a", 1, 0, 100), ("b", 65, 127, 300), ("c", 66, 250, 400)))
    assert not told.good
    assert "overlaps of two schedulers: 1, 47 ms in all" in told.lines()


def test_nobody_took_over() -> None:
    """A blow that nobody answers is bad."""
    told = story(journal(("a", 1, 0, 100)))
    assert not told.good
    assert told.failovers[0].words == "NOBODY took over from a"
    assert told.lines()[0] == "1 blow, 0 failovers"


def test_the_same_member_again_is_no_failover() -> None:
    """A scheduler that comes back on the spot is told apart."""
    told = story(journal(("a", 1, 0, 100), ("a", 67, 200, 300)))
    assert not told.good
    assert told.failovers[0].words.startswith("a again after 100 ms")


def test_other_gaps_are_not_hidden() -> None:
    """Silence that no blow explains is listed."""
    told = story(journal(("a", 1, 0, 100), ("b", 65, 127, 300), ("b", 65, 500, 600)))
    assert told.lines()[-1] == "other gaps: 1 (203 ms)"


def test_no_blow_at_all_proves_nothing() -> None:
    """A demo without a blow is not good."""
    assert not Summary((), judge(MOVED)).good


def test_words() -> None:
    """By proof, by time, or not known: never guessed."""
    assert released_by("silence") == "by time (lease ran out)"
    assert released_by("") == "its history does not say how"
    assert released_by("cold_start") == "cause: cold_start"
    assert [milliseconds(n) for n in (3_400_000, 27_200_000)] == ["3.4 ms", "27 ms"]
