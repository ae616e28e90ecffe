"""Stamps on the way of a failover: found by Python at the start of every process that has this
directory on its PYTHONPATH, which only tests/bench/anatomy.py gives them.

Law: a stamp is one line `ns stage` of CLOCK_MONOTONIC, appended to `stamps` beside the member's
configuration; a stage is stamped when its function is entered. Nothing else changes.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# module, class (or ""), function, stage; which processes. The init is a fork of the supervisor.
SUPERVISOR = (
    ("supervisor.supervisor", "Supervisor", "_hang_up", "end of the daemon seen"),
    ("supervisor.fence", "NamespaceFence", "kill", "kill"),
    ("supervisor.keeper", "Keeper", "_on_gone", "tree verified"),
    ("supervisor.will", "Will", "_send", "notice"),
    ("supervisor.keeper", "Keeper", "_start", "supervisor starts"),
    ("supervisor.keeper", "Keeper", "_stop", "supervisor stops"),
    ("supervisor.init", "Init", "_start", "init starts"),
    ("supervisor.init", "Init", "_stop", "init stops"),
)
DAEMON = (
    ("runtime.datagrams", "Datagrams", "datagram_received", "datagram"),
    ("runtime.store", "Store", "persist", "persist"),
    ("runtime.store", "Store", "_write", "write"),
    ("runtime.driver", "Driver", "_written_elsewhere", "written"),
    ("runtime.driver", "Driver", "_written", "durable"),
    ("runtime.supervisor_client", "SupervisorClient", "start", "start"),
)


def stamped(act: Callable[..., Any], stage: str, path: Path) -> Callable[..., Any]:
    tail = f" {stage}\n".encode()

    def stamping(*given: Any, **named: Any) -> Any:
        now = time.monotonic_ns()
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.write(fd, b"%d" % now + tail)
        os.close(fd)
        return act(*given, **named)

    return stamping


def install(stages: tuple[tuple[str, str, str, str], ...], path: Path) -> None:
    for module, owner, name, stage in stages:
        place = getattr(importlib.import_module(f"hadelect.{module}"), owner)
        if name in vars(place):
            setattr(place, name, stamped(getattr(place, name), stage, path))


def main(command: list[str]) -> None:
    stages = {"hadelect.supervisor": SUPERVISOR, "hadelect.daemon": DAEMON}
    found = next((stages[word] for word in command if word in stages), None)
    if found is not None and "--config" in command:
        config = Path(command[command.index("--config") + 1])
        install(found, config.with_name("stamps"))


main(sys.orig_argv)
