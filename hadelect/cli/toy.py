"""A toy scheduler: writes who it is, and when, to a shared journal 100 times a second.

Law: standard library only, and little of it: it starts in milliseconds, so that what the journal
shows is the failover and not Python's imports. One line is one O_APPEND write, so that several
schedulers, if ever there are several, cannot tear each other's lines.

    CLOCK_MONOTONIC_ns term pid member

Run it as a controllee: `NEGOTIATOR = /usr/bin/python3`, `NEGOTIATOR_ARGS = -I -S toy.py JOURNAL`.
"""

import os
import signal
import sys
import time

PERIOD_NS = 10_000_000  # 100 Hz.


def run(journal: str) -> None:
    """Write until killed. A late tick is skipped, never caught up."""
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    term = os.environ.get("HADELECT_TERM", "0")
    member = os.environ.get("HADELECT_MEMBER", "-")
    tail = f" {term} {os.getpid()} {member}\n".encode()
    due = time.monotonic_ns()
    while True:
        now = time.monotonic_ns()
        os.write(out, b"%d" % now + tail)
        due = max(due + PERIOD_NS, now)
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: toy.py JOURNAL")
    # Not SIG_DFL: as first process of a PID namespace that would be no death at all.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    run(sys.argv[1])


if __name__ == "__main__":
    main()
