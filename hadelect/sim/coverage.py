"""What many days covered, as a table; a kind of thing that never happened is named.

A simulator that never parts a network proves nothing about parted networks. The rows below are
what must have happened at least once in a thousand days; all else that was counted is printed too.
"""

from collections import Counter
from collections.abc import Iterator

from hadelect.core.vocabulary import Cause, Refusal
from hadelect.sim.aimed import BLOWS, TURNS
from hadelect.sim.faults import EVENTS

ENOUGH = 1000  # Days after which everything must have happened.
COLUMNS = 2
WIDTH = 46

# Who stands for SHUTDOWN, UNFIT …? Nobody: those end a leadership.
_WON = (Cause.COLD_START, Cause.SILENCE, Cause.NOTICE, Cause.RESIGN, Cause.HANDOVER)
_LEFT = (
    *(Cause.HANDOVER, Cause.PRIMARY, Cause.SHUTDOWN, Cause.UNFIT),
    *(Cause.LOST_AUTHORITY, Cause.SPLIT_BRAIN),
)
_REFUSED = tuple(
    kind for kind in Refusal if kind not in (Refusal.NOT_A_MEMBER, Refusal.INCOMPATIBLE)
)

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("days", ("bad days", "aimed days", "harmless days", "last days", "survived N-1 failures")),
    ("elections won after", tuple(f"won after {cause.value}" for cause in _WON)),
    ("leaderships that ended by", tuple(f"left for {cause.value}" for cause in _LEFT)),
    ("votes and pre-votes refused for", tuple(f"refused: {kind.value}" for kind in _REFUSED)),
    ("what happened to machines, processes, links, disks", EVENTS),
    ("aimed blows", tuple(f"aimed: {name}" for name in (*BLOWS, *(f"a voter {t}" for t in TURNS)))),
    (
        "starts of a daemon",
        (
            "starts blank",
            "starts after a clean stop",
            "starts after a crash",
            "starts after a reboot",
            "starts inside a promise",
            "starts mute",
        ),
    ),
    (
        "what came of it",
        (
            "elections lost",
            "two leaders met",
            "terms taken without touching the controllee",
            "overlaps while parted",
            "controllees started",
            "controllees killed at their deadline",
            "inits killed by the daemon",
            "stop failed",
            "notices",
            "notices lost",
            "datagrams lost",
            "streams stalled by losses",
            "slow writes",
            "writes that failed",
        ),
    ),
)


def summed(totals: Counter[str], counters: Counter[str]) -> None:
    """Add one day. What is called worst is a maximum."""
    for name, count in counters.items():
        totals[name] = max(totals[name], count) if "worst" in name else totals[name] + count


def missing(totals: Counter[str]) -> list[str]:
    """What never happened."""
    return [name for _, names in SECTIONS for name in names if not totals[name]]


def table(totals: Counter[str]) -> Iterator[str]:
    """Lines for people, a section each."""
    known = {name for _, names in SECTIONS for name in names}
    others = tuple(sorted(name for name in totals if name not in known))
    for title, names in (*SECTIONS, ("besides", others)):
        yield f"{title}:"
        cells = [f"{totals[name]:>9}  {name.replace('_', ' ')}" for name in names]
        for start in range(0, len(cells), COLUMNS):
            yield "".join(cell.ljust(WIDTH) for cell in cells[start : start + COLUMNS]).rstrip()
