"""A scheduler kept single by a lock file, as TORQUE's pbs_server does it: try, sleep, try again.

    lock_loop.py LOCK POLL READY COMMAND...

The lock (fcntl) dies with its process; the scheduler is a child of the one that holds it.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    lock, poll, ready, *command = sys.argv[1:]
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    while not held(descriptor):
        Path(ready).touch()
        time.sleep(float(poll))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    child = subprocess.Popen(command)
    Path(ready).touch()
    try:
        child.wait()
    finally:
        child.terminate()
        child.wait()


def held(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
