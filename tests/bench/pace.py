"""Systems whose trials take longer set the pace, so that all trials are spread over the whole run.

Law: a share of what is planned is written down after every trial; nobody runs ahead of the slowest.
"""

import time
from collections.abc import Iterable
from pathlib import Path

AHEAD = 0.04
LOOK = 0.2  # Seconds between two looks at the others.


class Pace:
    """How far all have come, in a directory that processes share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def line_up(self, names: Iterable[str]) -> None:
        for name in names:
            self.reached(name, 0.0)

    def reached(self, name: str, share: float) -> None:
        fresh = self._directory / f"{name}.new"
        fresh.write_text(str(share))
        fresh.replace(self._directory / f"{name}.share")

    def wait(self, name: str) -> None:
        """Until the slowest is near."""
        while self._share(name) > self.slowest() + AHEAD:
            time.sleep(LOOK)

    def slowest(self) -> float:
        """The share of what is planned that everybody has reached."""
        return min(float(share.read_text()) for share in self._directory.glob("*.share"))

    def _share(self, name: str) -> float:
        return float((self._directory / f"{name}.share").read_text())
