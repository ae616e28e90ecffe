"""What may run here, for which term, until when: the place where "never two" is kept.

1. At most one tree. It starts by command only, for a term that was not released, before its
   deadline; a command for another term is refused with the reason.
2. A leadership's secret leaves this process only after its tree is verified gone, and from then on
   that term never starts again here.
3. `hang_up` ends the daemon's word: the tree is killed, verified, and only then is notice given.
4. What cannot be killed is said (`stop_failed`, `leftover`), retried, and never reported as dead.
"""

from __future__ import annotations

import time

from hadelect.supervisor import notice
from hadelect.supervisor.earlier import in_the_way, left_behind, lock
from hadelect.supervisor.ending import Ending, watch_deadline
from hadelect.supervisor.external_fence import was_found, why
from hadelect.supervisor.loop import GONE
from hadelect.supervisor.packets import Body, JunkError, Packet, entries, number, text, truth
from hadelect.supervisor.spec import ConfigurationError, Spec
from hadelect.supervisor.terms import Terms
from hadelect.supervisor.tree import Tree, UnableError, adjust, raise_tree, start_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.supervisor.children import Children
    from hadelect.supervisor.loop import Loop
    from hadelect.supervisor.tree import Enclose
    from hadelect.supervisor.will import Will

    Answer = Callable[[Body, tuple[int, ...]], None]

_STOP_SLACK_MS = 500  # The same after the stop timeout.
_RESPITE_MS = 100  # After a leadership: the machine has another one to start.
_RETRY_MS = 1000  # Until a `leftover` is said again, and a fork is tried again.


class Keeper:
    def __init__(
        self, loop: Loop, will: Will, children: Children, enclose: Enclose | None = None
    ) -> None:
        """`enclose` makes the fence of a new tree; None = the one of its kind (see fence.py)."""
        self._loop = loop
        self._will = will
        self._children = children
        self._enclose = enclose
        self._terms = Terms()
        self.spec: Spec | None = None  # None until the first `configure`.
        self._lock = -1
        self._leftover: Ending | None = None  # Of an earlier life.
        self._tree: Tree | None = None
        self._answer: Answer | None = None  # None: nobody's word counts.
        self._told = -1  # The init that the daemon knows of; -1 = it was not told `ready` yet.
        self._was_ready = self._waits = False

    @property
    def is_settled(self) -> bool:
        """Nothing runs, nothing is being killed."""
        return self._tree is None and self._leftover is None

    # --- whose word counts ---

    def listen_to(self, answer: Answer) -> None:
        self._answer = answer
        self._told = -1

    def hang_up(self) -> None:
        """The daemon is gone: kill, verify, give notice. Nothing is obeyed from here on."""
        self._answer = None
        if self._tree is None:
            self._give_notice()
            return
        self._tree.is_orphan = True
        self._kill(self._tree)

    def obey(self, packet: Packet) -> None:
        """JunkError: no command of ours. ConfigurationError: what the operator must put right."""
        body = packet.body
        match packet.do:
            case "configure":
                self._configure(Spec(body))
            case "adjust":
                adjust(self.spec, self._tree, body)
            case "peers":
                self._will.address(entries(body, "peers"))
            case "start":
                self._start(number(body, "term"), number(body, "deadline"))
            case "extend":
                self._extend(number(body, "term"), number(body, "deadline"))
            case "stop":
                self._stop(number(body, "term"), text(body, "because"), kill=truth(body, "kill"))
            case "end":
                self._end(number(body, "term"))
            case "retitle":
                self._retitle(number(body, "term"), number(body, "to"))
            case _:
                raise JunkError(f"unknown command {packet.do!r}")

    def tell(self, do: str, fds: tuple[int, ...] = (), **body: object) -> None:
        if self._answer:
            self._answer({"do": do, **body}, fds)

    def _refuse(self, what: str, term: int, because: str) -> None:
        self.tell("refused", what=what, term=term, because=because)

    # --- becoming ready ---

    def _configure(self, spec: Spec) -> None:
        spec.check_user()
        if self.spec and spec.state_dir != self.spec.state_dir:
            raise ConfigurationError("HAD_STATE_DIR has changed: stop and start hadelect")
        if self._lock < 0:
            self._lock = lock(spec.state_dir)
            if fence := in_the_way(spec, self._children):
                self._leftover = Ending(self._loop, fence, self._on_leftover_gone, lambda: None)
        self.spec = spec
        self._told = -1
        if self._leftover:
            self._leftover.look()
        elif self._tree and not self._tree.term:
            self._kill(self._tree)  # Warm, for what was configured before.
        self._settle()

    def _on_leftover_gone(self) -> None:
        spec, leftover = self.spec, self._leftover
        assert spec is not None
        assert leftover is not None
        self._leftover = None
        left_behind(spec.state_dir, self._children)  # Nothing by now: it tidies up.
        if was_found(leftover.fence):
            self.tell("warned", because=f"{spec.controllee} ran here at the start: it was killed")
        self._settle()

    def _settle(self) -> None:
        """Raise a warm init and tell the daemon; or wait for the end of what is in the way."""
        spec = self.spec
        if spec is None or self._answer is None:
            return
        if self._in_the_way():
            self._wait()
            return
        if self._tree is None and spec.runs_something and not self._raise(spec):
            self._wait()
            return
        tree = self._tree
        if self._told != (tree.pid if tree else 0):
            do = "ready" if self._told < 0 else "init"
            self._told, self._was_ready = tree.pid if tree else 0, True
            facts = tree.facts() if tree else {"fence": "none", "pid": 0, "cgroup": ""}
            fds = (tree.pidfd,) if tree else ()
            self.tell(do, fds, secret_hash=self._terms.secret_hash, **facts)

    def _in_the_way(self) -> Ending | None:
        return self._leftover or (self._tree.ending if self._tree else None)

    def _raise(self, spec: Spec) -> bool:
        try:
            tree = raise_tree(spec, self._enclose)
        except UnableError as error:
            self.tell("leftover" if self._was_ready else "error", because=str(error))
            self._told = -1  # `ready` when it is possible again: it is fit again.
            return False
        tree.enclose_external(spec, self._children)
        self._tree = tree
        self._children.expect(tree.pid)
        self._loop.watch(tree.channel.fileno(), lambda mask: self._on_init(tree, mask))
        self._loop.watch(tree.pidfd, lambda _: self._on_init_ended(tree))
        return True

    def _wait(self) -> None:
        if not self._waits:
            self._waits = True
            self._loop.after(_RETRY_MS, self._on_waited)

    def _on_waited(self) -> None:
        """A daemon that is not ready is told why, every second."""
        self._waits = False
        if self._told < 0 and (obstacle := self._in_the_way()):
            because = f"what runs here already cannot be killed{why(obstacle.fence)}"
            self.tell("leftover", because=because)
        self._settle()

    # --- commands about a term ---

    def _start(self, term: int, deadline: int) -> None:
        if self._tree is None:
            self._settle()  # It was put off.
        tree = self._tree
        because = start_refusal(tree, self._terms, term, deadline)
        if because or tree is None:
            self._refuse("start", term, because)
            return
        self._terms.bind(term)
        if not tree.start(term, deadline):
            self._kill(tree)
        watch_deadline(self._loop, tree, self._kill)

    def _extend(self, term: int, deadline: int) -> None:
        """The init acknowledges it; while nothing runs there is nothing to extend."""
        tree = self._tree
        if term != self._terms.term:
            self._refuse("extend", term, f"the term in force here is {self._terms.term or 'none'}")
        elif tree is None or not tree.term:
            self.tell("extended", term=term, deadline=deadline)
        elif tree.ending or tree.because:  # Killed by us, or by the init, as it said.
            self._refuse("extend", term, "its tree is being killed")
        else:
            tree.deadline = deadline
            tree.tell(do="extend", term=term, deadline=deadline)

    def _stop(self, term: int, because: str, *, kill: bool) -> None:
        tree = self._tree
        running = tree.term if tree else 0
        if term == self._terms.released and self._terms.revealed:
            self._tell_released(term, because)
        elif term < self._terms.term or term <= self._terms.released or running not in (0, term):
            in_force = running or self._terms.term or "none"
            self._refuse("stop", term, f"the term in force here is {in_force}")
        elif tree is None or not running:
            self._terms.release(term)
            self._tell_released(term, because)
        else:
            tree.asked = because or "stopped by command"
            self._end_tree(tree, kill=kill)

    def _end(self, term: int) -> None:
        """Its leadership goes on: no secret is revealed, and it may start again."""
        if self._tree is None or self._tree.term != term:
            self._refuse("end", term, "it does not run here")
        else:
            self._end_tree(self._tree, kill=False)

    def _end_tree(self, tree: Tree, *, kill: bool) -> None:
        if kill or not tree.tell(do="stop"):
            self._kill(tree)
        elif self.spec:
            slack = self.spec.stop_timeout_ms + _STOP_SLACK_MS
            self._loop.after(slack, lambda: self._kill(tree))

    def _retitle(self, term: int, to: int) -> None:
        if because := self._terms.retitle(term, to):
            self._refuse("retitle", term, because)
            return
        if self._tree and self._tree.term:
            self._tree.term = to
        self.tell("retitled", term=term, to=to)

    # --- what becomes of the tree ---

    def _on_init(self, tree: Tree, mask: int) -> None:
        if not self._hear(tree) or mask & GONE:
            self._loop.unwatch(tree.channel.fileno())
            self._kill(tree)

    def _hear(self, tree: Tree) -> bool:
        heard, goes_on = tree.hear()
        for packet in heard:
            self._on_word(tree, packet)
        return goes_on

    def _on_word(self, tree: Tree, packet: Packet) -> None:
        body = packet.body
        match packet.do:
            case "started" | "daemonised":
                # The kernel has translated its pid; without a namespace it needs none.
                pid = packet.pid if tree.kind == "namespace" else number(body, "pid")
                tree.heard_running()
                since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                fds = tuple(tree.outputs)
                self.tell(packet.do, fds, term=tree.term, pid=pid, since=since)
                tree.close_outputs()
            case "extended":
                self.tell("extended", term=body.get("term"), deadline=body.get("deadline"))
            case "ended":
                tree.because = text(body, "because")
                tree.exec_failed = truth(body, "exec_failed")
                tree.heard_ended(body)
                self._loop.after(_STOP_SLACK_MS, lambda: self._kill(tree))  # It may fail to.
            case "warned":
                self.tell("warned", because=text(body, "because"))

    def _on_init_ended(self, tree: Tree) -> None:
        self._loop.unwatch(tree.pidfd)
        self._hear(tree)
        self._kill(tree)

    def _kill(self, tree: Tree) -> None:
        """Kill it, or look whether it is gone by now."""
        if tree is not self._tree:
            return
        if tree.ending is None:
            tree.ending = Ending(
                self._loop, tree.fence_for(self._children.expected), self._on_gone, self._on_stuck
            )
        tree.ending.look()

    def _on_stuck(self) -> None:
        tree = self._tree
        if tree and not tree.term:
            self._told = -1  # Somebody else's: `leftover` every second, `ready` when it is gone.
            self._wait()
        elif tree and not tree.is_orphan:
            because = f"its tree (init {tree.pid}) is not dead 1 s after SIGKILL{why(tree.fence)}"
            self.tell("stop_failed", term=tree.term, because=because)

    def _on_gone(self) -> None:
        """Verified by the fence."""
        tree = self._tree
        assert tree is not None
        self._hear(tree)
        self._loop.unwatch(tree.channel.fileno())
        self._loop.unwatch(tree.pidfd)
        self._tree = None
        because = tree.last_words(self._children.status(tree.pid))
        if tree.is_orphan:
            self._give_notice()
        elif tree.asked:
            self._terms.release(tree.term)
            self._tell_released(tree.term, tree.asked)
        elif tree.term:
            failed = tree.exec_failed
            self.tell(
                "stopped", (), term=tree.term, because=because, asked=False, exec_failed=failed
            )
        elif tree.because:
            self.tell("warned", because=f"{tree.because}: it was killed")
        tree.bury()
        if tree.asked and not tree.is_orphan:
            self._loop.after(_RESPITE_MS, self._settle)
        else:  # It is to be started again here, or it was warm.
            self._settle()

    def _tell_released(self, term: int, because: str) -> None:
        hashes: Body = {
            "secret": self._terms.revealed,
            "next_secret_hash": self._terms.secret_hash,
        }
        self.tell("stopped", (), term=term, because=because, asked=True, **hashes)

    def _give_notice(self) -> None:
        """The leadership that died with its daemon is over: tell every peer, with the proof."""
        term, spec = self._terms.term, self.spec
        if term and spec:
            secret = self._terms.release(term)
            self._will.send(notice.released(spec.pool, spec.member, term, secret))
