"""Mistakes of an operator: the start is refused with exit 78, one line each, with the remedy."""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e import lan
from tests.e2e.faults import proves
from tests.e2e.host import PORT, Host, environment
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]
CONFIGURATION = 78  # EX_CONFIG


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One host; every story writes its own configuration."""
    lab = Lab(tmp_path_factory.mktemp("bad") / "lab", Pool("none", hosts=1))
    yield lab
    lab.close()


@pytest.fixture
def host(lab: Lab) -> Iterator[Host]:
    host = lab[0]
    host.log.unlink(missing_ok=True)
    yield host
    host.power_off()


def refused(lab: Lab, host: Host, **changes: object) -> list[str]:
    """Start with changed settings (None: without that line); the lines said, after exit 78."""
    host.configure({k: v for k, v in {**lab.settings(host), **changes}.items() if v is not None})
    return exits(host)


def exits(host: Host, *arguments: str) -> list[str]:
    """Start what is configured; it must end with 78 and explain itself without a traceback."""
    host.start(*arguments)
    assert host.had is not None
    code = host.had.wait(10)
    said = host.log.read_text()
    assert code == CONFIGURATION, f"exit {code}\n{said}"
    assert "Traceback" not in said, said
    return said.splitlines()


def line_with(lines: list[str], *words: str) -> str:
    """The line that has all of these words, in any case."""
    found = [line for line in lines if all(w.lower() in line.lower() for w in words)]
    assert found, f"no line says {words}:\n" + "\n".join(lines)
    return found[0]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"HAD_LIST": None}, ["HAD_LIST"]),
        ({"HAD_LIST": "10.77.0.1"}, ["HAD_LIST", "10.77.0.1", "port"]),
        ({"HAD_LIST": "10.77.0.1:notaport"}, ["HAD_LIST", "notaport"]),
        ({"HAD_LIST": "10.77.0.1:99999"}, ["HAD_LIST", "99999"]),
        ({"HAD_LIST": "<10.77.0.1:51450?sock=had>"}, ["HAD_LIST", "sock="]),
        ({"HAD_LIST": "10.77.0.8:51450, 10.77.0.9:51450"}, ["HAD_LIST", "--member"]),
        ({"HAD_LIST": "10.77.0.1:51450, 10.77.0.1:51450"}, ["HAD_LIST", "10.77.0.1:51450"]),
        ({"HAD_LIST": "10.77.0.1:51450, 127.0.0.1:51450"}, ["HAD_LIST", "--member"]),
        ({"HAD_ARBITRATION": "quorum"}, ["HAD_ARBITRATION", "quorum", "majority"]),
        ({"HAD_LEASE_DURATION": "soon"}, ["HAD_LEASE_DURATION", "soon"]),
        ({"HAD_LEASE_DURATION": "-3"}, ["HAD_LEASE_DURATION", "-3"]),
        ({"HAD_LEASE_DURATION": "1", "HAD_HEARTBEAT_INTERVAL": "0.5"}, ["HAD_LEASE_DURATION"]),
        ({"HAD_HEARTBEAT_INTERVAL": "0"}, ["HAD_HEARTBEAT_INTERVAL"]),
        ({"HAD_LEASE_MARGIN": "1.5"}, ["HAD_LEASE_MARGIN"]),
        ({"HAD_USE_PRIMARY": "perhaps"}, ["HAD_USE_PRIMARY", "perhaps"]),
        ({"HAD_FENCE_TREE": "wish"}, ["HAD_FENCE_TREE", "wish", "namespace"]),
        ({"HAD_HTTP_ADDRESS": "nowhere:http"}, ["HAD_HTTP_ADDRESS", "nowhere:http"]),
        ({"HAD_ALLOW_INSECURE": "false"}, ["HAD_ALLOW_INSECURE"]),
        ({"HAD_TLS_CERT": "/nonexistent/cert.pem"}, ["HAD_TLS"]),
        ({"NEGOTIATOR": None}, ["NEGOTIATOR"]),
        ({"NEGOTIATOR": "/nonexistent/negotiator"}, ["NEGOTIATOR", "/nonexistent/negotiator"]),
        ({"NEGOTIATOR": "/etc/passwd"}, ["NEGOTIATOR", "/etc/passwd", "executable"]),
        ({"NEGOTIATOR": "/etc"}, ["NEGOTIATOR", "/etc"]),
        ({"NEGOTIATOR_USER": "no-such-user"}, ["NEGOTIATOR_USER", "no-such-user"]),
        ({"HAD_STATE_DIR": "/proc/hadelect"}, ["/proc/hadelect"]),
        ({"HAD_STATE_DIR": "/etc/passwd/state"}, ["/etc/passwd/state"]),
    ],
    ids=lambda value: (
        ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_a_wrong_setting_is_refused(
    lab: Lab, host: Host, changes: dict[str, object], words: list[str]
) -> None:
    """Exit 78, and one line that names the variable, its value and what would be right."""
    line_with(refused(lab, host, **changes), *words)


@pytest.mark.parametrize(
    "text, words",
    [
        ("HAD_LIST 10.77.0.1:51450", ["hadelect.conf:1"]),
        ("use ROLE : CentralManager", ["hadelect.conf:1", "use"]),
        ("if defined X\nHAD_LIST = 10.77.0.1:51450", ["hadelect.conf:1", "endif"]),
        ("HAD_LIST = $(HAD_LIST), 10.77.0.1:51450\nA = $(B)\nB = $(A)\nHAD_LOG = $(A)", ["A"]),
        ("include : /nonexistent/more.conf", ["hadelect.conf:1", "/nonexistent/more.conf"]),
    ],
    ids=["no equals sign", "use", "if without endif", "macro loop", "include of nothing"],
)
def test_a_malformed_file_is_refused(host: Host, text: str, words: list[str]) -> None:
    """What is not understood is an error that names file, line and remedy."""
    host.config.write_text(text + "\n")
    line_with(exits(host), *words)


def test_a_missing_file_is_refused(host: Host) -> None:
    """A configuration file that does not exist is named."""
    host.config.unlink(missing_ok=True)
    line_with(exits(host), str(host.config))


def test_all_errors_at_once(lab: Lab, host: Host) -> None:
    """Three mistakes, three lines, one start."""
    lines = refused(lab, host, HAD_ARBITRATION="x1", HAD_LEASE_DURATION="x2", NEGOTIATOR="/x3")
    named = {line_with(lines, word) for word in ("x1", "x2", "/x3")}
    assert len(named) == 3


def test_an_unknown_name_is_a_warning_with_the_nearest(lab: Lab, host: Host) -> None:
    """A misspelt HAD_* name does not stop anything, but is said, with the name that was meant."""
    host.configure({**lab.settings(host), "HAD_LEASE_DURATOIN": 4})
    answer = host.cli("check", "config")
    assert answer.returncode == 1, answer.stdout + answer.stderr
    line_with((answer.stdout + answer.stderr).splitlines(), "HAD_LEASE_DURATOIN", "DURATION")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_a_port_in_use(lab: Lab, host: Host, kind: socket.SocketKind) -> None:
    """Somebody else on the HAD_LIST port: exit 78 with the port, for TCP and for UDP."""
    with closing(lan.socket_in(host.namespace, kind)) as taken:
        taken.bind((host.address, PORT))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        line_with(refused(lab, host), str(PORT), "in use")


def test_the_http_port_in_use(lab: Lab, host: Host) -> None:
    """Somebody else on the HTTP port: exit 78 names HAD_HTTP_ADDRESS."""
    with closing(lan.socket_in(host.namespace, socket.SOCK_STREAM)) as taken:
        taken.bind(("", 9460))
        taken.listen()
        line_with(refused(lab, host), "9460", "in use")


@proves("twice_one_directory", mode="none")
def test_a_second_had_on_one_state_directory(build: Build) -> None:
    """The state directory belongs to one HAD: another one is refused, the first goes on."""
    lab = build(Pool("none", hosts=1))
    host = lab[0]
    settings = {**lab.settings(host), "HAD_LIST": f"{host.name}, {host.address}:51451"}
    host.configure(settings)
    host.start()
    lab.one()
    other = host.home / "other.conf"
    changed = {**settings, "HAD_HTTP_ADDRESS": "off", "HAD_CONTROL_SOCKET": host.home / "c.sock"}
    other.write_text("".join(f"{name} = {value}\n" for name, value in changed.items()))
    second = subprocess.run(
        [*host.command("had")[:-1], str(other), "-p", "51451"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert second.returncode == CONFIGURATION, second.stderr
    line_with((second.stdout + second.stderr).splitlines(), str(host.home / "state"))
    lab.one()
    assert len(lab.journal.runs()) == 1


@proves("state_corrupt", mode="none")
def test_corrupt_durable_state_is_refused(build: Build) -> None:
    """A record that was damaged stops the start with its path; it is never reset in silence."""
    lab = build(Pool("none", hosts=1))
    host = lab[0]
    host.start()
    lab.settled()
    assert host.end() == 0, host.tail()
    records = _records(host)
    for path in records:
        path.write_bytes(b"\xde\xad\xbe\xef" * (path.stat().st_size // 4))
    host.log.unlink()
    said = exits(host)
    assert any(str(path) in line for path in records for line in said), said
    assert all(path.read_bytes().startswith(b"\xde\xad") for path in records)


def _records(host: Host) -> list[Path]:
    """What the daemon keeps of terms and votes: binary, written in place."""
    found = [
        path
        for path in (host.home / "state").iterdir()
        if path.is_file() and re.search(r"term|vote|durable|record\.bin|election", path.name)
    ]
    assert found, sorted((host.home / "state").iterdir())
    return found


@proves("unresolvable", mode="none")
def test_an_unresolvable_member_is_a_member_that_is_down(build: Build) -> None:
    """A name that nobody knows is no error: in mode none the others lead without it."""
    lab = build(Pool("none", hosts=1))
    host = lab[0]
    host.configure({**lab.settings(host), "HAD_LIST": f"cm9.invalid:{PORT}, {host.name}"})
    host.start()
    assert lab.one() is host
    members = {m["member"]: m for m in (host.status() or {})["members"]}
    assert not members[f"cm9.invalid:{PORT}"]["reachable"]


@proves("failing_controllee")
def test_a_scheduler_that_fails_at_once_makes_its_member_unfit(build: Build, mode: str) -> None:
    """A scheduler that cannot run here is tried a few times, then another member leads."""
    lab = build(Pool(mode, more=(("HAD_RESTART_LIMIT", 2),)))
    bad = lab[0]
    settings = lab.settings(bad)
    arguments = str(settings["NEGOTIATOR_ARGS"]).rsplit(" ", 1)[0]
    bad.configure({**settings, "NEGOTIATOR_ARGS": f"{arguments} fails"})
    lab.start()
    leader = lab.settled(*lab.peers(bad), within=lab.pool.bound + 10)
    assert leader is not bad
    lab.never_two()
