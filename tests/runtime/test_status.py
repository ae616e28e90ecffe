"""The pool as one member sees it, in a reply, in JSON and as a page."""

from dataclasses import replace

import pytest

from hadelect.core.election import boot
from hadelect.core.messages import Controllee, Standing
from hadelect.core.state import Check, State
from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import (
    Arbitration,
    ControlleeState,
    Errand,
    Identity,
    Millis,
    Name,
    Role,
    Rules,
    Term,
)
from hadelect.runtime.status import Facts, line_of, page, status_dict, status_of

A, B, C = (Name(f"cm{number}:1") for number in (1, 2, 3))
RULES = Rules(
    B, Identity("pool", (A, B), (C,), Arbitration.MAJORITY, "NEGOTIATOR"), use_primary=True
)
FACTS = Facts(RULES, "0.1.0", "c0ffee", ("a warning of the configuration",))
NOW = Millis(100_000)
LEADS = Standing(
    role=Role.LEADER,
    term=Term(64),
    leader=A,
    leader_heard_ms=Millis(0),
    known_term=Term(64),
    blank=False,
    mute=False,
    fit=True,
    unfit_because="",
    drained=False,
    hears=(B,),
    controllee=Controllee("NEGOTIATOR", ControlleeState.RUNNING, 4711, "2026-01-01T00:00:00Z", 2),
)


def follower() -> State:
    """cm2: follows cm1, which it heard 200 ms ago; never heard the witness."""
    state = boot(RULES, None, False, Millis(50_000)).state
    heard = replace(state.peer(A), heard_at=Millis(NOW - 200), standing=LEADS, version="0.2.0")
    return replace(
        state.with_peer(heard),
        role=Role.PASSIVE,
        term=Term(64),
        leader=A,
        heard_at=Millis(NOW - 200),
        patience_until=Millis(NOW + 2800),
    )


def test_the_json_of_the_interface() -> None:
    """Names and nesting as users' scripts expect them."""
    told = status_dict(status_of(FACTS, {A: "0ther"}, follower(), NOW))
    assert (told["pool"], told["leader"], told["term"]) == ("pool", A, 64)
    assert (told["arbitration"], told["paused"], told["answered_by"]) == ("majority", None, B)
    leader, own, witness = told["members"]
    assert leader == {
        "member": A,
        "priority": 1,
        "primary": True,
        "role": "LEADER",
        "reachable": True,
        "fit": True,
        "unfit_because": "",
        "drained": False,
        "mute": False,
        "term": 64,
        "leader": A,
        "last_heard_seconds": 0.2,
        "hears": [B],
        "version": "0.2.0",
        "config_digest": "0ther",
        "witness": False,
        "controllee": {
            "name": "NEGOTIATOR",
            "state": "running",
            "pid": 4711,
            "since": "2026-01-01T00:00:00Z",
            "restarts": 2,
            "check": None,
        },
        "replica": None,
    }
    assert (own["role"], own["reachable"], own["controllee"]["state"]) == (
        "PASSIVE",
        True,
        "stopped",
    )
    assert (witness["witness"], witness["priority"], witness["role"]) == (True, None, "UNREACHABLE")
    assert (witness["reachable"], witness["last_heard_seconds"]) == (False, None)


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (Check(), "none"),
        (Check(due=NOW), "unknown"),
        (Check(id=7), "unknown"),
        (Check(due=NOW, passed=True), "passing"),
        (Check(due=NOW, passed=True, because="cannot run it"), "unknown"),
        (Check(due=NOW, failures=2, because="exit code 1"), "failing"),
    ],
)
def test_the_probe_of_the_member_that_answers(check: Check, told: str) -> None:
    """Its state, failures in a row and last word; without a probe: none."""
    facts = replace(FACTS, rules=replace(RULES, errands=(Errand.CHECK,)))
    state = replace(follower(), check=check)
    own = status_dict(status_of(facts, {}, state, NOW))["members"][1]["controllee"]["check"]
    assert own == {"state": told, "failures": check.failures, "because": check.because}
    own = status_dict(status_of(FACTS, {}, state, NOW))["members"][1]["controllee"]["check"]
    assert own["state"] == "none"


def test_what_differs_is_a_warning() -> None:
    """Configuration, version, refusals, and those of our own configuration."""
    state = follower()
    state = state.with_peer(replace(state.peer(C), refused_because="HAD_POOL is 'x' here"))
    warnings = status_of(FACTS, {A: "0ther"}, state, NOW).warnings
    assert list(warnings) == [
        "a warning of the configuration",
        "cm1:1 has another configuration (0ther, here c0ffee)",
        "cm1:1 runs version 0.2.0, this member 0.1.0",
        "refuses cm3:1: HAD_POOL is 'x' here",
    ]


def test_a_peer_not_heard_for_a_lease_is_unreachable() -> None:
    """Whatever it said last; the page says since when."""
    later = Millis(NOW + 3000)
    reply = status_of(FACTS, {}, follower(), later)
    assert reply.members[0].role == "UNREACHABLE"
    assert reply.leader == ""
    assert "cm1:1  UNREACHABLE, last heard 3.2 s ago" in page(reply)
    assert "cm3:1  UNREACHABLE, never heard" in page(reply)
    assert line_of(reply).startswith("leader (none), term 64; cm1:1 UNREACHABLE, cm2:1 PASSIVE")


def test_two_leaders_are_two() -> None:
    """Nothing is bent to agree: both are named."""
    state = follower()
    also = replace(LEADS, leader=C)
    state = state.with_peer(replace(state.peer(C), heard_at=NOW, standing=also))
    warnings = status_of(FACTS, {}, state, NOW).warnings
    assert "2 members say that they lead: cm1:1, cm3:1" in warnings


def test_nobody_fit_is_said() -> None:
    """No leader, and none to be expected."""
    state = boot(RULES, None, False, NOW).state
    warnings = status_of(FACTS, {}, state, NOW).warnings
    assert "no leader: no member that is reachable is fit and undrained" in warnings


OWN = Replica(Version(Term(64), 5, "ab"), Version(Term(64), 6, "cd"), ready=True, lag_ms=NOW)
THEIRS = Replica(Version(Term(64), 5, "ef"), None, ready=True)


def replicating(own: Replica, theirs: Replica | None) -> State:
    state = replace(follower(), replica=own, replica_at=NOW, now=NOW)
    return state.with_peer(replace(state.peer(A), standing=replace(LEADS, replica=theirs)))


def test_copies_of_the_state() -> None:
    """Each member's own word of its copy; null where there is none."""
    state = replicating(OWN, THEIRS)
    told = status_dict(status_of(FACTS, {}, state, NOW))["members"]
    assert told[1]["replica"] == {
        "version": "64.5",
        "lag_seconds": 100.0,
        "digest": "ab",
        "known": "64.6",
        "ready": True,
        "problem": "",
    }
    later = status_dict(status_of(FACTS, {}, state, Millis(NOW + 500)))["members"]
    assert later[1]["replica"]["lag_seconds"] == 100.5
    assert told[0]["replica"]["known"] is None
    assert told[2]["replica"] is None
    lines = page(status_of(FACTS, {}, state, NOW))
    assert "stopped, state 64.5, 100.0 s behind" in lines
    assert "no state yet" in page(status_of(FACTS, {}, replicating(Replica(), None), NOW))


def test_copies_that_want_an_operator() -> None:
    """One that is too old, two of one version that differ, a leader whose state goes nowhere."""
    facts = replace(FACTS, rules=replace(RULES, max_lag_ms=Millis(99_000)))
    assert list(status_of(facts, {}, replicating(OWN, THEIRS), NOW).warnings)[-2:] == [
        f"{B}'s state is 100 s behind (REPLICATION_MAX_LAG = 99)",
        f"{B} and {A} hold different states 64.5: `hadelect state list` on both",
    ]
    alone = replace(replicating(replace(THEIRS, problem="no answer"), None), role=Role.LEADER)
    told = status_of(facts, {}, alone, NOW).warnings
    assert f"{B} leads, and its state goes nowhere: no answer" in told
