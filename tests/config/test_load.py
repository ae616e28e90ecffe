"""From files, environment and command line to one Config."""

from pathlib import Path

import pytest

from hadelect.config import sources
from hadelect.config.findings import ConfigError
from hadelect.config.load import load, load_pool
from hadelect.config.model import Address, TlsSpec
from tests.config.conftest import Load

SAMPLE = Path(__file__).parent / "condor_config.local.ha_central_manager"
CM1, CM2 = Address("cm1.wisc.edu:51450", "cm1.wisc.edu", 51450), "cm2.wisc.edu:51450"


def test_sample_of_htcondors_manual(tmp_path: Path) -> None:
    """The HA section of HTCondor's documentation loads unchanged but for the negotiator's path."""
    path = tmp_path / "hadelect.conf"
    path.write_text(SAMPLE.read_text() + "NEGOTIATOR = /bin/sleep\n")
    config = load(path, ["HAD_LOG=/tmp/HADLog"], {}, member="cm1.wisc.edu:51450")
    assert config.me == CM1
    assert [entry.name for entry in config.members] == [CM1.name, CM2]
    assert config.use_primary
    assert config.connection_timeout == 2
    assert config.log.debug
    assert config.log.max_bytes == 640_000
    assert config.arbitration == "none"
    assert dict(config.values)["REPLICATION_LIST"] == "cm1.wisc.edu:41450, cm2.wisc.edu:41450"
    assert not any("no such variable" in line for line in config.warnings)
    said = "\n".join(config.warnings)
    assert "members are told apart by their host only" in said
    assert config.replication is not None
    assert [str(root) for root in config.replication.roots] == [
        "/var/lib/condor/spool/Accountantnew.log"
    ]


def test_sample_names_the_negotiator(tmp_path: Path) -> None:
    """Without HTCondor on this host the sample has one error: where the negotiator is."""
    with pytest.raises(ConfigError) as error:
        load(SAMPLE, ["HAD_LOG=/tmp/HADLog", "SBIN=/none"], {}, member=CM1.name)
    (problem,) = error.value.problems
    assert problem == (
        "default: NEGOTIATOR = /none/condor_negotiator: this program does not exist; "
        "correct NEGOTIATOR; arguments go to NEGOTIATOR_ARGS"
    )


def test_defaults(good: Path) -> None:
    """What nobody writes has interface.md's default."""
    config = load(good, [], {})
    assert (config.heartbeat, config.lease, config.margin) == (0.5, 3.0, 0.5)
    assert (config.arbitration, config.use_primary, config.pool) == ("none", False, "hadelect")
    assert config.connection_timeout == 5
    assert config.http_address == ("", 9460)
    assert config.control_socket == config.state_dir / "control.sock"
    assert (config.restart_limit, config.restart_window, config.unfit_cooldown) == (3, 300, 360)
    assert (config.fence_tree, config.allow_unfenced, config.allow_insecure) == (
        "auto",
        False,
        False,
    )
    assert config.controllee.argv == ("/bin/sleep", "1000")
    assert (config.controllee.stop_signal, config.controllee.stop_timeout) == (15, 10)
    assert (config.log.path, config.log.max_bytes, config.log.debug) == (None, 10_000_000, False)
    assert config.tls is None
    assert config.warnings == ()


def test_order_of_reading(tmp_path: Path) -> None:
    """File, config.d beside it by name, environment, --set: the last word counts."""
    (tmp_path / "config.d").mkdir()
    base = "HAD_LIST = 127.0.0.1:1\nNEGOTIATOR = /bin/sleep\n"
    (tmp_path / "a.conf").write_text(base + "HAD_POOL = file\n")
    names = {"path": tmp_path / "a.conf"}
    assert load(names["path"], [], {}).pool == "file"
    (tmp_path / "config.d" / "20.conf").write_text("HAD_POOL = twenty")
    (tmp_path / "config.d" / "10.conf").write_text("HAD_POOL = ten")
    (tmp_path / "config.d" / "30.conf~").write_text("HAD_POOL = backup")
    assert load(names["path"], [], {}).pool == "twenty"
    environ = {"_HADELECT_had_pool": "environment", "_CONDOR_HAD_POOL": "other"}
    assert load(names["path"], [], environ).pool == "environment"
    assert load(names["path"], ["HAD_POOL=set", "had_pool = again"], environ).pool == "again"


def test_environment_names_the_file(good: Path) -> None:
    """$HADELECT_CONFIG is read when there is no --config."""
    assert load(None, [], {"HADELECT_CONFIG": str(good)}).pool == "hadelect"


def test_everything_may_come_without_a_file() -> None:
    """--set alone is a configuration."""
    sets = ["HAD_LIST=127.0.0.1:1", "NEGOTIATOR=/bin/sleep", "HAD_STATE_DIR=/tmp/x"]
    assert load(None, sets, {}).me.name == "127.0.0.1:1"


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that cannot be read is one error, told apart from a bad one."""
    for path in (tmp_path / "none.conf", tmp_path):
        with pytest.raises(ConfigError) as error:
            load(path, [], {})
        assert error.value.unreadable
        assert len(error.value.problems) == 1
        assert str(path) in error.value.problems[0]


def test_bytes_that_are_no_utf8(good: Path) -> None:
    """A Latin-1 comment harms nothing; a Latin-1 value is shown, not thrown."""
    good.write_bytes(good.read_bytes() + b"# caf\xe9\nHAD_POOL = caf\xe9\n")
    assert load(good, [], {}).pool == "caf\\xe9"


def test_all_errors_at_once(good: Path) -> None:
    """Every mistake of a file is said in one go, each with its line."""
    good.write_text(
        good.read_text().replace("/bin/sleep", "/bin/none")
        + "HAD_LEASE_DURATION = soon\nHAD_USE_PRIMARY = perhaps\nuse ROLE : X\n"
        + "HAD_ARBITRATION = paxos\nHAD_FENCE_TREE = axe\nHAD_HTTP_ADDRESS = 80\n"
    )
    with pytest.raises(ConfigError) as error:
        load(good, [], {})
    lines = [problem.split(":")[1] for problem in error.value.problems]
    assert sorted(lines) == ["10", "11", "3", "6", "7", "8", "9"]
    assert all(problem.startswith(f"{good}:") for problem in error.value.problems)
    assert all("; " in problem for problem in error.value.problems)


def test_member_is_named_outright(good: Path) -> None:
    """--member decides before HAD_MEMBER, HAD_MEMBER before port and addresses."""
    assert load(good, [], {}, port=5002).me.port == 5002
    assert load(good, [], {}, member="127.0.0.1:5003").me.port == 5003
    sets = ["HAD_MEMBER=<127.0.0.1:5002>"]
    assert load(good, sets, {}).me.port == 5002
    assert load(good, sets, {}, member="127.0.0.1:5003").me.port == 5003
    with pytest.raises(ConfigError, match="has another port than -p 5001"):
        load(good, sets, {}, port=5001)


def test_no_file_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any configuration the error names the file that is looked for."""
    monkeypatch.setattr(sources, "DEFAULT_PATH", tmp_path / "hadelect.conf")
    with pytest.raises(ConfigError, match="hadelect.conf: does not exist; write it, or name"):
        load(None, [], {})


def test_witness(good: Path) -> None:
    """A witness needs no controllee."""
    sets = ["HAD_WITNESS_LIST=127.0.0.1:5004", "HAD_ARBITRATION=majority", "NEGOTIATOR=/none"]
    config = load(good, sets, {}, port=5004)
    assert config.witness
    assert config.controllee.argv == ()
    assert len(config.voters) == 4


def test_tls(loaded: Load, tmp_path: Path) -> None:
    """Three files are mutual TLS, and hosts may then be elsewhere."""
    for name in ("cert", "key", "ca"):
        (tmp_path / name).touch()
    sets = [f"HAD_TLS_{name.upper()}={tmp_path / name}" for name in ("cert", "key", "ca")]
    config = loaded(*sets, "HAD_LIST=127.0.0.1:5001 cm2:5001")
    assert config.tls == TlsSpec(tmp_path / "cert", tmp_path / "key", tmp_path / "ca")


def test_preset(loaded: Load) -> None:
    """The preset gives defaults; a value that is written stays."""
    fast = loaded("HAD_PRESET=fast")
    assert (fast.heartbeat, fast.lease, fast.margin) == (0.2, 1.0, 0.25)
    assert loaded("HAD_PRESET=Fast", "HAD_LEASE_DURATION=2").lease == 2


def test_pool_name(loaded: Load) -> None:
    """The pool is named by HAD_POOL, else by HTCondor's COLLECTOR_NAME."""
    assert loaded("COLLECTOR_NAME=Physics").pool == "Physics"
    assert loaded("COLLECTOR_NAME=Physics", "HAD_POOL=x").pool == "x"


def test_another_controllee(loaded: Load, tmp_path: Path) -> None:
    """Everything of the controllee is looked up by its name."""
    config = loaded(
        "HAD_CONTROLLEE=slurmctld",
        "SLURMCTLD=/bin/sleep",
        "SLURMCTLD_ARGS=\"-D -f '/etc/a b'\"",
        "SLURMCTLD_ENVIRONMENT=A=1;B=2",
        "SLURMCTLD_STOP_SIGNAL=INT",
        "SLURMCTLD_STOP_TIMEOUT=60",
        "SLURMCTLD_START_GRACE=5",
    )
    spec = config.controllee
    assert (spec.name, spec.argv) == ("slurmctld", ("/bin/sleep", "-D", "-f", "/etc/a b"))
    assert (spec.environment, spec.stop_signal) == ((("A", "1"), ("B", "2")), 2)
    assert (spec.stop_timeout, spec.start_grace) == (60, 5)


def test_digest(loaded: Load) -> None:
    """The digest is of what should be equal on all members: meanings, not spellings, not paths."""
    digest = loaded().digest
    assert loaded("HAD_ARGS=-p 5002", "NEGOTIATOR=/bin/true").digest == digest
    assert loaded("HAD_USE_PRIMARY=no", "HAD_LEASE_DURATION=3.0").digest == digest
    assert loaded("HAD_LIST=<127.0.0.1:5001> 127.0.0.1:5002,127.0.0.1:5003").digest == digest
    for change in ("HAD_USE_PRIMARY=yes", "HAD_LEASE_DURATION=4", "HAD_POOL=x"):
        assert loaded(change).digest != digest


def test_whoever_only_asks_needs_little(tmp_path: Path) -> None:
    """`status` works where the host is no member and the controllee is not installed."""
    path = tmp_path / "hadelect.conf"
    path.write_text("HAD_LIST = 192.0.2.1:1, [2001:db8::1]:2\nHAD_WITNESS_LIST = w:3\n")
    view = load_pool(path, [], {})
    assert [entry.port for entry in view.members + view.witnesses] == [1, 2, 3]
    assert str(view.control_socket) == "/var/lib/hadelect/control.sock"
    with pytest.raises(ConfigError, match="HAD_LIST = : required"):
        load_pool(path, ["HAD_LIST="], {})


def test_values_hold_every_name(loaded: Load) -> None:
    """Whatever has a row in the schema can be asked for."""
    values = dict(loaded("HAD_HOOK_TIMEOUT=7", "NEGOTIATOR_CHECK_INTERVAL=3").values)
    assert values["HAD_HOOK_TIMEOUT"] == "7"
    assert values["NEGOTIATOR_CHECK_INTERVAL"] == "3"
    assert values["HAD_CONNECTION_TIMEOUT"] == "5"


def test_state_directory_must_be_writable(loaded: Load, tmp_path: Path) -> None:
    """A state directory that is a file, or below one, is said before the start."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(ConfigError, match="is not a directory"):
            loaded(f"HAD_STATE_DIR={path}")
    with pytest.raises(ConfigError, match="/proc cannot be written by uid"):
        loaded("HAD_STATE_DIR=/proc/hadelect")
