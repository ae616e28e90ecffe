"""The supervisor: main process of `hadelect had`. It starts the daemon and outlives its crashes.

| the daemon ends | then |
|---|---|
| 0, 78 (configuration) | on purpose: the code is passed on |
| anything before the first `configure` of this supervisor | it never took part: passed on |
| anything after SIGTERM or SIGINT | we are asked to end: passed on (128 + n for signal n) |
| any other code, any signal | a crash: a new one, after 0.1, 0.2, 0.4 … 10 s; lived 60 s: 0.1 s |

1. When the daemon is dying, its socket closes or its process ends, nothing more of it is obeyed,
   not even what is queued; its tree is killed, verified and announced before another starts.
2. No two daemons at once. A tree that cannot be killed does not hold up the next daemon, which is
   told so and stays unready.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from hadelect.supervisor import dying, packets
from hadelect.supervisor.children import Children, Daemon, exit_code
from hadelect.supervisor.errands import Errands
from hadelect.supervisor.keeper import Keeper
from hadelect.supervisor.linux import adopt_orphans, boottime_ms, exit_words, kill
from hadelect.supervisor.loop import GONE, Loop
from hadelect.supervisor.packets import Body, JunkError, Packet
from hadelect.supervisor.spec import ConfigurationError
from hadelect.supervisor.will import Will

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hadelect.supervisor.tree import Enclose

CONFIGURATION = 78  # EX_CONFIG
_UNKNOWN = 1 << 8  # A wait status that nobody could read counts as exit code 1: a crash.
_BATCH = 256  # Packets read at once: all that a frozen supervisor may have missed.
_PATIENCE_MS = (
    1000  # For a tree to be verified, and for a daemon without a socket to end by itself.
)
_LAST_PATIENCE_MS = 5000  # The same for the tree when we end, too.
_LOOK_MS = 5
_BACKOFF_MS, _BACKOFF_MAX_MS, _LIVED_MS = 100, 10_000, 60_000
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    def __init__(self, command: list[str], enclose: Enclose | None = None) -> None:
        """`command` starts the daemon; `enclose`: see Keeper."""
        self._command = command
        self._loop = Loop()
        self._will = Will(self._loop)
        self._children = Children()
        self._errands = Errands(self._loop, self._will, self._children)
        self._keeper = Keeper(self._loop, self._will, self._children, enclose)
        self._daemon: Daemon | None = None
        self._asked_to_end = False
        self._crashes = 0
        self._code: int | None = None  # Ours, once it is known.

    def run(self) -> int:
        """Until there is an exit code."""
        adopt_orphans()
        for number in _FORWARDED:
            self._loop.on_signal(number, lambda number=number: self._forward(number))  # type: ignore[misc]
        self._loop.on_signal(signal.SIGCHLD, self._children.reap)
        self._start_daemon()
        while self._code is None:
            self._loop.turn()
        self._will.finish()
        return self._code

    def _start_daemon(self) -> None:
        if self._code is not None or self._asked_to_end:
            return
        try:
            daemon = Daemon(self._command)
        except OSError as error:
            say(f"cannot start {self._command[0]}: {error.strerror}")
            self._restart_later()
            return
        self._daemon = daemon
        self._children.expect(daemon.pid)
        self._keeper.listen_to(self._answer)
        self._errands.listen_to(self._answer)
        self._loop.watch(daemon.sock.fileno(), lambda mask: self._on_packets(daemon, mask))
        self._loop.watch(daemon.pidfd, lambda _: self._on_daemon_ended(daemon))

    def _forward(self, number: int) -> None:
        if number != signal.SIGHUP:
            self._asked_to_end = True
        if self._daemon and not self._daemon.ended:
            kill(self._daemon.pidfd, number)
        elif self._asked_to_end:
            self._code = 0

    # --- its word ---

    def _on_packets(self, daemon: Daemon, mask: int) -> None:
        batch = None if mask & GONE else read_batch(daemon)
        if batch is None:
            self._hang_up(daemon)
            return
        for packet in without_superseded(batch):
            if not daemon.closed_at:
                self._obey(daemon, packet)

    def _obey(self, daemon: Daemon, packet: Packet) -> None:
        try:
            if packet.do == dying.WORD:
                self._watch_over(daemon, packet)
            elif not self._errands.obey(packet):
                self._keeper.obey(packet)
        except JunkError as error:
            self._keeper.tell("refused", what=packet.do, term=0, because=str(error))
        except ConfigurationError as error:
            self._keeper.tell("error", because=str(error))
        for fd in packet.fds:
            os.close(fd)

    def _answer(self, body: Body, fds: tuple[int, ...]) -> None:
        """A daemon that has not read for so long that its buffer is full is not alive."""
        daemon = self._daemon
        if daemon and not daemon.closed_at and not packets.send(daemon.sock, body, fds):
            kill(daemon.pidfd)

    # --- its end ---

    def _watch_over(self, daemon: Daemon, packet: Packet) -> None:
        """JunkError."""
        if daemon.watch is None:
            daemon.watch = dying.Watch(self._loop, packet, lambda: self._hang_up(daemon))

    def _hang_up(self, daemon: Daemon) -> None:
        if daemon.closed_at:
            return
        daemon.closed_at = boottime_ms()
        self._errands.hang_up()  # First: it holds back the notice that the keeper may give at once.
        self._keeper.hang_up()
        self._loop.unwatch(daemon.sock.fileno())
        daemon.sock.close()
        self._loop.after(_PATIENCE_MS, lambda: kill(daemon.pidfd) if not daemon.ended else None)

    def _on_daemon_ended(self, daemon: Daemon) -> None:
        self._hang_up(daemon)
        daemon.ended = True
        if daemon.watch:
            daemon.watch.end()
            daemon.watch = None  # With its page; no cycle is left to the garbage collector.
        self._loop.unwatch(daemon.pidfd)
        status = self._children.status(daemon.pid)
        os.close(daemon.pidfd)
        self._conclude(daemon, _UNKNOWN if status is None else status)

    def _conclude(self, daemon: Daemon, status: int) -> None:
        """Once its tree is gone, or has had its time: end, or start another."""
        code = exit_code(status)
        ends = self._ends_with(code)
        waited = boottime_ms() - daemon.closed_at
        settled = self._keeper.is_settled and self._errands.is_settled
        if not settled and waited < (_LAST_PATIENCE_MS if ends else _PATIENCE_MS):
            self._loop.after(_LOOK_MS, lambda: self._conclude(daemon, status))
            return
        if ends:
            self._code = code
            return
        if boottime_ms() - daemon.born_at >= _LIVED_MS:
            self._crashes = 0
        say(f"the daemon (pid {daemon.pid}) crashed: {exit_words(status)}")
        self._restart_later()

    def _ends_with(self, code: int) -> bool:
        on_purpose = code in (0, CONFIGURATION)
        return on_purpose or self._asked_to_end or self._keeper.spec is None

    def _restart_later(self) -> None:
        self._crashes += 1
        wait = min(_BACKOFF_MAX_MS, _BACKOFF_MS * 2 ** min(self._crashes - 1, 16))
        self._loop.after(wait, self._start_daemon)


def read_batch(daemon: Daemon) -> list[Packet] | None:
    """All that waits; None when the daemon's end is closed: then nothing of it counts."""
    batch: list[Packet] = []
    while len(batch) < _BATCH:
        try:
            packet = packets.receive(daemon.sock)
        except BlockingIOError:
            break
        except JunkError as error:
            packets.send(
                daemon.sock, {"do": "refused", "what": "", "term": 0, "because": str(error)}
            )
            continue
        if packet is None:
            return None
        batch.append(packet)
    return batch


def without_superseded(batch: list[Packet]) -> list[Packet]:
    """Without each `start` that a later `stop` of its term takes back.

    A daemon whose supervisor was frozen sends `stop` before it counts the leadership as over; the
    start that waited in front of it must not run even for a moment.
    """
    kept: list[Packet] = []
    stopped: set[object] = set()
    for packet in reversed(batch):
        term = packet.body.get("term")
        if packet.do == "stop" and isinstance(term, int):
            stopped.add(term)
        if packet.do != "start" or term not in stopped:
            kept.append(packet)
    return kept[::-1]


def say(line: str) -> None:
    """To stderr; dropped when nobody reads it: the supervisor waits for no one."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    try:
        if any(mask & select.POLLOUT for _, mask in poll.poll(0)):
            os.write(2, f"hadelect supervisor: {line}\n".encode())
    except OSError:
        return  # No stderr.


def main(arguments: list[str]) -> int:
    return Supervisor([sys.executable, "-P", "-m", "hadelect.daemon", *arguments]).run()
