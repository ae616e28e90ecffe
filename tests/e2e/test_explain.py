"""Why did it (not) fail over? Asked of real members, whose machines die."""

import json
from collections.abc import Callable
from typing import Any

from tests.e2e.host import Host
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]


def explained(host: Host, *member: str) -> dict[str, Any]:
    done = host.cli("explain", *member, "--format", "json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def says(host: Host, topic: str, *member: str) -> dict[str, Any] | None:
    """The line of that topic, once it is said."""
    lines = explained(host, *member)["lines"]
    return next((line for line in lines if line["topic"] == topic), None)


def test_what_holds_a_failover_back_is_said(build: Build) -> None:
    """By the leader before it happens, by the last member after, of the dead by who heard them."""
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    one, two = lab.peers(leader)
    successor = says(leader, "successor")
    assert successor is not None
    assert successor["facts"]["successor"] in {one.name, two.name}
    assert explained(one, leader.name)["answered_by"] == leader.name
    two.power_off()
    held = until(lambda: says(leader, "no_successor"), 10, lambda: "nobody could take over")
    assert held["holds_back"]
    leader.power_off()
    missing = until(lambda: says(one, "majority_missing"), 10, lambda: "too few")
    assert missing["facts"] == {"count": 1, "voters": 3, "needed": 2}
    dead = explained(one, leader.name)
    assert (dead["answered_by"], dead["lines"][0]["topic"]) == (one.name, "hearsay")
    past = one.cli("history", "--pool", "--since", "1h")
    assert past.returncode == 0
    assert f"{leader.name} leads term" in past.stdout
    assert f"{two.name}: its history cannot be read" in past.stderr
