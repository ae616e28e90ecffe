"""Another manager, as systemd is one: a daemon that runs one service, and the command that asks it.

    other_manager.py serve DIRECTORY CGROUP SERVICE…   the daemon; CGROUP: a directory, or "-"
    other_manager.py start|stop|status|kill DIRECTORY  the command: exits as systemctl would

The service is the daemon's child, never the asker's. DIRECTORY/manners may hold one line for each
command, which then behaves so: `status 3` exits 3 whatever is true, `stop hang` hangs, `stop deaf`
exits 0 and does nothing, `start late` exits 0 and the service comes half a second later, `status
flap` says 3 every second time. DIRECTORY/asked gets a line per command: its name and its term.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

SHIM = 'echo $$ > "$0/cgroup.procs"; exec "$@"'
LATE_S = 0.5


class Service:
    """What the daemon runs."""

    def __init__(self, cgroup: str, argv: list[str]) -> None:
        self._cgroup = Path(cgroup) if cgroup != "-" else None
        self._argv = argv
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def obey(self, word: str, environment: dict[str, str]) -> int:
        match word:
            case "start":
                with self._lock:
                    return self._start(environment)
            case "stop":
                with self._lock:
                    return self._end(signal.SIGTERM)
            case "kill":  # Also while a stop waits for one that hangs.
                return self._end(signal.SIGKILL)
            case "status":
                return 0 if self._runs() else 3
        return 2

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self, environment: dict[str, str]) -> int:
        if self._runs():
            return 0
        argv = self._argv
        if self._cgroup:
            self._cgroup.mkdir(exist_ok=True)
            argv = ["/bin/sh", "-c", SHIM, str(self._cgroup), *argv]
        self._process = subprocess.Popen(
            argv, env={**os.environ, **environment}, start_new_session=True
        )
        threading.Thread(target=self._tidy, args=[self._process], daemon=True).start()
        return 0

    def _end(self, number: signal.Signals) -> int:
        if self._process and self._runs():
            self._process.send_signal(number)
            self._process.wait()
        return 0

    def _tidy(self, process: subprocess.Popen[bytes]) -> None:
        """As systemd: the cgroup goes with its last process."""
        process.wait()
        if self._cgroup:
            with contextlib.suppress(OSError):
                self._cgroup.rmdir()


def serve(directory: Path, cgroup: str, argv: list[str]) -> None:
    service = Service(cgroup, argv)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(directory / "socket.new"))
    listener.listen(64)
    (directory / "socket.new").rename(directory / "socket")

    def answer(link: socket.socket) -> None:
        with link:
            asked = json.loads(link.recv(65536))
            time.sleep(asked["after"])
            code = service.obey(asked["word"], asked["environment"])
            with contextlib.suppress(OSError):
                link.send(str(code).encode())

    while True:
        link, _ = listener.accept()
        threading.Thread(target=answer, args=[link], daemon=True).start()


def ask(directory: Path, word: str, after: float = 0.0) -> int:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.connect(str(directory / "socket"))
    ours = {name: value for name, value in os.environ.items() if name.startswith("HADELECT_")}
    link.send(json.dumps({"word": word, "after": after, "environment": ours}).encode())
    return 0 if after else int(link.recv(16))


def misbehave(directory: Path, word: str) -> int | None:
    """By the manner that this command has now; None = it behaves."""
    try:
        lines = (directory / "manners").read_text().splitlines()
    except FileNotFoundError:
        return None
    manner = dict(line.split() for line in lines).get(word, "")
    match manner:
        case "":
            return None
        case "hang":
            time.sleep(3600)
        case "late":
            return ask(directory, word, LATE_S)
        case "flap":
            return 3 if (directory / "asked").read_text().count(f"{word} ") % 2 else None
        case "deaf":
            return 0
    return int(manner)


def main() -> int:
    word, directory = sys.argv[1], Path(sys.argv[2])
    if word == "serve":
        serve(directory, sys.argv[3], sys.argv[4:])
    with (directory / "asked").open("a") as asked:
        asked.write(f"{word} {os.environ.get('HADELECT_TERM', '-')}\n")
    code = misbehave(directory, word)
    return ask(directory, word) if code is None else code


if __name__ == "__main__":
    sys.exit(main())
