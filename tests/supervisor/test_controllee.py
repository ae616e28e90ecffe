"""What the controllee is given, how it is stopped, and when it counts as ended."""

import os
import pwd
from pathlib import Path

import pytest

from tests.supervisor.harness import Had, until

# Standard streams; the loop's four and the daemon's five; lock, notices; the init's four.
WARM = 3 + 4 + 5 + 2 + 4

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the user is changed")


def lines(had: Had) -> list[str]:
    """What `tells` tells."""
    found: list[str] = []
    while "done" not in found:
        found.append(had.expect("output", stream="stdout")["line"])
    return found


def test_environment_and_descriptors(tmp_path: Path) -> None:
    """It gets its term, member and name and what is configured; nothing of systemd's and no
    descriptor of ours; default signals and a session of its own. The daemon keeps NOTIFY_SOCKET.
    """
    leaked = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    systemd = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "LISTEN_FDS": "1"}
    with Had(tmp_path, environment=systemd) as had:
        assert had.expect("born")["notify"] == "/x"
        had.configure(
            "tells", controllee={"environment": [["COLOUR", "a b=c"], ["WATCHDOG_PID", "3"]]}
        )
        had.expect("SupervisorReady")
        had.order("start", term=71, for_ms=30_000)
        told = lines(had)
    os.close(leaked)
    assert {
        "env HADELECT_TERM 71",
        f"env HADELECT_MEMBER {had.member}",
        "env HADELECT_CONTROLLEE NEGOTIATOR",
        "env COLOUR a b=c",
        "fds 0 1 2",
        "reopened",
    } <= set(told)
    for name in (*systemd, "HADELECT_SUPERVISOR_FD"):
        assert not any(line.startswith(f"env {name} ") for line in told)
    pid, session = (
        next(line for line in told if line.startswith("pid ")).split()[i] for i in (1, 3)
    )
    assert pid == session
    assert "signals 0 2" in told


@needs_root
def test_user(had: Had) -> None:
    """NEGOTIATOR_USER runs it as that user, with its groups and home, and its own stdout."""
    nobody = pwd.getpwnam("nobody")
    # A shell: the interpreter of these tests may be out of reach of others.
    script = "echo user $(id -u) $(id -g) $(id -G); echo $HOME; echo x >/dev/stdout; echo done"
    had.ready(controllee={"user": "nobody", "argv": ["/bin/sh", "-c", script]})
    had.order("start", term=1, for_ms=30_000)
    told = lines(had)
    groups = " ".join(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
    assert f"user {nobody.pw_uid} {nobody.pw_gid} {groups}" in told
    assert nobody.pw_dir in told
    assert "x" in told


@pytest.mark.parametrize(
    "path, words",
    [
        ("/no/such/program", "set NEGOTIATOR to the full path"),
        (os.devnull, "make it executable"),
        ("BAD", "no program for this machine"),
    ],
)
def test_exec_fails(had: Had, tmp_path: Path, path: str, words: str) -> None:
    """An exec that fails is told as that, with the remedy; nothing ran."""
    if path == "BAD":
        bad = tmp_path / "bad"
        bad.write_bytes(b"\x00\x01")
        bad.chmod(0o755)
        path = str(bad)
    had.ready(controllee={"argv": [path]})
    had.order("start", term=1, for_ms=30_000)
    failed = had.expect("ControlleeChanged")
    assert (failed["state"], failed["exec_failed"], failed["asked"]) == ("stopped", True, False)
    assert words in failed["because"]


def test_unknown_user(had: Had) -> None:
    """A user that does not exist is the operator's mistake, named with the line to correct."""
    had.expect("born")
    had.configure(controllee={"user": "no-such-user"})
    assert had.process.wait(10) != 0
    assert had.process.stderr
    assert b"NEGOTIATOR_USER = no-such-user: no such user" in had.process.stderr.read()


def test_host_pid(had: Had) -> None:
    """The pid that is shown is the host's."""
    running = had.running()
    assert had.living() == [running["pid"]]


def test_daemonised(had: Had) -> None:
    """A first process that exits 0 and leaves another has become a daemon: the tree goes on, under
    the other's pid.
    """
    had.ready("daemonises")
    had.order("start", term=1, for_ms=30_000)
    first = had.expect("ControlleeChanged", state="running")
    second = had.expect("ControlleeChanged", state="running")
    assert first["pid"] != second["pid"]
    assert had.living() == [second["pid"]]
    had.kill(second["pid"])
    ended = had.expect("ControlleeChanged", state="stopped")
    assert "signal 9" in ended["because"]
    assert not ended["asked"]


def test_exit_0_alone(had: Had) -> None:
    """A first process that exits 0 and leaves nobody has ended."""
    had.ready(controllee={"argv": ["/bin/true"]})
    had.order("start", term=1, for_ms=30_000)
    ended = had.expect("ControlleeChanged", state="stopped")
    assert "exit code 0" in ended["because"]


def test_crash_with_others_left(had: Had) -> None:
    """A first process that crashes takes the others with it."""
    had.ready("crashes-and-leaves")
    had.order("start", term=1, for_ms=30_000)
    ended = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert "exit code 7" in ended["because"]


def test_exit_0_after_the_grace(had: Had) -> None:
    """After the start grace an exit 0 is the end, too, whoever is left."""
    had.ready("daemonises", controllee={"start_grace": 0.0})
    had.order("start", term=1, for_ms=30_000)
    ended = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert "exit code 0" in ended["because"]


@pytest.mark.parametrize("kind", ["runs", "daemonises-and-obeys"])
def test_graceful_stop(had: Had, kind: str) -> None:
    """SIGTERM to the first process, to all of a daemonised tree; its end is the end of the stop."""
    had.running(kind)
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=5.0)
    assert not had.living()


def test_graceful_stop_of_a_frozen_one(had: Had) -> None:
    """A controllee frozen by SIGSTOP is woken up to hear its SIGTERM."""
    had.running("stops-itself")
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=5.0)
    assert not had.living()


def test_stop_timeout(had: Had) -> None:
    """Who ignores SIGTERM gets SIGKILL after NEGOTIATOR_STOP_TIMEOUT, not before."""
    had.running("ignores-sigterm", controllee={"stop_timeout": 0.5})
    had.order("stop", term=1, kill=False)
    had.order("ping")
    had.expect("pong")
    assert had.living()
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=2.0)
    assert not had.living()


def test_deadline_during_a_graceful_stop(had: Had) -> None:
    """A stop that takes longer than the authority ends with it."""
    had.running("ignores-sigterm")
    had.order("stop", term=1, kill=False)
    had.order("extend", term=1, for_ms=300)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=2.0)
    assert not had.living()


def test_kill_overtakes_a_graceful_stop(had: Had) -> None:
    """A kill asked while a graceful stop is under way is obeyed at once."""
    had.running("ignores-sigterm")
    had.order("stop", term=1, kill=False)
    had.order("stop", term=1, kill=True)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=2.0)
    assert not had.living()


def test_output(had: Had) -> None:
    """Lines come named by stream; long ones in pieces; bytes that are no text do not hurt."""
    had.ready("speaks")
    had.order("start", term=1, for_ms=30_000)
    assert had.expect("output", stream="stdout")["line"] == "one"
    assert had.expect("output", stream="stdout")["line"] == "two"
    said: list[str] = []
    while not said or said[-1] != "end without newline":
        said.append(had.expect("output")["line"])
    said.remove("three")
    assert "".join(said[:-1]) == "\ufffd" + "x" * 10_000


def test_output_flood(had: Had) -> None:
    """A controllee that writes without end delays neither commands nor its own deadline."""
    had.ready("floods")
    had.order("start", term=1, for_ms=1000)
    had.expect("output", line="up")
    had.kill(had.daemon, 19)  # SIGSTOP: nobody reads the flood.
    until(lambda: not had.living(), 3.0)
    had.kill(had.daemon, 18)
    had.order("stop", term=1, kill=True)
    had.expect("ControlleeChanged", state="stopped", asked=True)


def test_descriptors_do_not_leak(had: Had) -> None:
    """A hundred restarts later the supervisor has no more descriptors than after the first."""
    had.ready(controllee={"argv": ["/bin/true"]})

    def one_life() -> None:
        had.order("start", term=1, for_ms=30_000)
        had.expect("ControlleeChanged", state="stopped")

    def descriptors() -> int:
        return len(list(Path(f"/proc/{had.process.pid}/fd").iterdir()))

    one_life()
    until(lambda: descriptors() <= WARM)
    for _ in range(100):
        one_life()
    until(lambda: descriptors() <= WARM)
