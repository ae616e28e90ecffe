"""Members that do not belong together: refused with the reason, and nobody moves."""

import json
import time
from collections.abc import Callable

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Host
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]


def comes_back_with(lab: Lab, host: Host, **changes: object) -> None:
    """Stop a member, change its configuration, start it."""
    assert host.end() == 0, host.tail()
    host.configure({**lab.settings(host), **changes})
    host.start()


def warned(host: Host, *words: str) -> None:
    """Wait until a member's status carries a warning with all of these words."""

    def said() -> bool:
        warnings = (host.status() or {}).get("warnings", [])
        return any(all(word.lower() in w.lower() for word in words) for w in warnings)

    until(said, 8, lambda: f"{host}: no warning has {words}: {(host.status() or {})['warnings']}")


@proves("other_arbitration_or_controllee", mode="majority")
@pytest.mark.parametrize(
    "changes, word",
    [
        ({"HAD_ARBITRATION": "none"}, "arbitration"),
        (
            {"HAD_CONTROLLEE": "COLLECTOR", "COLLECTOR": "/bin/sleep", "COLLECTOR_ARGS": "60"},
            "COLLECTOR",
        ),
    ],
    ids=["arbitration", "controllee"],
)
def test_a_misfit_is_refused_with_the_reason(
    build: Build, changes: dict[str, object], word: str
) -> None:
    """A member with another arbitration or controllee takes no part; status says why."""
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    misfit, other = lab.peers(leader)
    comes_back_with(lab, misfit, **changes)
    warned(leader, misfit.name, word)
    assert lab.one(leader, other) is leader
    assert lab.ran().pid == before.pid
    assert leader.cli("status").returncode == 1, "degraded"
    comes_back_with(lab, misfit)
    assert lab.one() is leader
    assert lab.ran().pid == before.pid


@proves("other_list", mode="majority")
def test_a_changed_list_changes_nothing_by_itself(build: Build) -> None:
    """The voters' list in force is durable: a member started with another keeps it and warns."""
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    changed = lab.peers(leader)[0]
    comes_back_with(lab, changed, HAD_LIST=changed.name)
    warned(changed, "in force", "--reset-membership")
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()


def test_reset_membership_takes_the_new_list(build: Build) -> None:
    """All members stopped, then started with --reset-membership: the files' list is in force."""
    lab = build(Pool("majority"))
    lab.start()
    lab.settled()
    kept, dropped = lab.hosts[:2], lab.hosts[2]
    for host in lab.hosts:
        assert host.end() == 0, host.tail()
    for host in kept:
        host.configure({**lab.settings(host), "HAD_LIST": ", ".join(h.name for h in kept)})
        host.start("--reset-membership")
    lab.one(*kept)
    answer = kept[0].cli("status", "--format", "json")
    members = [member["member"] for member in json.loads(answer.stdout)["members"]]
    assert dropped.name not in members
    lab.never_two()


@proves("stranger", mode="majority")
def test_a_stranger_is_refused(build: Build) -> None:
    """A HAD that is in nobody's list is not heard, whatever its own list says."""
    lab = build(Pool("majority", hosts=4))
    members, stranger = lab.hosts[:3], lab.hosts[3]
    listed = ", ".join(host.name for host in members)
    for host in members:
        host.configure({**lab.settings(host), "HAD_LIST": listed})
    lab.start(*members)
    leader = lab.settled()
    before = lab.ran()
    stranger.start()
    with pytest.raises(AssertionError, match="did not settle"):
        lab.settled(stranger, within=4)
    assert lab.one(*members) is leader
    assert lab.ran().pid == before.pid
    assert not stranger.controllees()


def lines(host: Host) -> int:
    return len(host.log.read_text().splitlines())


@proves("twice_one_name")
def test_a_second_one_of_the_same_name(build: Build, mode: str) -> None:
    """A HAD on another machine under the last entry's name is refused with the reason. In majority
    it runs nothing and nobody moves; in mode none it may lead as if cut off, until it is stopped.
    """
    lab = build(Pool(mode, hosts=4))
    members, double = lab.hosts[:3], lab.hosts[3]
    listed = ", ".join(host.name for host in members)
    for host in lab.hosts:
        host.configure({**lab.settings(host), "HAD_LIST": listed})
    lab.start(*members)
    lab.settled()
    before = lab.ran()
    name = members[-1].name  # The last entry dials all others: they see both.
    double.start("--member", name)
    refusal = f"two HADs run under the name {name}"
    said = members[0].log
    until(lambda: refusal in said.read_text(), lab.pool.bound, lambda: f"no word in {said}")
    written = {host: lines(host) for host in lab.hosts}
    seconds = 3 * lab.pool.lease
    time.sleep(seconds)
    for host, before_that in written.items():
        assert lines(host) - before_that < 10 * seconds, host.tail()
    if mode == "majority":
        assert not double.controllees()
        assert lab.ran().pid == before.pid
    double.power_off()
    lab.one(*members)
    if mode == "majority":
        assert lab.ran().pid == before.pid
        lab.never_two()
