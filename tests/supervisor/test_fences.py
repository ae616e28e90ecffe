"""The fall-backs end the whole tree, too, as far as they promise; and which one is in force."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hadelect.supervisor import earlier, fence
from hadelect.supervisor.packets import text
from tests.supervisor.harness import HERE, ROOT, Had, unread, until
from tests.supervisor.test_whole_tree import TREES

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: users and cgroups change")


def has_cgroup() -> bool:
    try:
        path = fence.cgroup_path(f"hadelect-test-{os.getpid()}")
        fence.make_cgroup(path)
    except OSError:
        return False
    fence.remove_cgroup(path)
    return True


fall_backs = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            "cgroup",
            marks=pytest.mark.skipif(not has_cgroup(), reason="no cgroup v2 that we may change"),
        ),
        "subreaper",
    ],
)
every_tree = pytest.mark.parametrize("tree", TREES)


def raised(had: Had, kind: str, tree: str) -> None:
    ready = had.ready(tree, fence=kind, allow_unfenced=True)
    assert ready["fence"] == kind
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)
    until(lambda: len(had.living()) == TREES[tree])


@needs_root
@fall_backs
@every_tree
def test_daemon_killed(had: Had, kind: str, tree: str) -> None:
    """The tree is dead before the notice is sent."""
    raised(had, kind, tree)
    had.kill(had.daemon)
    assert had.expect_notice().term == 1
    assert not had.living()


@needs_root
@fall_backs
@every_tree
def test_supervisor_killed(had: Had, kind: str, tree: str) -> None:
    """The init sees its supervisor's end and kills; the daemon, too, and says so."""
    raised(had, kind, tree)
    had.kill(had.process.pid)
    had.expect("ControlleeChanged", state="stopped", asked=True)
    assert not had.living()
    had.expect("lost")


@needs_root
@fall_backs
@every_tree
def test_init_killed(had: Had, kind: str, tree: str) -> None:
    """The supervisor kills what the init left."""
    raised(had, kind, tree)
    had.kill(had.init)
    had.expect("ControlleeChanged", state="stopped", asked=False)
    assert not had.living()


@needs_root
@fall_backs
@every_tree
def test_deadline(had: Had, kind: str, tree: str) -> None:
    """The init kills at the deadline."""
    raised(had, kind, tree)
    had.order("extend", term=1, for_ms=200)
    ended = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert "deadline" in ended["because"]


@needs_root
@fall_backs
@every_tree
def test_frozen_init(had: Had, kind: str, tree: str) -> None:
    """The daemon kills around a frozen init."""
    raised(had, kind, tree)
    had.kill(had.init, signal.SIGSTOP)
    had.order("extend", term=1, for_ms=30_000)
    had.expect("ControlleeChanged", state="stopped", asked=True)
    assert not had.living()


@needs_root
@pytest.mark.parametrize("kind", fence.KINDS)
def test_frozen_init_had_a_last_word(had: Had, kind: str) -> None:
    """An init that told of the controllee's background process, and was frozen then, has not
    acknowledged the extend that came after it: the daemon kills all the same.
    """
    if kind == "cgroup" and not has_cgroup():
        pytest.skip("no cgroup v2 that we may change")
    lease = {"lease": 4, "margin": 1}  # Patience: 1 s.
    had.ready("daemonises-when-told", fence=kind, allow_unfenced=True, **lease)
    had.order("start", term=1, for_ms=30_000)
    first = had.expect_up(1)["pid"]
    had.kill(had.process.pid, signal.SIGSTOP)  # Keeps the init's word until we let it.
    had.kill(first, signal.SIGUSR1)
    until(lambda: any(b"daemonised" in said for said in unread(had.process.pid)))
    had.kill(had.init, signal.SIGSTOP)
    had.order("extend", term=1, for_ms=30_000)
    had.order("ping")
    had.expect("pong")
    had.kill(had.process.pid, signal.SIGCONT)
    had.expect("ControlleeChanged", state="running", pid=had.living()[0])
    had.expect("ControlleeChanged", state="stopped", asked=True)
    assert not had.living()


@needs_root
@fall_backs
@every_tree
def test_stop(had: Had, kind: str, tree: str) -> None:
    """An asked stop ends all of it and gives nothing away before."""
    raised(had, kind, tree)
    had.order("stop", term=1, kill=True)
    assert had.expect("ControlleeChanged", state="stopped", asked=True)["secret"]
    assert not had.living()


@pytest.mark.skipif(not has_cgroup(), reason="no cgroup v2 that we may change")
def test_cgroup_left_behind(tmp_path: Path) -> None:
    """A later life finds the cgroup of an earlier one and empties it."""
    with Had(tmp_path) as first:
        raised(first, "cgroup", "forks")
        for pid in (first.init, first.process.pid):  # Each would kill the tree by itself.
            first.kill(pid, signal.SIGSTOP)
        first.kill(first.daemon)
        first.kill(first.process.pid)
        assert first.living()
        with Had(tmp_path) as second:
            cgroup = Path(text(earlier.read(str(tmp_path / earlier.FILE)), "cgroup"))
            assert cgroup.is_dir()
            second.ready()
            assert not first.living()
            assert not cgroup.exists()


def test_cgroups_are_removed(had: Had) -> None:
    """Nothing of a cgroup fence stays behind on a clean end."""
    if not has_cgroup():
        pytest.skip("no cgroup v2 that we may change")
    raised(had, "cgroup", "forks")
    (line,) = [
        line
        for line in Path(f"/proc/{had.init}/cgroup").read_text().splitlines()
        if line.startswith("0::")
    ]
    had.order("exit", code=0)
    assert had.process.wait(10) == 0
    left = [path for path in Path("/sys/fs/cgroup").rglob(line.rpartition("/")[2]) if path.is_dir()]
    assert not left


def test_majority_needs_a_fence(had: Had) -> None:
    """In majority a subreaper alone is refused with the remedy; mode none takes it."""
    had.expect("born")
    had.configure(fence="subreaper", arbitration="majority")
    assert "HAD_ALLOW_UNFENCED" in had.expect("error")["text"]
    assert had.process.wait(10) == 78


def test_none_takes_a_subreaper(had: Had) -> None:
    """In mode none the fall-back is taken, and told."""
    assert had.ready(fence="subreaper", arbitration="none")["fence"] == "subreaper"


def test_both_are_killed(had: Had) -> None:
    """SIGKILL goes to the init and to the controllee's first process, by a pidfd of each."""
    first = had.running()["pid"]
    held = [path.read_text() for path in Path(f"/proc/{had.process.pid}/fdinfo").iterdir()]
    for pid in (had.init, first):
        assert any(f"Pid:\t{pid}\n" in info for info in held)
    with subprocess.Popen(["sleep", "60"]) as init, subprocess.Popen(["sleep", "60"]) as besides:
        namespace = fence.NamespaceFence(os.pidfd_open(init.pid))
        namespace.first = os.pidfd_open(besides.pid)
        namespace.kill()
        assert (init.wait(5), besides.wait(5)) == (-9, -9)


NOBODY = 65534


def python_of_nobody() -> str:
    """An interpreter that another user may run, with hadelect in reach; empty if there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [python, "-c", "import hadelect.runtime.supervisor_client; import ctypes"],
                user=NOBODY,
                env={"PYTHONPATH": str(ROOT)},
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    return ""


@needs_root
@pytest.mark.parametrize("victim", ["daemon", "supervisor"])
def test_not_root(tmp_path: Path, victim: str) -> None:
    """Who is not root gets a PID namespace all the same, by a user namespace, where the host allows
    it; a user of its own for the controllee is refused with the remedy.
    """
    python = python_of_nobody()
    if not python:
        pytest.skip("no interpreter that another user may run")
    with tempfile.TemporaryDirectory() as directory:  # tmp_path is root's alone.
        os.chown(directory, NOBODY, NOBODY)
        with Had(Path(directory) / "state", python=python, user=NOBODY) as had:
            had.expect("born")
            had.configure(controllee={"user": "root"})
            assert "needs hadelect to run as root" in had.expect("error")["text"]
        with Had(Path(directory) / "state", python=python, user=NOBODY) as had:
            argv = [python, str(HERE / "controllee.py"), "forks"]
            had.expect("born")
            had.configure(controllee={"argv": argv}, allow_unfenced=True)
            if had.expect("SupervisorReady")["fence"] != "namespace":
                pytest.skip("no user namespaces for others than root")
            had.order("start", term=1, for_ms=30_000)
            running = had.expect_up(1)
            until(lambda: len(had.living()) == TREES["forks"])
            assert running["pid"] in had.living()
            had.kill(had.daemon if victim == "daemon" else had.process.pid)
            if victim == "daemon":
                had.expect_notice()
            else:
                had.expect("ControlleeChanged", state="stopped")
            assert not had.living()
