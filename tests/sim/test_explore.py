"""The exhaustive search: the real core holds its laws in every order, a broken one is found."""

from dataclasses import replace

import pytest

from hadelect.core import election
from hadelect.core.effects import Record
from hadelect.core.state import Decision
from hadelect.core.vocabulary import Millis, Rules
from hadelect.sim.explore import POOLS, search
from hadelect.sim.world import Core

DEPTH = 4


def forgets(rules: Rules, found: Record | None, same_boot: bool, now: Millis) -> Decision:
    """A start that knows nothing of what the earlier life promised."""
    decision = election.boot(rules, found, same_boot, now)
    return replace(decision, state=replace(decision.state, promise=None))


@pytest.mark.parametrize("pool", POOLS)
def test_no_order_of_a_few_events_breaks_a_law(pool: str) -> None:
    """From a settled pool, a contested leader and a restarted voter (`make explore`: deeper)."""
    found = search(pool, DEPTH, seconds=100)
    assert (found.violation, found.depth) == ("", DEPTH)
    assert found.states > 1000


@pytest.mark.parametrize("pool", POOLS)
def test_a_broken_core_is_found_with_the_way_to_it(pool: str) -> None:
    """The voter that forgot its promise elects a second leader: in four events."""
    found = search(pool, DEPTH, 100, Core(boot=forgets))
    assert found.violation.startswith("two controllees run: cm1, cm2 after 4 events: start > ")
    assert "votes in term 65" in found.violation


def deaf(rules: Rules, found: Record | None, same_boot: bool, now: Millis) -> Decision:
    decision = election.boot(rules, found, same_boot, now)
    return replace(decision, state=replace(decision.state, mute_until=Millis(1 << 40)))


def test_a_pool_that_does_not_settle_is_a_finding() -> None:
    """Not even a fair schedule gives it a leader."""
    found = search("3 members", DEPTH, 100, Core(boot=deaf))
    assert "does not settle" in str(found)
