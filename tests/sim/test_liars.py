"""One member talks nonsense of terms: nobody else's rise, nobody moves, and the others go on."""

from random import Random

import pytest

from hadelect.core.vocabulary import Arbitration, Name, Term
from hadelect.sim.faults import Faults
from hadelect.sim.swarm import agreed, bad_day
from hadelect.sim.world import World, pool_of
from tests.sim.liars import Liar, knows, raves

LIAR = Name("cm3")
NAMES = tuple(Name(f"cm{number}") for number in range(1, 6))
SETTLE_MS = 15_000


def settled(arbitration: Arbitration, term: int) -> World:
    """A new pool of three; the last of them always knows that term."""
    core = Liar(LIAR, knows(term)).core()
    world = World(pool_of(3, 0, arbitration), 4, Faults(), core)
    for machine in world.machines.values():
        machine.power_on()
    world.run_for(SETTLE_MS)
    return world


def term_of(world: World) -> Term:
    assert agreed(world)
    daemon = world.machines[world.leaders()[0]].daemon
    assert daemon is not None
    return daemon.state.term


@pytest.mark.parametrize("arbitration", Arbitration)
@pytest.mark.parametrize("term", [2**32 + 64 + 64, 2**52, 2**53 - 1, 2**53])
def test_a_term_that_cannot_be_moves_no_other(arbitration: Arbitration, term: int) -> None:
    """Neither at the first election nor at a failover: where 2**53 was believed, nobody could be
    elected any more, for no decoder takes a term above it; in mode none, two led.
    """
    world = settled(arbitration, term)
    assert term_of(world) == 64
    world.machines[world.leaders()[0]].power_off()
    world.run_for(SETTLE_MS)
    assert (world.leaders(), term_of(world)) == ([Name("cm2")], 65)
    told = [line for line in world.log if f"knows term {term}, which cannot be" in line]
    assert len(told) == 2  # Once by each of the others.


@pytest.mark.parametrize("arbitration", Arbitration)
@pytest.mark.parametrize("term", [2**53 + 1, 2**63 - 1, 2**64 - 1])
def test_a_member_whose_words_no_decoder_takes_moves_nobody(
    arbitration: Arbitration, term: int
) -> None:
    """As if it were not there."""
    assert term_of(settled(arbitration, term)) == 64


@pytest.mark.parametrize("seed", range(7, 31))
def test_no_day_with_a_liar_breaks_a_promise(seed: int) -> None:
    """Whatever else happens; one that raves speaks of leaders that never were, too.

    No day here is of a new pool of two in mode majority: who lost its record learns from the other
    one or from nobody.
    """
    dice = Random(f"liar of {seed}")
    liar = dice.choice(NAMES[:3])
    others = tuple(name for name in NAMES if name != liar)
    always = knows(dice.choice((2**40, 2**52, 2**53)))
    bad_day(seed, Liar(liar, dice.choice((always, raves(dice, others)))).core())
