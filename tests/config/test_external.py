"""A controllee that another manager runs: what its variables must be together."""

from pathlib import Path

import pytest

from hadelect.config import external
from hadelect.config.findings import ConfigError
from tests.config.conftest import Load

COMMANDS = [
    "NEGOTIATOR=",  # The fixture's path, taken back.
    "NEGOTIATOR_START=/bin/true a b",
    "NEGOTIATOR_STOP=/bin/true",
    "NEGOTIATOR_STATUS=/bin/false",
]
KILL = "NEGOTIATOR_KILL=/bin/true"
MAJORITY = "HAD_ARBITRATION=majority"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([*COMMANDS[1:]], "a path and NEGOTIATOR_START cannot both be given"),
        (COMMANDS[:2], "required for a controllee that another manager runs; set NEGOTIATOR_STOP"),
        (COMMANDS[:3], "NEGOTIATOR_STATUS = : required"),
        (["NEGOTIATOR=", KILL], "set NEGOTIATOR_START, NEGOTIATOR_STOP, NEGOTIATOR_STATUS"),
        ([*COMMANDS, MAJORITY], "without NEGOTIATOR_UNIT or NEGOTIATOR_KILL"),
        ([*COMMANDS, KILL, "NEGOTIATOR_KILL_TIMEOUT=0.5"], "must be below HAD_LEASE_MARGIN (0.5)"),
        ([*COMMANDS, "NEGOTIATOR_STOP=/no/x"], "/no/x is no program that can be run"),
        ([*COMMANDS, "NEGOTIATOR_STOP=no-such-program"], "no-such-program is no program"),
        ([*COMMANDS, KILL, "NEGOTIATOR_USER=root"], "the other manager decides who it runs as"),
        ([*COMMANDS, "NEGOTIATOR_UNIT=/tmp"], "must be a unit, or a directory below"),
        ([*COMMANDS, "NEGOTIATOR_STATUS_INTERVAL=0"], "must be seconds from 0.1"),
    ],
)
def test_errors(loaded: Load, sets: list[str], said: str) -> None:
    """What cannot be safe, or cannot work, is refused with the remedy."""
    with pytest.raises(ConfigError) as error:
        loaded(*sets)
    assert said in "\n".join(error.value.problems)


def test_mode_none_warns(loaded: Load) -> None:
    """Without a sure way to kill, mode none says what it cannot be sure of, and starts."""
    (warning,) = loaded(*COMMANDS).warnings
    assert "cannot be sure that it is dead without NEGOTIATOR_UNIT or NEGOTIATOR_KILL" in warning


def test_a_sure_way(loaded: Load) -> None:
    """With KILL there is nothing to say; its time limit is three quarters of the margin."""
    config = loaded(*COMMANDS, KILL, MAJORITY)
    assert config.warnings == ()
    assert config.controllee.argv == ()
    spec = config.controllee.external
    assert spec is not None
    assert spec.start == ("/bin/true", "a", "b")
    assert (spec.kill, spec.cgroup, spec.kill_timeout) == (("/bin/true",), "", 0.375)


def test_a_program_of_ours_has_none(loaded: Load) -> None:
    """A path alone: hadelect runs it."""
    assert loaded().controllee.external is None


def test_a_witness_needs_nothing(loaded: Load) -> None:
    """A witness runs nothing, whoever runs it elsewhere."""
    config = loaded(
        *COMMANDS[:2],
        "HAD_LIST=127.0.0.1:5002",
        "HAD_WITNESS_LIST=127.0.0.1:5001",
        MAJORITY,
    )
    assert config.controllee.argv == ()


@pytest.mark.parametrize(
    ("unit", "told", "path"),
    [
        ("slurmctld", {}, "/system.slice/slurmctld.service"),
        ("slurmctld.service", {"Slice": "hpc-core.slice"}, "/hpc.slice/hpc-core.slice/slurmctld"),
        ("x.service", {"ControlGroup": "/a/x.service", "Slice": "b.slice"}, "/a/x.service"),
        ("x.service", {"Slice": "-.slice"}, "/x.service"),
    ],
)
def test_the_cgroup_of_a_unit(unit: str, told: dict[str, str], path: str) -> None:
    """It lies where systemd says, else in the slice that systemd names, else in system.slice."""
    assert external.path_below(unit, told).startswith(path)


def test_a_unit_that_restarts(
    loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit that systemd would start again by itself is refused in majority, warned of in none."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho Restart=always\necho Slice=system.slice\n")
    systemctl.chmod(0o755)
    monkeypatch.setattr(external, "SYSTEMD_RUNS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    sets = [*COMMANDS, "NEGOTIATOR_UNIT=x.service"]
    assert "systemctl edit x.service: [Service] Restart=no" in "\n".join(loaded(*sets).warnings)
    with pytest.raises(ConfigError, match="it has Restart=always"):
        loaded(*sets, MAJORITY)


def test_systemd_that_does_not_answer(
    loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for, and nothing is refused for its silence."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\nexec sleep 60\n")
    systemctl.chmod(0o755)
    monkeypatch.setattr(external, "SYSTEMD_RUNS", tmp_path)
    monkeypatch.setattr(external, "ANSWER_SECONDS", 0.1)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = loaded(*COMMANDS, "NEGOTIATOR_UNIT=x.service", MAJORITY)
    assert config.controllee.external is not None
    assert config.controllee.external.cgroup.endswith("/system.slice/x.service")


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["NEGOTIATOR_UNIT=x.service"], "by its cgroup /"),
        ([KILL], "by NEGOTIATOR_KILL and NEGOTIATOR_STATUS within 0.375 s"),
        ([], "by NEGOTIATOR_STOP, as far as NEGOTIATOR_STATUS is right"),
    ],
)
def test_the_sure_way_in_words(loaded: Load, sets: list[str], said: str) -> None:
    """`check config` explains what makes sure that it is dead."""
    spec = loaded(*COMMANDS, *sets).controllee.external
    assert spec is not None
    assert said in external.sure_way("NEGOTIATOR", spec)
