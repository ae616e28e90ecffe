"""What the configuration says of replication: parallel lists, paths that can be exchanged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hadelect.config.findings import ConfigError
from hadelect.config.load import load, load_replication
from hadelect.config.model import Config
from hadelect.config.reload import reloaded

USE = (
    "HAD_USE_REPLICATION = true",
    "REPLICATION_LIST = 127.0.0.1:6001, 127.0.0.1:6002, 127.0.0.1:6003",
    "STATE_FILE = /srv/sched/state, /srv/sched/log",
)
Loaded = Callable[..., Config]


def refused(loaded: Loaded, *sets: str) -> str:
    with pytest.raises(ConfigError) as error:
        loaded(*sets)
    return "\n".join(error.value.problems)


def test_a_pool_that_does_not_replicate(loaded: Loaded) -> None:
    """Without HAD_USE_REPLICATION nothing of it is asked or checked."""
    config = loaded("REPLICATION_LIST = elsewhere:1")
    assert config.replication is None
    assert not [line for line in config.warnings if "REPLICATION" in line]


def test_everything_is_read(loaded: Loaded, tmp_path: Path) -> None:
    """Each member knows its own daemon by the place of its entry."""
    config = loaded(*USE, "REPLICATION_LOG = /tmp/r.log", "REPLICATION_COMPRESSION = zstd")
    found = config.replication
    assert found is not None
    assert found.me.name == "127.0.0.1:6001"
    assert found.roots == (Path("/srv/sched/state"), Path("/srv/sched/log"))
    assert (found.max_lag, found.keep, found.compression) == (300.0, 5, "zstd")
    assert found.log.path == Path("/tmp/r.log")
    assert config.replication_socket == tmp_path / "state/replication.sock"


def test_the_daemon_finds_itself_by_its_own_port(good: Path) -> None:
    """-p and REPLICATION_ARGS name a port of REPLICATION_LIST; its place names the member."""
    assert load_replication(good, USE, {}, port=6003).me.name == "127.0.0.1:5003"
    with_args = (*USE, "REPLICATION_ARGS = -p 6002")
    assert load_replication(good, with_args, {}).me.name == "127.0.0.1:5002"
    named = load_replication(good, USE, {}, member="127.0.0.1:5002")
    assert named.replication is not None
    assert named.replication.me.name == "127.0.0.1:6002"


@pytest.mark.parametrize(
    ("port", "sets", "words"),
    [
        (6009, USE, "no entry with port 6009"),
        (6001, ("REPLICATION_LIST = 127.0.0.1:6001",), "HAD_USE_REPLICATION is not true"),
        (6001, (*USE, "HAD_MEMBER = 127.0.0.1:5002"), "another port than -p 6001"),
        (6001, (*USE, "REPLICATION_ARGS = -q"), "REPLICATION_ARGS"),
    ],
)
def test_a_daemon_that_cannot_tell_who_it_is(
    good: Path, port: int, sets: tuple[str, ...], words: str
) -> None:
    """It does not start, and says which of the lists to correct."""
    if words == "REPLICATION_ARGS":
        with pytest.raises(ConfigError, match="-q"):
            load_replication(good, sets, {})
        return
    with pytest.raises(ConfigError, match=words):
        load_replication(good, sets, {}, port=port)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("REPLICATION_LIST = 127.0.0.1:6001", "one entry for each of the 3"),
        (
            "REPLICATION_LIST = 127.0.0.1:5001, 127.0.0.1:6002, 127.0.0.1:6003",
            "127.0.0.1:5001 is listed already",
        ),
        ("STATE_FILE = relative", "absolute path"),
        ("STATE_FILE = /proc", "/proc is a mount point"),
        ("STATE_FILE = /", "/ is a mount point"),
        ("STATE_FILE = /srv/a, /srv/a/b", "overlap"),
        ("STATE_FILE = /srv/a/../b", "must not contain"),
        ("STATE_FILE = $(HAD_STATE_DIR)/x", "HAD_STATE_DIR"),
        ("STATE_FILE = $(SLURM_STATE)/jobs", "SLURM_STATE is not defined"),
        ("STATE_FILE = $(NOTHING:)", "required"),
        ("HAD_LOG = /srv/sched/state/had.log", "HAD_LOG (/srv/sched/state/had.log) lies in /srv"),
        ("REPLICATION_LOG = /srv/sched/log/r", "REPLICATION_LOG (/srv/sched/log/r) lies in /srv"),
        ("REPLICATION_LOG = /proc/x/r", "cannot be written"),
        ("REPLICATION_SNAPSHOT_COMMAND = scontrol x", "full path"),
        ("REPLICATION_HTTP_ADDRESS = :9460", "port 9460 is HAD_HTTP_ADDRESS's"),
        ("REPLICATION_KEY_FILE = /nowhere/key", "cannot be read"),
        ("REPLICATION_MAX_LAG = soon", "must be seconds"),
    ],
)
def test_mistakes(loaded: Loaded, setting: str, words: str) -> None:
    """Each is an error at the start that names what is allowed."""
    assert words in refused(loaded, *USE, setting)


def test_a_link_is_no_state(loaded: Loaded, tmp_path: Path) -> None:
    """It could not be exchanged for what it points to."""
    (tmp_path / "link").symlink_to(tmp_path)
    assert "is a symbolic link" in refused(loaded, *USE, f"STATE_FILE = {tmp_path}/link")


def test_what_can_still_be_made_is_a_warning(loaded: Loaded, tmp_path: Path) -> None:
    """HAD starts without the directory of the state; the replication daemon would not."""
    warned = "\n".join(loaded(*USE, f"STATE_FILE = {tmp_path}/later/state").warnings)
    assert f"{tmp_path}/later is not there: the replication daemon will not start" in warned
    fine = loaded(*USE, f"STATE_FILE = {tmp_path}/jobs").warnings
    assert not [line for line in fine if "STATE_FILE" in line]


def test_a_key_is_secret_and_long_enough(loaded: Loaded, tmp_path: Path) -> None:
    """Others may not read it, and a short one is none."""
    key = tmp_path / "key"
    key.write_bytes(b"x" * 32)
    key.chmod(0o644)
    assert "others than its owner" in refused(loaded, *USE, f"REPLICATION_KEY_FILE = {key}")
    key.chmod(0o600)
    assert loaded(*USE, f"REPLICATION_KEY_FILE = {key}").replication is not None
    key.write_bytes(b"short")
    assert "at least 16 bytes" in refused(loaded, *USE, f"REPLICATION_KEY_FILE = {key}")


def test_an_open_door_is_a_warning(good: Path) -> None:
    """Without key and TLS on a network, whoever reaches the port can pass for a member."""
    outside = (
        "HAD_LIST = 10.1.1.1:5001, 10.1.1.2:5001",
        "HAD_USE_REPLICATION = true",
        "REPLICATION_LIST = 10.1.1.1:6001, 10.1.1.2:6001",
        "HAD_ALLOW_INSECURE = true",
    )
    warned = "\n".join(load(good, outside, {}, member="10.1.1.1:5001").warnings)
    assert "REPLICATION_KEY_FILE" in warned


def test_a_reload_keeps_what_the_files_hang_on(loaded: Loaded) -> None:
    """Limits change at once; what is replicated, where and with which key needs a restart."""
    old = loaded(*USE)
    new = loaded(*USE, "STATE_FILE = /srv/other", "REPLICATION_RATE_LIMIT = 1 MB")
    merged = reloaded(old, new).replication
    assert merged is not None
    assert old.replication is not None
    assert merged.roots == old.replication.roots
    assert merged.rate_limit == 1_000_000
    assert reloaded(old, loaded()).replication == old.replication
