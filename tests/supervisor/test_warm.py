"""The controllee's first process waits in the init, forked ahead of need, for the word to exec."""

import os
import signal
import time
from pathlib import Path

import pytest

from hadelect.supervisor.exec import Program
from hadelect.supervisor.linux import boottime_ms, children_of
from hadelect.supervisor.packets import Body
from hadelect.supervisor.spec import Spec
from tests.supervisor.harness import Had, is_alive, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the fence is chosen")
fences = pytest.mark.parametrize("kind", ["namespace", "subreaper"])


def waits(had: Had) -> int:
    """Host pid of the process that waits."""
    (pid,) = children_of()[had.init]
    return pid


def spec(argv: list[str], state_dir: Path) -> Spec:
    body: Body = {
        "state_dir": str(state_dir),
        "pool": "pool",
        "member": "m:1",
        "controllee": "X",
        "argv": argv,
        "environment": [],
        "user": None,
        "stop_signal": 15,
        "stop_timeout_ms": 1000,
        "start_grace_ms": 1000,
        "fence": "auto",
        "state_lock": "",
        "may_be_unfenced": True,
    }
    return Spec(body)


def test_it_becomes_the_controllee(had: Had) -> None:
    """Before the start nothing of the controllee lives; at the start what waits becomes it."""
    had.ready()
    warm = waits(had)
    assert not had.living()
    assert Path(f"/proc/{warm}/comm").read_text() == "hadelect-warm\n"
    had.order("start", term=1, for_ms=30_000)
    assert had.expect_up(1)["pid"] == warm
    assert had.living() == [warm]


def test_killed_while_it_waits(had: Had) -> None:
    """Who kills it before the start has killed nothing: the start forks another one."""
    had.ready()
    warm = waits(had)
    had.kill(warm)
    until(lambda: not is_alive(warm))
    had.order("start", term=1, for_ms=30_000)
    assert had.expect_up(1)["pid"] != warm


def test_signals_while_it_waits(had: Had) -> None:
    """A service manager's signals to the whole group do not end it; the controllee hears them."""
    had.ready()
    warm = waits(had)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        had.kill(warm, number)
    had.order("start", term=1, for_ms=30_000)
    assert had.expect_up(1)["pid"] == warm
    had.kill(warm, signal.SIGTERM)
    assert "signal 15" in had.expect("ControlleeChanged", state="stopped")["because"]


@needs_root
@fences
@pytest.mark.parametrize("who", ["init", "supervisor", "daemon"])
def test_it_dies_with_the_others(had: Had, kind: str, who: str) -> None:
    """Whoever of init, supervisor and daemon is killed: what waited never outlives its init."""
    had.ready(fence=kind, allow_unfenced=True)
    init, warm = had.init, waits(had)
    had.kill({"init": init, "supervisor": had.process.pid, "daemon": had.daemon}[who])
    until(lambda: not is_alive(init) and not is_alive(warm))


@needs_root
@fences
def test_stopped_before_it_was_started(had: Had, kind: str) -> None:
    """A term released before its start never runs, though its process was ready to."""
    had.ready(fence=kind, allow_unfenced=True)
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", asked=True)
    had.order("start", term=1, for_ms=30_000)
    assert "refused" in had.expect("ControlleeChanged", state="stopped")["because"]
    assert not had.living()


def test_deadline_passed_while_frozen(had: Had, tmp_path: Path) -> None:
    """All froze with the start on its way: the init that wakes up past the deadline starts nothing
    and says so.
    """
    ran = tmp_path / "ran"
    had.ready(controllee={"argv": ["/usr/bin/touch", str(ran)]})
    init = had.init
    had.kill(init, signal.SIGSTOP)
    deadline = boottime_ms() + 200
    had.order("start", term=1, for_ms=200)
    had.order("raw", packet='{"do":"nonsense","term":1}')
    had.expect("output", stream="supervisor")  # So the start has been passed on.
    for pid in (had.daemon, had.process.pid):
        had.kill(pid, signal.SIGSTOP)
    time.sleep(max(0, deadline + 100 - boottime_ms()) / 1000)
    had.kill(init, signal.SIGCONT)
    until(lambda: not is_alive(init))
    had.kill(had.process.pid, signal.SIGCONT)
    ours = {had.daemon, init}
    until(lambda: set(children_of()[had.process.pid]) - ours)  # The next init: it has spoken.
    had.kill(had.daemon, signal.SIGCONT)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert "before it was started" in stopped["because"]
    assert not ran.exists()


def test_word_that_comes_too_late(tmp_path: Path) -> None:
    """What waits looks at the deadline itself: a word past it starts nothing."""
    ran = tmp_path / "ran"
    out, err = (os.open(os.devnull, os.O_WRONLY) for _ in range(2))
    program = Program(spec(["/usr/bin/touch", str(ran)], tmp_path), out, err)
    program.prepare()
    pid, told = program.start(1, boottime_ms())
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 127
    assert os.read(told, 16) == b""
    os.close(told)
    assert not ran.exists()


def test_no_word_at_all(tmp_path: Path) -> None:
    """An init that ends without a word starts nothing, fence or no fence."""
    ran = tmp_path / "ran"
    ends, out = os.pipe()
    init = os.fork()
    if init == 0:
        Program(spec(["/usr/bin/touch", str(ran)], tmp_path), out, out).prepare()
        os._exit(0)
    os.close(out)
    os.waitpid(init, 0)
    assert os.read(ends, 16) == b""  # Nobody holds the other end: all have ended.
    os.close(ends)
    assert not ran.exists()


def test_nothing_of_ours_is_held(had: Had) -> None:
    """What waits holds its three streams and two pipes, none of our lock, sockets and channels."""
    had.ready()
    place = Path(f"/proc/{waits(had)}/fd")

    def held() -> list[str]:
        return sorted(str(fd.readlink()).partition(":")[0] for fd in place.iterdir())

    until(lambda: held() == ["/dev/null", *4 * ["pipe"]])


def test_the_next_one_is_put_off_until_it_is_needed(had: Had) -> None:
    """After a leadership the machine has better things to do than to raise an init; a start that
    comes sooner gets one all the same, and its daemon holds a fence around it before it runs.
    """
    had.ready()
    first = had.init
    for term in (1, 2):
        had.order("start", term=term, for_ms=30_000)
        had.expect_up(term)
        had.order("stop", term=term, kill=True)
        had.expect("ControlleeChanged", state="stopped", asked=True)
    assert had.init != first
