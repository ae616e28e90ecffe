"""The judge of a journal, by tables."""

import pytest

from hadelect.cli.journal import JournalError, judge, lines_of

MS = 1_000_000
STEP = 10


def journal(*runs: tuple[str, int, int, int, int]) -> str:
    """(member, term, pid, first ms, last ms) as lines every 10 ms, in their order."""
    lines = [
        (at * MS, f"{at * MS} {term} {pid} {member}")
        for member, term, pid, first, last in runs
        for at in range(first, last + 1, STEP)
    ]
    return "".join(f"{line}\n" for _, line in sorted(lines))


@pytest.mark.parametrize("text", ["", "12 1 7 cm1"])
def test_nothing_yet(text: str) -> None:
    """No complete line: nobody ran."""
    verdict = judge(text)
    assert (verdict.runs, verdict.overlaps, verdict.gaps, verdict.overlap_ns) == ((), (), (), 0)


def test_a_failover() -> None:
    """The gap of a failover is from the last line of the old to the first of the new."""
    verdict = judge(journal(("cm1", 1, 7, 0, 100), ("cm2", 65, 7, 125, 300)))
    assert [(run.member, run.term) for run in verdict.runs] == [("cm1", 1), ("cm2", 65)]
    assert verdict.overlaps == ()
    (gap,) = verdict.gaps
    assert (gap.start, gap.end, gap.length, gap.moved) == (100 * MS, 125 * MS, 25 * MS, True)
    assert (gap.before.who, gap.after.member) == ("cm1 (term 1, pid 7)", "cm2")


def test_a_failover_without_a_pause_is_listed_all_the_same() -> None:
    """A handover of a few milliseconds is a gap of a few milliseconds."""
    (gap,) = judge(journal(("cm1", 1, 7, 0, 100), ("cm2", 65, 7, 103, 203))).gaps
    assert gap.length == 3 * MS


def test_a_restart_on_the_spot() -> None:
    """A local restart is a gap that did not move."""
    (gap,) = judge(journal(("cm1", 1, 7, 0, 100), ("cm1", 1, 9, 400, 500))).gaps
    assert (gap.length, gap.moved) == (300 * MS, False)


def test_a_scheduler_that_was_held_up() -> None:
    """Silence of one and the same scheduler is a gap too, and no end of its run."""
    verdict = judge(journal(("cm1", 1, 7, 0, 100), ("cm1", 1, 7, 600, 700)))
    assert len(verdict.runs) == 1
    (gap,) = verdict.gaps
    assert (gap.length, gap.moved, gap.before == gap.after) == (500 * MS, False, True)


def test_a_late_tick_is_no_gap() -> None:
    """Up to the limit, silence is only a busy machine."""
    assert judge(journal(("cm1", 1, 7, 0, 100), ("cm1", 1, 7, 150, 200))).gaps == ()


OVERLAPS = {
    "side by side": ([("a", 1, 1, 0, 100), ("b", 2, 1, 110, 200)], [], 0),
    "one instant shared": ([("a", 1, 1, 0, 100), ("b", 2, 1, 100, 200)], [], 0),
    "the end of one": ([("a", 1, 1, 0, 100), ("b", 2, 1, 70, 200)], [30], 30),
    "one inside the other": ([("a", 1, 1, 0, 200), ("b", 2, 1, 50, 80)], [30], 30),
    "frozen, and back": (
        [("a", 1, 1, 0, 0), ("a", 1, 1, 200, 200), ("b", 2, 1, 50, 100)],
        [50],
        50,
    ),
    "same member, two terms": ([("a", 1, 1, 0, 100), ("a", 2, 1, 40, 200)], [60], 60),
    "three at once": (
        [("a", 1, 1, 0, 100), ("b", 2, 1, 50, 150), ("c", 3, 1, 80, 200)],
        [50, 20, 70],
        100,
    ),
    "two apart": (
        [("a", 1, 1, 0, 300), ("b", 2, 1, 50, 80), ("c", 3, 1, 200, 220)],
        [30, 20],
        50,
    ),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_overlaps(case: str) -> None:
    """Two schedulers at once are found, pair by pair; the total counts each instant once."""
    runs, lengths, total = OVERLAPS[case]
    verdict = judge(journal(*runs))
    assert [overlap.length // MS for overlap in verdict.overlaps] == lengths
    assert verdict.overlap_ns == total * MS


def test_lines_out_of_order() -> None:
    """Two writers' lines may land in the file in another order than they were stamped."""
    text = "20000000 1 7 cm1\n10000000 1 7 cm1\n30000000 1 7 cm1\n"
    (run,) = judge(text).runs
    assert (run.first, run.last) == (10 * MS, 30 * MS)


@pytest.mark.parametrize("line", ["", "1 2 3", "x 1 2 cm1", "1 2 3 cm1 more", "1  2 cm1"])
def test_a_line_that_no_scheduler_wrote(line: str) -> None:
    """A strange line is an error with its number, never skipped."""
    with pytest.raises(JournalError, match="journal line 2"):
        lines_of(f"1 1 1 cm1\n{line}\n")
