"""Links that fail: mode majority never runs two, mode none never two within one partition."""

import time
from collections.abc import Callable

from tests.e2e.faults import proves
from tests.e2e.host import Host
from tests.e2e.judge import terms_rise
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]


def judged(lab: Lab) -> None:
    """No overlap; in mode none the two sides of a partition are two pools for its length."""
    if lab.pool.mode == "majority":
        lab.never_two()


def nobody_runs_on(lab: Lab, host: Host) -> None:
    until(
        lambda: not host.controllees(), lab.pool.bound, lambda: f"{host} still runs its scheduler"
    )


@proves("link_cut")
def test_the_leaders_link_is_cut(build: Build, mode: str) -> None:
    """A leader cut off without a word: never two in majority, and one again when it is healed."""
    lab = build(Pool(mode))
    lab.start()
    old = lab.settled()
    before = lab.ran()
    lab.net.cut(old.number)
    after = lab.moved(before)
    assert after.member != old.name
    if mode == "majority":
        nobody_runs_on(lab, old)
        new = lab.settled(*lab.peers(old))
        lab.net.mend(old.number)
        assert lab.one() is new, "who comes back follows"
    else:
        lab.settled(*lab.peers(old))
        assert old.controllees(), "in mode none each side of a partition leads"
        lab.net.mend(old.number)
        lab.one()
    judged(lab)


@proves("link_cut", mode="majority")
def test_the_leaders_link_is_cut_at_default_timing(build: Build) -> None:
    """The same at lease 3 s, where most pools live."""
    lab = build(Pool("majority", preset=""))
    lab.start()
    old = lab.settled()
    before = lab.ran()
    lab.net.cut(old.number)
    assert lab.moved(before).member != old.name
    lab.net.mend(old.number)
    lab.one()
    lab.never_two()


@proves("link_blinks")
def test_a_blink_of_the_link_moves_nobody(build: Build, mode: str) -> None:
    """A link that is gone for a third of the lease is no reason to move."""
    lab = build(Pool(mode, preset=""))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    lab.net.cut(leader.number)
    time.sleep(lab.pool.lease / 3)
    lab.net.mend(leader.number)
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()


@proves("standby_cut_off")
def test_a_standby_is_cut_off(build: Build, mode: str) -> None:
    """A partition with the leader on the larger side moves nobody there; healed, all agree."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    alone = lab.peers(leader)[-1]
    lab.net.cut(alone.number)
    time.sleep(3 * lab.pool.lease)
    majority = [host for host in lab.hosts if host is not alone]
    assert lab.settled(*majority) is leader
    lab.net.mend(alone.number)
    if mode == "majority" or leader.number < alone.number:
        assert lab.one() is leader
        assert [run.pid for run in lab.journal.running()] == [before.pid]
    else:  # Both led, and the higher priority stays.
        assert lab.one() is alone
    judged(lab)


@proves("split_heals", mode="none")
def test_after_a_split_the_higher_priority_stays(build: Build) -> None:
    """Mode none, two leaders meet: the higher priority keeps its scheduler untouched."""
    lab = build(Pool("none"))
    lab.start()
    old = lab.settled()
    low = lab.peers(old)[-1]
    lab.net.cut(low.number)
    until(low.controllees, lab.pool.bound, lambda: f"{low} does not lead its side")
    high = min(old, low, key=lambda host: host.number)
    kept = next(run for run in lab.journal.running() if run.member == high.name)
    lab.net.mend(low.number)
    assert lab.one() is high
    assert [run.pid for run in lab.journal.running()] == [kept.pid]


@proves("chain")
def test_a_chain(build: Build, mode: str) -> None:
    """A-B-C with A and C parted: B's acks tell, and there is one scheduler all the time."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    lab.net.part(1, 3)
    time.sleep(3 * lab.pool.lease)
    lab.alone()
    lab.net.join(1, 3)
    lab.one()
    lab.never_two()


@proves("chain")
def test_a_chain_from_the_start(build: Build, mode: str) -> None:
    """Members that never met each other end up with one leader through the third."""
    lab = build(Pool(mode))
    lab.net.part(1, 3)
    lab.start()
    lab.alone()
    time.sleep(2 * lab.pool.lease)
    lab.alone()
    lab.net.join(1, 3)
    lab.one()
    judged(lab)


@proves("one_way_to_one")
def test_a_one_way_link(build: Build, mode: str) -> None:
    """Frames from the leader to one standby are lost, the other way works: still one scheduler."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    deaf = lab.peers(leader)[0]
    lab.net.block(leader.number, deaf.number)
    time.sleep(3 * lab.pool.lease)
    lab.alone()
    lab.net.unblock(leader.number, deaf.number)
    lab.one()
    lab.never_two()


@proves("everybody_alone")
def test_everybody_alone(build: Build, mode: str) -> None:
    """All links cut: nobody runs (majority) or everybody does (none); healed, exactly one."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    for host in lab.hosts:
        lab.net.cut(host.number)
    wanted = 0 if mode == "majority" else 3
    until(
        lambda: len(lab.controllees()) == wanted,
        lab.pool.bound,
        lambda: f"{len(lab.controllees())} schedulers, not {wanted}",
    )
    for host in lab.hosts:
        lab.net.mend(host.number)
    lab.one()
    judged(lab)


@proves("primary_lost")
def test_the_returning_primary_takes_its_place(build: Build, mode: str) -> None:
    """With HAD_USE_PRIMARY the first entry leads again after its return, without overlap."""
    lab = build(Pool(mode, more=(("HAD_USE_PRIMARY", "true"),)))
    lab.start()
    primary = lab[0]
    if lab.settled() is not primary:  # It may have been the last to be up.
        until(lambda: lab.ran().member == primary.name, lab.pool.bound, lambda: "not the primary")
    before = lab.ran()
    primary.power_off()
    assert lab.moved(before).member != primary.name
    lab.settled()
    primary.start()
    until(
        lambda: [run.member for run in lab.journal.running()] == [primary.name],
        lab.pool.bound,
        lambda: "the primary does not return",
    )
    assert lab.one() is primary
    lab.never_two()


@proves("machine_lost")
def test_without_a_primary_nobody_returns(build: Build, mode: str) -> None:
    """Without HAD_USE_PRIMARY the returning first entry stays a standby."""
    lab = build(Pool(mode))
    lab.start()
    first = lab.settled()
    before = lab.ran()
    first.power_off()
    lab.moved(before)
    new = lab.settled()
    first.start()
    assert lab.one() is new
    lab.never_two()
    terms_rise(lab.journal)
