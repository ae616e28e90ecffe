"""A scheduler whose state is a log: 1 000 lines a second, numbered, as a ClassAd log grows.

    log_scheduler.py JOURNAL LOG RECEIPTS

Law 1: the numbers go on after the last one in LOG, whoever wrote it; a torn last line is cut off
       first, as HTCondor drops the transaction that a crash cut short.
Law 2: RECEIPTS, which is never replicated, says `ns number` of each line once it is in LOG. So a
       number that stands there twice was lost with a copy of LOG and given again.
Law 3: JOURNAL as scheduler.py keeps it, for the same judge.
"""

import os
import sys
import time

RATE = 1_000  # Lines a second.
EVERY = 5  # Lines for one in the journal.


def last_number(log: int) -> int:
    """The number of the last whole line; what follows it is cut off."""
    size = os.fstat(log).st_size
    tail = os.pread(log, 4096, max(0, size - 4096))
    whole = tail[: tail.rfind(b"\n") + 1]
    os.ftruncate(log, size - len(tail) + len(whole))
    return int(whole.split()[-1]) if whole else 0


def main() -> None:
    _, *paths = sys.argv
    journal, log, receipts = (
        os.open(p, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666) for p in paths
    )
    began = time.monotonic_ns()
    tail = f" {os.environ['HADELECT_TERM']} {began} {os.environ['HADELECT_MEMBER']}\n".encode()
    first = number = last_number(log)
    while True:
        due = first + (time.monotonic_ns() - began) * RATE // 10**9
        while number < due:
            number += 1
            os.write(log, b"103 %d.0 JobStatus %d\n" % (number // 10, number))
            os.write(receipts, b"%d %d\n" % (time.monotonic_ns(), number))
            if number % EVERY == 0:
                os.write(journal, b"%d" % time.monotonic_ns() + tail)
        time.sleep(1 / RATE)


if __name__ == "__main__":
    main()
