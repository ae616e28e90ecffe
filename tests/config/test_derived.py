"""What is made of a Config: the core's rules, the promise in words, a reload, the manual."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.config.manual import table
from hadelect.config.promise import failover_bound, promise, survives
from hadelect.config.reload import differences, reloaded
from hadelect.config.rules import millis, rules_of
from hadelect.config.schema import Change
from hadelect.core.vocabulary import Arbitration, Name
from tests.config.conftest import Load

DOCS = Path(__file__).parents[2] / "docs"


def test_the_manual_is_current() -> None:
    """docs/configuration.md is what the schema says (else: make docs)."""
    assert (DOCS / "configuration.md").read_text() == table()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.5, 500), (0.29, 290), (0.58, 580), (0.0009, 0), (1.0019, 1001), (3, 3000), (0, 0)],
)
def test_millis(seconds: float, expected: int) -> None:
    """Whole milliseconds, rounded down; binary fractions lose nothing."""
    assert millis(seconds) == expected


@given(st.integers(0, 10**9))
def test_whole_millis_come_back(number: int) -> None:
    """A length written in milliseconds is that length."""
    assert millis(number / 1000) == number


def test_rules(loaded: Load) -> None:
    """The file's members are the voters when nothing durable says otherwise."""
    rules = rules_of(loaded("HAD_ARBITRATION=majority", "HAD_PRESET=fast", "HAD_USE_PRIMARY=1"))
    assert rules.me == "127.0.0.1:5001"
    assert rules.identity.members == ("127.0.0.1:5001", "127.0.0.1:5002", "127.0.0.1:5003")
    assert rules.identity.arbitration is Arbitration.MAJORITY
    assert (rules.heartbeat_ms, rules.lease_ms, rules.margin_ms) == (200, 1000, 250)
    assert rules.primary == "127.0.0.1:5001"


def test_the_durable_list_rules(loaded: Load) -> None:
    """The voters' list in force is durable: the file only proposes."""
    in_force = (Name("127.0.0.1:5001"), Name("127.0.0.1:5009"))
    rules = rules_of(loaded("HAD_WITNESS_LIST=127.0.0.1:7"), in_force, (Name("w:1"),))
    assert rules.voters == (*in_force, "w:1")
    assert rules_of(loaded("HAD_WITNESS_LIST=127.0.0.1:7"), in_force, ()).voters == in_force


def test_promise(loaded: Load) -> None:
    """Which promise holds is said in words, with the number of failures survived."""
    none, majority = loaded(), loaded("HAD_ARBITRATION=majority")
    assert "within one partition" in promise(none)
    assert "the votes of 2 of 3 voters" in promise(majority)
    assert (survives(none), survives(majority)) == (2, 1)
    two = loaded(
        "HAD_ARBITRATION=majority",
        "HAD_LIST=127.0.0.1:5001 127.0.0.1:5002",
        "HAD_WITNESS_LIST=127.0.0.1:5003",
    )
    assert survives(two) == 1
    assert failover_bound(none) == pytest.approx(3 + 0.03 + 0.5)


def test_reload(loaded: Load) -> None:
    """What may change live is taken, the rest is named and kept."""
    old = loaded()
    new = loaded(
        "HAD_LEASE_DURATION=4", "HAD_POOL=x", "HAD_LIST=127.0.0.1:5001",
        "NEGOTIATOR_STOP_TIMEOUT=3", "NEGOTIATOR_ARGS=-x",
    )  # fmt: skip
    found = {item.name: item for item in differences(old, new)}
    assert {name: item.change for name, item in found.items()} == {
        "HAD_LEASE_DURATION": Change.LIVE,
        "HAD_POOL": Change.NEVER,
        "HAD_LIST": Change.MEMBERSHIP,
        "NEGOTIATOR_ARGS": Change.RESTART,
        "NEGOTIATOR_STOP_TIMEOUT": Change.LIVE,
    }
    assert str(found["HAD_LEASE_DURATION"]) == "HAD_LEASE_DURATION: 3 -> 4, applied"
    assert "needs a restart" in str(found["NEGOTIATOR_ARGS"])
    assert "refused: it must be equal on all members" in str(found["HAD_POOL"])
    assert "--reset-membership" in str(found["HAD_LIST"])
    merged = reloaded(old, new)
    assert (merged.lease, merged.controllee.stop_timeout) == (4, 3)
    assert (merged.pool, merged.members) == (old.pool, old.members)
    assert merged.controllee.argv == old.controllee.argv
    left = [item.name for item in differences(merged, new)]
    assert left == ["HAD_LIST", "HAD_POOL", "NEGOTIATOR_ARGS"]


def test_another_controllee_is_one_difference(loaded: Load) -> None:
    """Not one for each variable that is named after it."""
    new = loaded("HAD_CONTROLLEE=SCHEDD", "SCHEDD=/bin/sleep")
    assert [item.name for item in differences(loaded(), new)] == ["HAD_CONTROLLEE"]


def test_tls_is_read_again_and_switched_by_a_restart(loaded: Load, tmp_path: Path) -> None:
    """Other files are live; TLS instead of none, or none, is another kind of port."""
    files = {}
    for name in ("CERT", "KEY", "CA"):
        for which in ("old", "new"):
            files[name, which] = tmp_path / f"{name}.{which}"
            files[name, which].write_text("x")

    def tls(which: str) -> list[str]:
        return [f"HAD_TLS_{name}={files[name, which]}" for name in ("CERT", "KEY", "CA")]

    none, old, new = loaded(), loaded(*tls("old")), loaded(*tls("new"))
    assert {item.change for item in differences(old, new)} == {Change.LIVE}
    assert reloaded(old, new).tls == new.tls
    assert {item.change for item in differences(none, new)} == {Change.RESTART}
    assert reloaded(none, new).tls is None
    assert reloaded(old, none).tls == old.tls


def test_reload_of_the_same(loaded: Load) -> None:
    """A reload without a change changes nothing."""
    config = loaded()
    assert differences(config, loaded()) == ()
    assert reloaded(config, loaded()) == replace(config)


def test_another_probe_is_told_from_the_same_with_other_limits(loaded: Load) -> None:
    """By a digest of its command: the words may hold a secret."""
    same, other = "NEGOTIATOR_CHECK=/bin/true -a", "NEGOTIATOR_CHECK=/bin/true -b"
    digest = rules_of(loaded(same)).check_digest
    assert rules_of(loaded(same, "NEGOTIATOR_CHECK_FAILURES=9")).check_digest == digest
    assert rules_of(loaded(other)).check_digest != digest
    assert "-a" not in digest
