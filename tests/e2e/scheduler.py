"""A scheduler to be kept single: writes who it is to a journal every 5 ms, and has bad manners.

    scheduler.py JOURNAL MANNER

Law: a line says what hadelect.cli.journal reads, `ns term pid member`, ns of CLOCK_MONOTONIC at the
moment of writing, one O_APPEND write each. In place of the pid, which repeats in every PID
namespace, stands a number that no other life of a scheduler has: the instant at which it began.
"""

import os
import pwd
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PERIOD = 0.005
JOB_PERIOD = 0.1
BOMBER, BOMBS = 51450, 60  # A user that nobody else is, and the processes it may have.
SLOW_STOP = 0.7  # Longer than the margin of the fast preset, shorter than its lease.


_kept = b""


def write_for_ever(journal: int) -> None:
    term = os.environ.get("HADELECT_TERM", "0")
    member = os.environ.get("HADELECT_MEMBER", "-")
    tail = f" {term} {time.monotonic_ns()} {member}\n".encode()
    while True:
        os.write(journal, b"%d" % time.monotonic_ns() + tail)
        time.sleep(PERIOD)


def plain() -> None:
    """Ends at once when asked."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def changes_uid() -> None:
    """Becomes nobody for good: the kernel clears a parent-death signal at this point."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def double_forks() -> None:
    """Its grandchild works, the first process waits: killing the first leaves the grandchild."""
    if os.fork():
        os.wait()
        os._exit(0)
    if os.fork():
        signal.pause()


def daemonises() -> None:
    """As daemon(3): a session of its own, the first process exits 0."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def stubborn() -> None:
    """Ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def slow() -> None:
    """Works on for SLOW_STOP seconds after SIGTERM."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.signal(signal.SIGTERM, lambda *_: signal.setitimer(signal.ITIMER_REAL, SLOW_STOP))


def fork_bomb() -> None:
    """All that its user may have of processes, each forking on; the first one works."""
    os.setgroups([])
    os.setgid(BOMBER)
    os.setuid(BOMBER)
    resource.setrlimit(resource.RLIMIT_NPROC, (BOMBS, BOMBS))
    if os.fork():
        return
    while True:
        try:
            os.fork()
        except BlockingIOError:
            time.sleep(0.02)


def huge() -> None:
    """Has touched each of its 2**30 bytes."""
    global _kept  # noqa: PLW0603 - for as long as the process lives
    _kept = b"\1" * (1 << 30)


def writes_to_a_disk() -> None:
    """A second process writes to $DISK all the time: where that hangs, so does its death."""
    if os.fork():
        return
    disk = os.open(os.environ["DISK"], os.O_WRONLY | os.O_CREAT, 0o666)
    while True:
        os.pwrite(disk, b"x", 0)
        time.sleep(PERIOD)


def keeps_jobs() -> None:
    """Takes a job every JOB_PERIOD into the files in $STATE, and tells each in $LEDGER afterwards.

    A line there: `ns word number term member`; the word is `began` or `job`.
    """
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    tail = f"{os.environ['HADELECT_TERM']} {os.environ['HADELECT_MEMBER']}\n"

    def tell(word: str, number: int) -> None:
        os.write(ledger, f"{time.monotonic_ns()} {word} {number} {tail}".encode())

    ended = threading.Event()
    clerk = threading.Thread(target=take_jobs, args=(tell, ended), daemon=True)

    def stop(*_: object) -> None:
        ended.set()
        clerk.join()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    clerk.start()


def take_jobs(tell: Callable[[str, int], None], ended: threading.Event) -> None:
    """One file is appended to, another is replaced: as schedulers do."""
    state = Path(os.environ["STATE"])
    state.mkdir(exist_ok=True)
    jobs, last = state / "jobs", state / "last"
    done = [int(line) for line in jobs.read_text().split()] if jobs.exists() else []
    number = len(done)
    whole = done == list(range(1, number + 1))
    whole = whole and (int(last.read_text()) if last.exists() else 0) in {number, number - 1}
    tell("began" if whole or not number else "torn", number)
    with jobs.open("a") as book:
        while not ended.wait(JOB_PERIOD):
            number += 1
            book.write(f"{number}\n")
            book.flush()
            os.fsync(book.fileno())
            fresh = state / "last.new"
            fresh.write_text(f"{number}\n")
            fresh.replace(last)
            tell("job", number)


def fails() -> None:
    """Ends with an error as soon as it is started."""
    sys.exit(1)


MANNERS: dict[str, Callable[[], None]] = {
    manner.__name__: manner
    for manner in (
        *(plain, changes_uid, double_forks, daemonises, stubborn, slow, fork_bomb, huge),
        *(writes_to_a_disk, keeps_jobs, fails),
    )
}


def main() -> None:
    _, path, manner = sys.argv
    journal = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    MANNERS[manner]()
    write_for_ever(journal)


if __name__ == "__main__":
    main()
