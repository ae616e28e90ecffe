"""Networks that lose one direction, or one protocol."""

import time
from collections.abc import Callable

import pytest

from tests.e2e.faults import HowLong, proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]


@pytest.mark.parametrize(
    "outwards",
    [
        pytest.param(True, marks=proves("one_way_out")),
        pytest.param(False, marks=proves("one_way_in")),
    ],
    ids=["from the leader", "to the leader"],
)
def test_all_frames_of_one_direction_are_lost(build: Build, mode: str, outwards: bool) -> None:
    """The leader is not heard any more, or hears nobody: majority never runs two and one soon;
    mode none may run one on either side; healed, one.
    """
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    ways = [(leader.number, peer.number) for peer in lab.peers(leader)]
    ways = ways if outwards else [(target, source) for source, target in ways]
    for source, target in ways:
        lab.net.block(source, target)
    time.sleep(3 * lab.pool.lease)
    if mode == "majority":
        lab.alone()
    for source, target in ways:
        lab.net.unblock(source, target)
    lab.one()
    if mode == "majority":
        lab.never_two()


def crash(lab: Lab, deaf: Callable[[list[Host]], list[Host]]) -> None:
    """The leader's daemon dies, its supervisor's notice does not reach `deaf` among the peers."""
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    for peer in deaf(lab.peers(leader)):
        lab.net.lose_udp(leader.number, peer.number)
    leader.kill(Part.DAEMON)
    lab.moved(before, within=HowLong.LEASE.within(lab.pool))


@proves("udp_blocked_to_one")
def test_the_death_notice_does_not_reach_one(build: Build, mode: str) -> None:
    """Who heard the notice convinces who did not: another leads at once, not after the lease."""
    lab = build(Pool(mode, preset=""))
    crash(lab, lambda peers: peers[:1])
    lab.never_none_for(HowLong.AT_ONCE.leases * lab.pool.lease)
    lab.one(still=1)
    lab.never_two()


@proves("udp_blocked")
def test_the_death_notice_reaches_nobody(build: Build, mode: str) -> None:
    """Where a firewall drops UDP a crash costs a lease, and never two."""
    lab = build(Pool(mode))
    crash(lab, lambda peers: peers)
    lab.one()
    lab.never_two()
