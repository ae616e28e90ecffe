"""A lock file as one of the systems: three loops that try for the same fcntl lock."""

import sys
from pathlib import Path

from tests.bench.peers import Node, Peers
from tests.e2e.lab import SCHEDULER

LOOP = Path(__file__).with_name("lock_loop.py")
PYTHON = (sys.executable, "-I", "-S", "-E")


class LockFile(Peers):
    def configure(self, node: Node) -> None:
        """There is nothing to configure."""

    def command(self, node: Node) -> list[str]:
        loop = (LOOP, self.home / "lock", self.period, node.home / "ready")
        scheduler = (*PYTHON, SCHEDULER, self.journal.path, "plain")
        return [str(word) for word in (*PYTHON, *loop, *scheduler)]

    def clean(self, node: Node) -> None:
        (node.home / "ready").unlink(missing_ok=True)

    def ready(self, node: Node) -> bool:
        return (node.home / "ready").exists()
