"""Controllees of every kind: python controllee.py KIND. Each says `up` once it is what it is."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def child(act: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return pid


def run() -> None:
    while True:
        time.sleep(60)


def up_and_run() -> None:
    print("up", os.getpid(), flush=True)
    run()


def forks() -> None:
    """Children and grandchildren, in sessions of their own."""

    def below() -> None:
        os.setsid()
        child(run)
        run()

    child(below)
    child(below)
    up_and_run()


def daemonises() -> None:
    """As slurmctld without -D: two forks, a session, and the first process exits 0."""

    def first() -> None:
        os.setsid()
        child(up_and_run)

    os.waitpid(child(first), 0)


def daemonises_when_told() -> None:
    """By SIGUSR1; until then it stays in the foreground."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    print("up", os.getpid(), flush=True)
    signal.sigwait({signal.SIGUSR1})
    daemonises()


def sets_uid() -> None:
    """As a daemon that drops root by itself: the parent-death signal would be lost."""
    child(lambda: (os.setgid(65534), os.setuid(65534), run()))  # type: ignore[func-returns-value, arg-type]
    os.setgid(65534)
    os.setuid(65534)
    up_and_run()


def stops_itself() -> None:
    def frozen() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        run()

    child(frozen)
    print("up", os.getpid(), flush=True)
    frozen()


def ignores_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    up_and_run()


def crashes_and_leaves() -> None:
    child(run)
    print("up", flush=True)
    sys.exit(7)


def daemonises_and_obeys() -> None:
    """Two workers in the background; each ends at SIGTERM."""

    def first() -> None:
        os.setsid()
        child(run)
        child(up_and_run)

    os.waitpid(child(first), 0)


def tells() -> None:
    """Its environment, user and descriptors."""
    for name in sorted(os.environ):
        print("env", name, os.environ[name], flush=True)
    print("user", os.getuid(), os.getgid(), *os.getgroups(), flush=True)
    names = [path.name for path in Path("/proc/self/fd").iterdir()]
    fds = [name for name in names if Path(f"/proc/self/fd/{name}").exists()]  # Not the listing's.
    print("fds", *sorted(fds), flush=True)
    print("pid", os.getpid(), "session", os.getsid(0), "parent", os.getppid(), flush=True)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    ignored = [n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN]
    # Python itself ignores SIGPIPE and SIGXFSZ.
    print("signals", len(blocked), len(ignored), flush=True)
    with Path("/dev/stdout").open("w") as again:
        again.write("reopened\n")
    print("done", flush=True)
    run()


def speaks() -> None:
    print("one\ntwo", flush=True)
    print("three", file=sys.stderr, flush=True)
    sys.stdout.buffer.write(b"\xff" + b"x" * 10_000 + b"\nend without newline")
    sys.stdout.flush()


def floods() -> None:
    print("up", flush=True)
    while True:
        print("y" * 200)


KINDS: dict[str, Callable[[], None]] = {
    "runs": up_and_run,
    "forks": forks,
    "daemonises": daemonises,
    "daemonises-when-told": daemonises_when_told,
    "sets-uid": sets_uid,
    "stops-itself": stops_itself,
    "ignores-sigterm": ignores_sigterm,
    "crashes-and-leaves": crashes_and_leaves,
    "daemonises-and-obeys": daemonises_and_obeys,
    "tells": tells,
    "speaks": speaks,
    "floods": floods,
    "exits": lambda: sys.exit(5),
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
