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
