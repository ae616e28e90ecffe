"""The commands that run here for the daemon: how many, how long, and what becomes of them.

1. The supervisor forks and never waits: each command has an attendant (errand.py) that holds its
   time limit. An attendant that does not keep it is killed from here, with all that is below it.
2. When the daemon is gone its commands are killed; while one is left, no death notice goes out and
   nothing is run for the next daemon: two of them must not work at once.
"""

from __future__ import annotations

import os
import socket

from hadelect.supervisor import packets
from hadelect.supervisor.ending import Ending
from hadelect.supervisor.errand import Attendant, Errand
from hadelect.supervisor.fence import SubreaperFence
from hadelect.supervisor.linux import has_ended
from hadelect.supervisor.loop import GONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.supervisor.children import Children
    from hadelect.supervisor.loop import Loop
    from hadelect.supervisor.packets import Body, Packet
    from hadelect.supervisor.will import Will

    Answer = Callable[[Body, tuple[int, ...]], None]

MOST = 8  # At once.
_SLACK_MS = 1000  # An attendant that has not kept its limit by then is not relied upon.


class _Running:
    __slots__ = ("channel", "ending", "heard", "id", "is_orphan", "pid", "pidfd")

    def __init__(self, number: int, pid: int, channel: socket.socket) -> None:
        self.id = number
        self.pid = pid  # Of the attendant.
        self.pidfd = os.pidfd_open(pid)
        self.channel = channel
        self.heard = False  # It has told how its command ended.
        self.is_orphan = False  # The daemon that wanted it is gone.
        self.ending: Ending | None = None


class Errands:
    def __init__(self, loop: Loop, will: Will, children: Children) -> None:
        self._loop = loop
        self._will = will
        self._children = children
        self._answer: Answer | None = None
        self._running: list[_Running] = []

    @property
    def is_settled(self) -> bool:
        """Nothing of a daemon that is gone runs."""
        return not any(running.is_orphan for running in self._running)

    def listen_to(self, answer: Answer) -> None:
        self._answer = answer

    def obey(self, packet: Packet) -> bool:
        """False when it is no command about these. Raises JunkError."""
        match packet.do:
            case "run":
                self._run(packets.number(packet.body, "id"), Errand(packet.body))
            case "cancel":
                self._cancel(packets.number(packet.body, "id"))
            case _:
                return False
        return True

    def hang_up(self) -> None:
        """The daemon is gone: kill all, hold back the notice until nothing is left."""
        self._answer = None
        for running in self._running:
            running.is_orphan = True
            self._kill(running)
        self._will.hold(held=not self.is_settled)

    def _run(self, number: int, errand: Errand) -> None:
        because = ""
        if not self.is_settled:
            because = "a command of an earlier daemon cannot be killed"
        elif len(self._running) >= MOST:
            because = f"{MOST} commands run already"
        else:
            try:
                self._start(number, errand)
            except OSError as error:
                because = f"cannot fork: {error.strerror}"
        if because:
            self._tell(number, end="unable", number=0, because=because, output="")

    def _start(self, number: int, errand: Errand) -> None:
        ours, theirs = packets.pair()
        try:
            pid = os.fork()
            if pid == 0:
                Attendant(errand, theirs).run()
            self._children.expect(pid)
            running = _Running(number, pid, ours)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._running.append(running)
        self._loop.watch(ours.fileno(), lambda mask: self._on_word(running, mask))
        self._loop.watch(running.pidfd, lambda _: self._on_ended(running))
        self._loop.after(errand.limit_ms + _SLACK_MS, lambda: self._kill_from_here(running))

    def _cancel(self, number: int) -> None:
        for running in self._running:
            if running.id == number:
                self._kill(running)

    # --- its end ---

    def _on_word(self, running: _Running, mask: int) -> None:
        try:
            packet = packets.receive(running.channel)
        except BlockingIOError:
            return
        if packet is not None:
            running.heard = True
            said = {k: packet.body[k] for k in ("end", "number", "because", "output")}
            if not running.is_orphan:
                self._tell(running.id, **said)
        elif mask & GONE:
            self._loop.unwatch(running.channel.fileno())

    def _on_ended(self, running: _Running) -> None:
        """The attendant's end is the command's: it waits until nothing is left below it."""
        if running not in self._running or not has_ended(running.pidfd):
            return
        self._on_word(running, 0)
        self._running.remove(running)
        for fd in (running.channel.fileno(), running.pidfd):
            self._loop.unwatch(fd)
        running.channel.close()
        os.close(running.pidfd)
        self._children.status(running.pid)
        if not running.heard and not running.is_orphan:
            because = "its attendant was killed"
            self._tell(running.id, end="unable", number=0, because=because, output="")
        self._will.hold(held=not self.is_settled)

    def _kill(self, running: _Running) -> None:
        packets.send(running.channel, {"do": "kill"})
        self._loop.after(_SLACK_MS, lambda: self._kill_from_here(running))

    def _kill_from_here(self, running: _Running) -> None:
        if running not in self._running or running.ending:
            return
        fence = SubreaperFence(running.pid, running.pidfd)
        on_gone = lambda: self._on_ended(running)  # noqa: E731 - as the ones above.
        running.ending = Ending(self._loop, fence, on_gone, lambda: self._on_stuck(running))
        running.ending.look()

    def _on_stuck(self, running: _Running) -> None:
        """In state D, say. Who waits shall know."""
        if not running.heard and not running.is_orphan:
            running.heard = True
            because = "not dead 1 s after SIGKILL"
            self._tell(running.id, end="limit", number=0, because=because, output="")

    def _tell(self, errand: int, **said: object) -> None:
        if self._answer:
            self._answer({"do": "ran", "id": errand, **said}, ())
