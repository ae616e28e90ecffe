"""The daemon's side of the supervisor: commands out, events in, and a watch over both.

1. Neither supervisor nor init is trusted to be awake. A start or extend that `extended` does not
   acknowledge in time (any other word may be older than it), a deadline that passes without word of
   the tree's end, a supervisor that is gone: each time the daemon kills the tree itself, through
   its own fence, and says STOPPED only when it is gone.
2. Before such a STOPPED the supervisor is sent `stop`: should it wake up, the `start` that may wait
   in front of it does not run (supervisor.without_superseded).
3. A secret comes from the supervisor or not at all.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from hadelect.config.model import Config
from hadelect.core.effects import End, Extend, Retitle, Start, Stop
from hadelect.core.events import ControlleeChanged, Event, LeftoverStuck, SupervisorReady
from hadelect.core.vocabulary import ControlleeState, Term
from hadelect.runtime import supervisor_words as words
from hadelect.runtime.controllee_output import OnOutput, OutputReader, readers
from hadelect.runtime.errands import Errands
from hadelect.supervisor import packets
from hadelect.supervisor.ending import Ending
from hadelect.supervisor.external_fence import around, runs_behind
from hadelect.supervisor.fence import fence_of
from hadelect.supervisor.linux import boottime_ms
from hadelect.supervisor.packets import JunkError, Packet, number, text, truth
from hadelect.supervisor.spec import Spec

if TYPE_CHECKING:
    from hadelect.supervisor.external import External
    from hadelect.supervisor.fence import Fence

DEADLINE_SLACK_MS = 50  # The init kills at the deadline, the supervisor 20 ms later.
PROOF_WAIT_MS = 20  # How long a tree that we killed waits for the supervisor's secret.
_RUNNING, _STOPPED = ControlleeState.RUNNING, ControlleeState.STOPPED
_STOP_FAILED = ControlleeState.STOP_FAILED


class SupervisorClient:
    def __init__(
        self,
        fd: int,
        on_event: Callable[[Event], None],
        on_output: OnOutput,
        on_lost: Callable[[], None],
        on_error: Callable[[str], None],
    ) -> None:
        """To be made inside a running loop; `fd` comes from HADELECT_SUPERVISOR_FD.

        `on_output(stream, line)`: a line of the controllee (stdout, stderr) or of the supervisor.
        `on_lost()`: the supervisor is gone and its tree verified dead; the daemon must end.
        `on_error(text)`: the operator must put something right; the daemon must end with 78.
        """
        self._on_event = on_event
        self._on_output = on_output
        self._on_lost = on_lost
        self._on_error = on_error
        self._sock = words.socket_of(fd)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._on_readable)
        self._patience_ms = 1000
        self._pidfd = -1
        self._external: External | None = None  # What another manager runs.
        self._fence: Fence | None = None
        self._ending: Ending | None = None  # We are killing the tree ourselves.
        self._term = Term(0)  # Of the tree that may run; 0 = none.
        self._titles: set[int] = set()  # All terms that this tree has had.
        self._deadline = 0
        self._unacknowledged: deque[tuple[int, int]] = deque()  # (deadline, sent at)
        self._watch: asyncio.TimerHandle | None = None
        self._proof_wait: asyncio.TimerHandle | None = None
        self._in_doubt = False  # The supervisor left a kill to us and has not spoken since.
        self._is_lost = False
        self._hash = ""  # Of the secret of the next leadership.
        self._outputs: list[OutputReader] = []
        self.errands = Errands(self._send, on_event, on_output)
        self.fence_kind = ""  # namespace, cgroup, subreaper, none (a witness); "" = not ready.
        self.init_pid = 0

    # --- commands ---

    def configure(self, config: Config) -> None:
        """Answered by SupervisorReady, LeftoverStuck or on_error.

        ValueError with the remedy when the controllee's user does not exist.
        """
        self._patience_ms = words.patience_ms(config)
        body = words.configure_body(config)
        self._external = Spec(body).external
        self._send(body)
        self.errands.configure(config)

    def adjust(self, config: Config) -> None:
        """A reload: what runs goes on."""
        self._patience_ms = words.patience_ms(config)
        self._send(words.adjust_body(config))
        self.errands.adjust(config)

    def set_peers(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Where death notices go: resolved addresses of all peers."""
        self._send({"do": "peers", "peers": [list(address) for address in addresses]})

    def start(self, effect: Start) -> None:
        self._term = effect.term
        self._titles = {effect.term}
        self._unacknowledged.clear()
        self._expect(effect.deadline)
        self._send({"do": "start", "term": effect.term, "deadline": effect.deadline})

    def extend(self, effect: Extend) -> None:
        if self._ending:
            return  # We are killing it.
        if effect.term == self._term:
            self._expect(effect.deadline)
        self._send({"do": "extend", "term": effect.term, "deadline": effect.deadline})

    def stop(self, effect: Stop) -> None:
        if effect.kill and effect.term == self._term:
            self._expect(self._deadline)
        self._send(words.stop_body(effect.term, effect.because, kill=effect.kill))

    def retitle(self, effect: Retitle) -> None:
        if effect.term == self._term:
            self._term = effect.to
            self._titles.add(effect.to)
        self._send({"do": "retitle", "term": effect.term, "to": effect.to})

    def end(self, effect: End) -> None:
        self._send({"do": "end", "term": effect.term})

    def close(self) -> None:
        """Hear no more. The descriptor stays open until this process has ended: to the supervisor,
        its end is ours.
        """
        self._is_lost = True
        self._loop.remove_reader(self._sock.fileno())
        self._sock.detach()
        self._stop_watching()
        for output in self._outputs:
            output.close()

    def _send(self, body: packets.Body) -> None:
        if not self._is_lost and not packets.send(self._sock, body):
            words.shut(
                self._sock
            )  # It is gone, or has not read for minutes. Our reader hears of it.

    # --- the watch ---

    def _expect(self, deadline: int) -> None:
        self._deadline = deadline
        self._unacknowledged.append((deadline, boottime_ms()))
        self._arm()

    def _due(self) -> int:
        due = self._deadline + DEADLINE_SLACK_MS
        if self._unacknowledged:
            due = min(due, self._unacknowledged[0][1] + self._patience_ms)
        return due

    def _arm(self) -> None:
        self._stop_watching()
        if self._term and not self._ending and not self._is_lost:
            wait_ms = max(0, self._due() - boottime_ms())
            self._watch = self._loop.call_later(wait_ms / 1000, self._on_due)

    def _stop_watching(self) -> None:
        if self._watch:
            self._watch.cancel()
            self._watch = None

    def _on_due(self) -> None:
        """Read first: we may be the one who was asleep."""
        self._watch = None
        self._on_readable()
        if not self._term or self._is_lost or self._ending:
            return
        now = boottime_ms()
        if now < self._due():
            self._arm()
        elif now >= self._deadline + DEADLINE_SLACK_MS:
            self._kill("its deadline passed and nobody said that it is dead")
        else:
            self._kill(f"no acknowledgement of supervisor and init for {self._patience_ms} ms")

    def _kill(self, because: str) -> None:
        """The tree, by our own fence; the supervisor is asked to do the same."""
        self._send(words.stop_body(self._term, because, kill=True))
        self._stop_watching()
        if self._fence is None:
            self._on_killed(because)
            return
        self._ending = Ending(
            words.AsyncClock(),
            self._fence,
            lambda: self._on_killed(because),
            lambda: self._on_stuck(because),
        )
        self._ending.look()

    def _on_killed(self, because: str) -> None:
        if self._is_lost:
            self._finish_lost(because)
        else:
            wait_s = PROOF_WAIT_MS / 1000
            self._proof_wait = self._loop.call_later(wait_s, self._without_proof, because)

    def _without_proof(self, because: str) -> None:
        """Verified by us; the supervisor did not say so in time."""
        if self._is_lost or not self._term:
            return
        self._in_doubt = True
        self._over(ControlleeChanged(self._term, _STOPPED, because=because, asked=True))
        self._on_event(LeftoverStuck(f"the supervisor does not answer ({because})"))

    def _on_stuck(self, because: str) -> None:
        if self._term:
            stuck = f"{because}; not dead 1 s after SIGKILL"
            self._on_event(ControlleeChanged(self._term, _STOP_FAILED, because=stuck))

    def _over(self, stopped: ControlleeChanged) -> None:
        """Nothing of the tree is left."""
        self._term = Term(0)
        self._unacknowledged.clear()
        self._stop_watching()
        if self._ending:
            self._ending.cancel()
            self._ending = None
        if self._proof_wait:  # It was about this tree; the next one lives.
            self._proof_wait.cancel()
        self._on_event(stopped)

    # --- the supervisor is gone ---

    def _lost(self) -> None:
        self._is_lost = True
        self._loop.remove_reader(self._sock.fileno())
        self.errands.lose()
        if self._ending:
            self._ending.cancel()
        self._kill("the supervisor died")

    def _finish_lost(self, because: str) -> None:
        if self._term:
            self._over(ControlleeChanged(self._term, _STOPPED, because=because, asked=True))
        self._on_lost()

    # --- what the supervisor says ---

    def _on_readable(self) -> None:
        while not self._is_lost:
            try:
                packet = packets.receive(self._sock)
                if packet is None:
                    self._lost()
                    return
                self._hear(packet)
            except BlockingIOError:
                return
            except JunkError as error:
                self._on_output("supervisor", f"said what we do not understand: {error}")

    def _hear(self, packet: Packet) -> None:
        body = packet.body
        match packet.do:
            case "ready" | "init":
                self._hear_init(packet)
            case "started" | "daemonised":
                self._hear_running(packet)
            case "extended":
                self._acknowledge(number(body, "deadline"))
            case "stopped":
                self._hear_stopped(body)
            case "stop_failed":
                self._on_event(words.stop_failed(body))
            case "leftover":
                self._on_event(LeftoverStuck(text(body, "because")))
            case "ran":
                self.errands.hear(body)
            case "refused":
                self._hear_refused(body)
            case "warned":
                self._on_output("supervisor", text(body, "because"))
            case "error":
                self._on_error(text(body, "because"))

    def _hear_init(self, packet: Packet) -> None:
        """A warm init: from now on we hold a fence of our own around whatever it will start."""
        if self._ending:
            self._ending.look()  # The tree before it is gone: last look through its pidfd.
            self._ending.cancel()
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self._pidfd = packet.fds[0] if packet.fds else -1
        self.fence_kind = text(packet.body, "fence")
        self.init_pid = number(packet.body, "pid")
        cgroup = text(packet.body, "cgroup")
        self._fence = None
        if packet.fds:
            fence = fence_of(self.fence_kind, self.init_pid, self._pidfd, cgroup)
            self._fence = around(self._external, fence)
        self._hash = text(packet.body, "secret_hash")
        if packet.do == "ready":
            self._on_event(SupervisorReady(self._hash))

    def _hear_running(self, packet: Packet) -> None:
        pid, since = number(packet.body, "pid"), text(packet.body, "since")
        still_open = [output for output in self._outputs if not output.is_closed]
        self._outputs = still_open + readers(packet.fds, self._on_output)
        if number(packet.body, "term") in self._titles and self._term:
            runs_behind(self._fence, self._term)
            self._on_event(ControlleeChanged(self._term, _RUNNING, pid=pid, since=since))

    def _acknowledge(self, deadline: int) -> None:
        while self._unacknowledged and self._unacknowledged[0][0] <= deadline:
            self._unacknowledged.popleft()

    def _hear_stopped(self, body: packets.Body) -> None:
        term, because = Term(number(body, "term")), text(body, "because")
        if truth(body, "asked"):
            over = words.released(body)
            self._hash = over.next_secret_hash
            if term in self._titles:
                self._over(over)
            else:  # Said once more of an earlier term; another may run by now.
                self._on_event(over)
            if self._in_doubt:
                self._in_doubt = False
                self._on_event(SupervisorReady(self._hash))
        elif self._ending is None and self._term and term in self._titles:
            failed = truth(body, "exec_failed")
            self._over(ControlleeChanged(self._term, _STOPPED, because=because, exec_failed=failed))

    def _hear_refused(self, body: packets.Body) -> None:
        what, term = body.get("what"), number(body, "term")
        because = f"{what or 'a command'} refused: {text(body, 'because')}"
        self._on_output("supervisor", because)
        if what == "start" and term == self._term and not self._ending:
            self._over(ControlleeChanged(self._term, _STOPPED, because=because))
        elif what == "extend" and term == self._term:
            self._unacknowledged.clear()
        elif what == "stop" and not self._term and term:
            # It is over already, and its secret was told then or lost.
            over = ControlleeChanged(Term(term), _STOPPED, because=because, asked=True)
            self._on_event(replace(over, next_secret_hash=self._hash))
