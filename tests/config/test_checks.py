"""Each relation that cannot hold is an error with the remedy, each doubtful one a warning."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadelect.config.findings import ConfigError
from hadelect.config.schema import VARIABLES
from tests.config.conftest import Load

REMOTE = "HAD_LIST=127.0.0.1:5001 cm2:5001"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["HAD_LIST="], "HAD_LIST = : required"),
        (["HAD_LIST=127.0.0.1:5001 127.0.0.1:5001"], "127.0.0.1:5001 is listed 2 times"),
        (["HAD_WITNESS_LIST=127.0.0.1:5001"], "HAD_WITNESS_LIST = 127.0.0.1:5001: 127.0.0.1:5001"),
        (["HAD_LIST=<127.0.0.1:9618?sock=had>"], "names a shared port; give each HAD a port"),
        (["HAD_ARGS=-sock had"], "a shared port is not understood"),
        (["HAD_ARGS=-p 6000"], "no entry with port 6000"),
        (["HAD_ARGS="], "could both be this member"),
        (["HAD_MEMBER=cm9:1"], "cm9:1 is not among the members (127.0.0.1:5001"),
        (["HAD_HEARTBEAT_INTERVAL=1"], "must be at least 4 x HAD_HEARTBEAT_INTERVAL (1) = 4"),
        (["HAD_LEASE_DURATION=1"], "lower HAD_HEARTBEAT_INTERVAL to 0.25 or less"),
        (["HAD_LEASE_MARGIN=1.5"], "must be less than half of the lease (3)"),
        (["HAD_LEASE_MARGIN=0"], "must be seconds from 0.001"),
        (["HAD_LEASE_DURATION=0.4", "HAD_HEARTBEAT_INTERVAL=0.1"], "HAD_LEASE_MARGIN (0.25)"),
        (["HAD_HEARTBEAT_INTERVAL=0"], "must be seconds from 0.01 to 600"),
        (["HAD_HEARTBEAT_INTERVAL=-1"], "must be seconds from 0.01 to 600"),
        (["HAD_RESTART_LIMIT=1.5"], "must be a whole number from 0 to 1000"),
        (["HAD_ARBITRATION=lock"], "must be none or majority"),
        (["HAD_PRESET=slow"], "must be default or fast"),
        (["HAD_CONTROLLEE=a b"], "must be letters, digits and _"),
        (["HAD_CONTROLLEE=HAD"], "not HAD or REPLICATION"),
        ([REMOTE], "members on other hosts need TLS; set HAD_TLS_CERT"),
        ([REMOTE, "HOSTALLOW_DAEMON=*", "HAD_ALLOW_INSECURE=false"], "need TLS"),
        (["HAD_TLS_CERT=/etc/passwd"], "needs HAD_TLS_KEY, HAD_TLS_CA too"),
        (["HAD_TLS_CERT=/none"], "must be a file that can be read"),
        (["NEGOTIATOR=/none"], "this program does not exist; correct NEGOTIATOR"),
        (["NEGOTIATOR=/etc"], "this program does not exist"),
        (["NEGOTIATOR=/etc/passwd"], "this program is not executable; chmod +x /etc/passwd"),
        (["NEGOTIATOR=sleep"], "NEGOTIATOR = sleep: must be an absolute path"),
        (["HAD_CONTROLLEE=X"], "X = : required: the path of the controllee's program"),
        (["NEGOTIATOR_USER=nobody-at-all"], "no such user on this host"),
        (['NEGOTIATOR_ARGS="'], "the closing double quote is missing"),
        (["HAD_STATE_DIR=here"], "HAD_STATE_DIR = here: must be an absolute path"),
        (["HAD_CONTROL_SOCKET=/" + "a" * 200], "must be at most 107 bytes"),
        (["HAD_LIST=" + " ".join(f"127.0.0.1:{5001 + i}" for i in range(65))], "at most 64"),
        (["HAD_LOG=$RANDOM_CHOICE(/a,/b)"], "$RANDOM_CHOICE() is not understood"),
        (["HAD_POOL=$(HAD_POOL2)", "HAD_POOL2=$(HAD_POOL)"], "leads back to itself"),
        (["HAD_POOL=a\x00b"], "no control characters"),
        (["HAD_LIST=$(CM1):5001"], "(CM1 is not defined)"),
        (["nonsense"], "--set: nonsense: no value; write --set NAME=VALUE"),
        (["a b=c"], "the name has letters, digits"),
    ],
)
def test_errors(loaded: Load, sets: list[str], said: str) -> None:
    """What cannot work is refused with what is allowed and the remedy."""
    with pytest.raises(ConfigError) as error:
        loaded(*sets)
    assert said in "\n".join(error.value.problems)
    assert all("\n" not in problem and "; " in problem for problem in error.value.problems)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["HAD_LEASE_DURATON=3"], "no such variable; did you mean HAD_LEASE_DURATION?"),
        (["had_use_primery=1"], "did you mean HAD_USE_PRIMARY?"),
        (["REPLICATION_LISTE=1"], "did you mean REPLICATION_LIST?"),
        (["HAD_ZZZZZZZZZZZZZZ=1"], "no such variable; remove it"),
        (["HAD_ARBITRATION=majority", "HAD_LIST=127.0.0.1:5001 127.0.0.1:5002"], "survives no"),
        (["HAD_ARBITRATION=majority", "HAD_PRESET=fast", "HAD_LEASE_DURATION=0.8"], "below 1"),
        (["HAD_WITNESS_LIST=127.0.0.1:5004"], "in mode none a witness decides nothing"),
        (["HAD_LEASE_MARGIN=0.05"], "0.25 or more is advised"),
        ([REMOTE, "HOSTALLOW_ADMINISTRATOR=cm2"], "members are told apart by their host only"),
        ([REMOTE, "ALLOW_DAEMON=cm2"], "members are told apart by their host only"),
        (["HAD_PRE_START=/bin/true"], "nothing takes back what it does"),
        (["NEGOTIATOR_CHECK=/bin/true", "NEGOTIATOR_CHECK_TIMEOUT=11"], "delays the next one"),
        (["NEGOTIATOR_CHECK_INTERVAL=11"], "has no effect without NEGOTIATOR_CHECK"),
        (["HAD_FENCE_COMMAND=/bin/true", "HAD_ARBITRATION=majority"], "not used in mode majority"),
        (["HAD_USE_REPLICATION=true", "REPLICATION_LIST=a:1,b:1,c:1"], "the hosts of HAD_LIST"),
        (["HAD_USE_SHARED_PORT=True"], "HAD_USE_SHARED_PORT has no effect"),
    ],
)
def test_warnings(loaded: Load, sets: list[str], said: str) -> None:
    """What works but is doubtful is said once."""
    assert "\n".join(loaded(*sets).warnings).count(said) == 1


@pytest.mark.parametrize(
    "sets",
    [
        ["HAD_PORT=5001", "HAD_ARGS=-p $(HAD_PORT)"],
        ["HAD_FIPS_MODE=1", "HAD_SOCKET_NAME=had", "HAD=/usr/sbin/condor_had"],
        ["NEGOTIATOR_INTERVAL=60", "SCHEDD_NAME=x", "DAEMON_LIST=MASTER HAD"],
        ["HAD_USE_SHARED_PORT=false"],
        ["HAD.HAD_DEBUG=D_FULLDEBUG"],
        [REMOTE, "HAD_ALLOW_INSECURE=true"],
        ["HAD_ARBITRATION=majority"],
        ["HAD_ARBITRATION=majority", "HAD_LIST=127.0.0.1:5001"],
        ["HAD_LIST=127.0.0.1:5001 localhost:5002 [::1]:5003"],
    ],
)
def test_silence(loaded: Load, sets: list[str]) -> None:
    """What is in order, or none of our business, is not talked about."""
    assert loaded(*sets).warnings == ()


@pytest.mark.parametrize("program", ["condor_negotiator", "slurmctld", "pbs_server"])
def test_daemonising_programs(
    loaded: Load, tmp_path_factory: pytest.TempPathFactory, program: str
) -> None:
    """Programs that go to the background by themselves are advised not to."""
    path = tmp_path_factory.mktemp("bin") / program
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    option = "-f" if program.startswith("condor_") else "-D"
    (warning,) = loaded(f"NEGOTIATOR={path}").warnings
    assert f"add {option} to NEGOTIATOR_ARGS" in warning
    assert loaded(f"NEGOTIATOR={path}", f"NEGOTIATOR_ARGS={option} -x").warnings == ()


NAMES = [row.name.replace("<X>", "NEGOTIATOR") for row in VARIABLES]
VALUES = st.text(max_size=20) | st.sampled_from(
    [
        *("", "0", "-1", "1", "3", "0.001", "1e9", "x", "true", "/x", "x:1", "[::1]:1", "a b"),
        *('"', "'", "$(HAD_LIST)", "$(X", "$F(x)", "-p 5002", "\0", "\udcff", "é", "1 # c"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=5))
def test_no_value_crashes(loaded: Load, pairs: list[tuple[str, str]]) -> None:
    """Whatever stands in the file: a configuration or a ConfigError, never another exception."""
    resolvable = [pair for pair in pairs if pair[0] not in {"HAD_LIST", "HAD_WITNESS_LIST"}]
    try:
        config = loaded(*(f"{name}={value}" for name, value in resolvable))
    except ConfigError:
        return
    assert config.lease >= 4 * config.heartbeat
    assert 0 < config.margin < config.lease / 2
