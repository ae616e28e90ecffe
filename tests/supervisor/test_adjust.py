"""A reload reaches what runs already: supervisor, init and a warm init, and touches no tree."""

import json
import signal
import sys

import pytest

from tests.supervisor.harness import HERE, Had


def adjust(had: Had, kind: str = "runs", **changed: object) -> None:
    controllee = {"argv": [sys.executable, str(HERE / "controllee.py"), kind], **changed}
    had.order("adjust", state_dir=str(had.state_dir), member=had.member, controllee=controllee)


@pytest.mark.parametrize("when", ["warm", "running"])
def test_a_shorter_stop_timeout(had: Had, when: str) -> None:
    """A controllee that ignores SIGTERM gets SIGKILL after the new time, not the old one."""
    kind = "ignores-sigterm"
    had.ready(kind, controllee={"stop_timeout": 30.0})
    if when == "warm":
        adjust(had, kind, stop_timeout=0.3)
    had.order("start", term=1, for_ms=30_000)
    running = had.expect_up(1)
    if when == "running":
        adjust(had, kind, stop_timeout=0.3)
    had.order("ping")
    had.expect("pong")
    assert running["pid"] in had.living()
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=8.0)
    assert not had.living()


def test_another_stop_signal(had: Had) -> None:
    """Who ignores SIGTERM hears the signal that was configured since."""
    had.running("ignores-sigterm")
    adjust(had, "ignores-sigterm", stop_signal=int(signal.SIGQUIT))
    had.order("stop", term=1, kill=False)
    ended = had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=5.0)
    assert ended["term"] == 1
    assert not had.living()


def test_an_adjustment_that_makes_no_sense_changes_nothing(had: Had) -> None:
    """It is refused with the reason; the controllee runs on and stops as before."""
    had.running()
    body = {"do": "adjust", "stop_signal": 4711, "stop_timeout_ms": 1, "start_grace_ms": 1}
    had.order("raw", packet=json.dumps(body))
    refused = had.expect("output", stream="supervisor")
    assert "no such signal" in refused["line"]
    assert had.living()
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", asked=True, patience_s=5.0)


def test_an_adjustment_before_configure_is_refused(had: Had) -> None:
    """There is nothing to adjust."""
    had.expect("born")
    adjust(had)
    assert "after configure" in had.expect("output", stream="supervisor")["line"]


# --- hooks and probes ---


def commands(had: Had, limit: float | None, script: str = "exit 0") -> None:
    """A reload after which HAD_PRE_START is this script, or none."""
    errands = {} if limit is None else {"HAD_PRE_START": (["/bin/sh", "-c", script], limit)}
    controllee = {"argv": [sys.executable, str(HERE / "controllee.py"), "runs"]}
    names = {"state_dir": str(had.state_dir), "member": had.member}
    had.order("adjust", controllee=controllee, errands=errands, **names)


def test_a_running_hook_ends_by_its_old_limit(had: Had) -> None:
    """The reload is for the next one: another command, another limit."""
    had.ready(errands={"HAD_PRE_START": (["/bin/sh", "-c", "exec sleep 60"], 0.5)})
    had.order("run", id=1, errand="HAD_PRE_START")
    commands(had, 30.0)
    assert "not ended after 0.5 s" in had.expect("Ran", id=1, outcome="failed")["because"]
    had.order("run", id=2, errand="HAD_PRE_START")
    assert had.expect("Ran", id=2)["outcome"] == "done"


def test_a_hook_that_went_while_it_waited_vetoes_nothing(had: Had) -> None:
    """Nothing is to be done: done."""
    had.ready(errands={"HAD_PRE_START": (["/bin/false"], 1.0)})
    commands(had, None)
    had.order("run", id=1, errand="HAD_PRE_START")
    told = had.expect("Ran", id=1)
    assert (told["outcome"], told["because"]) == ("done", "no command is configured")


def test_a_reload_asks_no_directory_of_users(had: Had) -> None:
    """The probe's user is that of the start, as <X>_USER says: a directory service that does not
    answer must not hold up the daemon.
    """
    had.ready(controllee={"user": "nobody"})
    controllee = {"argv": ["/bin/true"], "user": "daemon"}
    errands = {"CHECK": (["/bin/sh", "-c", "id -un"], 5.0)}
    names = {"state_dir": str(had.state_dir), "member": had.member}
    had.order("adjust", controllee=controllee, errands=errands, **names)
    had.order("run", id=1, errand="CHECK")
    assert had.expect("output", stream="CHECK")["line"] == "nobody"
