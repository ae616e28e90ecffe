"""False failovers: a machine with too much to do and a network that loses packets move nobody."""

import os
import subprocess
import sys
import time

from tests.bench.system_hadelect import running, shipped
from tests.bench.table import ZERO, Row, row
from tests.e2e.lab import Lab

SPINNERS = 2 * (os.cpu_count() or 1)
TROUBLE = ("delay", "50ms", "50ms", "loss", "5%")


def lossy(lab: Lab) -> bool:
    """5 % loss and up to 100 ms delay on every link; False where the kernel has no netem."""
    return all(
        subprocess.run(
            [*host.inside(), "tc", "qdisc", "add", "dev", "eth0", "root", "netem", *TROUBLE],
            capture_output=True,
            check=False,
        ).returncode
        == 0
        for host in lab.hosts
    )


def measure(seconds: float) -> list[Row]:
    """How often the scheduler moved in `seconds` with all cores saturated."""
    with running(shipped("majority")) as lab:
        where = "5 % loss" if lossy(lab) else "no netem here: no loss"
        before = lab.ran()
        spinners = [
            subprocess.Popen([sys.executable, "-ISE", "-c", "while True: pass"])
            for _ in range(SPINNERS)
        ]
        time.sleep(seconds)
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
        moved = {run.pid for run in lab.journal.runs()} - {before.pid}
    title = f"false failovers in {seconds:.0f} s, cores saturated, {where}"
    return [row(title, "", [len(moved)], ZERO)]
