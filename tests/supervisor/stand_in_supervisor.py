"""The supervisor as it is, with the stand-in for its daemon; `--stuck FILE`: see StuckFence."""

import os
import sys
from pathlib import Path

from hadelect.supervisor.fence import NamespaceFence
from hadelect.supervisor.supervisor import Supervisor

DAEMON = [sys.executable, "-P", str(Path(__file__).with_name("stand_in_daemon.py"))]


class StuckFence:
    """A tree in state D, as far as anybody can see: it dies, but not verifiably before FILE is
    there.
    """

    def __init__(self, pidfd: int, file: str) -> None:
        self._fence = NamespaceFence(pidfd)
        self._file = file

    def kill(self) -> None:
        self._fence.kill()

    def is_gone(self) -> bool:
        return os.path.exists(self._file) and self._fence.is_gone()  # noqa: PTH110


def main() -> int:
    if sys.argv[1:2] == ["--stuck"]:
        file = sys.argv[2]
        return Supervisor(DAEMON, lambda _kind, _pid, pidfd, _: StuckFence(pidfd, file)).run()
    return Supervisor(DAEMON).run()


if __name__ == "__main__":
    sys.exit(main())
