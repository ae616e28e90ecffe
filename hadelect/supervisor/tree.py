"""One init and everything below it, as the supervisor sees it.

1. The fork happens ahead of need, in a middle process that enters the new PID namespace and ends:
   the supervisor's own namespaces never change, and the init becomes its child.
2. The record of an earlier life names the init before the init may start anything.
3. A tree is gone when its fence says so, never because of what its init says.
"""

from __future__ import annotations

import os
import select
import signal
import socket

from hadelect.supervisor import earlier, fence, packets, state_lock
from hadelect.supervisor.external_fence import ExternalFence
from hadelect.supervisor.external_init import ExternalInit
from hadelect.supervisor.init import Init
from hadelect.supervisor.linux import (
    CLONE_NEWPID,
    boottime_ms,
    enter_user_namespace,
    exit_words,
    unshare,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import NoReturn

    from hadelect.supervisor.command import Reaper
    from hadelect.supervisor.ending import Ending
    from hadelect.supervisor.fence import Fence
    from hadelect.supervisor.spec import Spec
    from hadelect.supervisor.terms import Terms

    Enclose = Callable[[str, int, int, str], Fence]

EXTERNAL = "external"  # The kind of a tree that another manager runs.
_BIRTH_S = 2.0  # How long an init may take to say that it is prepared.


class UnableError(Exception):
    """This kind of fence is not to be had here; the text says why."""


class UnrecordedError(UnableError):
    """No fence helps: what is not on record may not start."""


class Tree:
    __slots__ = (
        *("asked", "because", "cgroup", "channel", "deadline", "ending", "exec_failed", "fence"),
        *("is_orphan", "kind", "outputs", "pid", "pidfd", "state_lock", "term"),
    )

    def __init__(self, kind: str, pid: int, channel: socket.socket, outputs: list[int]) -> None:
        self.kind = kind  # namespace, cgroup, subreaper or external.
        self.pid = pid  # Of the init, in our numbers.
        self.pidfd = os.pidfd_open(pid)
        self.channel = channel
        self.outputs = outputs  # Read ends of the controllee's stdout and stderr.
        self.cgroup = ""
        self.state_lock = state_lock.NONE  # The init's, open here too.
        self.fence: Fence = fence.NamespaceFence(self.pidfd)
        self.term = 0  # 0 until it is told to start.
        self.deadline = 0
        self.asked = ""  # Why the daemon wants its end; "" = it does not.
        self.is_orphan = False  # The daemon that raised it is gone.
        self.ending: Ending | None = None  # Set once SIGKILL is due.
        self.because = ""  # The init's own last words.
        self.exec_failed = False

    def facts(self) -> packets.Body:
        """What the daemon needs to make a fence of its own, together with the pidfd."""
        return {"fence": self.kind, "pid": self.pid, "cgroup": self.cgroup}

    def fence_for(self, started: Container[int]) -> Fence:
        """The orphans of a subreaper's killed init are our children, as are those we `started`."""
        if isinstance(self.fence, fence.SubreaperFence):
            self.fence.spared = started
        return self.fence

    # --- what another manager runs ---

    def enclose_external(self, spec: Spec, reaper: Reaper) -> None:
        """Around the init and its commands: the fence around what the other manager runs."""
        if spec.external:
            self.fence = ExternalFence(spec.external, self.fence, reaper)

    def start(self, term: int, deadline: int) -> bool:
        """Whether the init could be told."""
        self.term, self.deadline = term, deadline
        if isinstance(self.fence, ExternalFence):
            self.fence.term = term
        return self.tell(do="start", term=term, deadline=deadline)

    def heard_running(self) -> None:
        if isinstance(self.fence, ExternalFence):
            self.fence.was_alive = True

    def heard_ended(self, body: packets.Body) -> None:
        if isinstance(self.fence, ExternalFence):
            self.fence.asks_first = body.get("stopped") is True

    # --- words to and from the init ---

    def tell(self, **body: object) -> bool:
        return packets.send(self.channel, body)

    def hear(self) -> tuple[list[packets.Packet], bool]:
        """All that the init has said so far, and whether it may say more."""
        heard: list[packets.Packet] = []
        while True:
            try:
                packet = packets.receive(self.channel)
            except BlockingIOError:
                return heard, True
            except packets.JunkError:
                return heard, False
            if packet is None:
                return heard, False
            if packet.do == "started" and isinstance(self.fence, fence.NamespaceFence):
                self.fence.first = self._pidfd_inside(packet.pid)
            heard.append(packet)

    def _pidfd_inside(self, pid: int) -> int:
        """Of a process of this very namespace, whoever has its number by now; -1 if of none."""
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return -1
        if _namespace(pid) == _namespace(self.pid) != "":
            return pidfd
        os.close(pidfd)
        return -1

    def last_words(self, status: int | None) -> str:
        """Why it ended; `status`: the init's, if anybody knows it."""
        ended = f"its init was ended by {exit_words(status)}" if status else "its init ended"
        return self.because or ended

    def close_outputs(self) -> None:
        for fd in self.outputs:
            os.close(fd)
        self.outputs = []

    def bury(self) -> None:
        """It is gone: give back what it held."""
        state_lock.close(self.state_lock)
        self.close_outputs()
        self.channel.close()
        if isinstance(self.fence, fence.NamespaceFence) and self.fence.first >= 0:
            os.close(self.fence.first)
        os.close(self.pidfd)
        if self.cgroup:
            fence.remove_cgroup(self.cgroup)


def start_refusal(tree: Tree | None, terms: Terms, term: int, deadline: int) -> str:
    """Why `term` cannot start in this tree now; "" if it can."""
    if tree and tree.ending:
        return "the tree before it is not gone yet"
    if tree and tree.term:
        return f"term {tree.term} runs here"
    if because := terms.refusal(term):
        return because
    if tree is None:
        return "there is no init to start it"
    return "its deadline has passed" if deadline <= boottime_ms() else ""


def adjust(spec: Spec | None, tree: Tree | None, body: packets.Body) -> None:
    """A reload, for us and for an init that is there already. Raises JunkError."""
    if spec is None:
        raise packets.JunkError("adjust comes after configure")
    spec.adjust(body)
    if tree:
        tree.tell(**body)


def _namespace(pid: int) -> str:
    """Of which it is a process; "" when it has ended or is none of our business."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def raise_tree(spec: Spec, enclose: Enclose | None) -> Tree:
    """A warm init behind the best fence that is allowed here; UnableError if there is none."""
    if spec.external:
        return _raise_one(spec, EXTERNAL, enclose)
    kinds = fence.KINDS if spec.fence == "auto" else (spec.fence,)
    reasons = []
    for kind in kinds:
        if kind == "subreaper" and not spec.may_be_unfenced:
            reasons.append("subreaper: cannot be sure of the whole tree, which majority needs")
            continue
        try:
            return _raise_one(spec, kind, enclose)
        except UnrecordedError:
            raise
        except UnableError as error:
            reasons.append(f"{kind}: {error}")
    raise UnableError(
        f"HAD_FENCE_TREE = {spec.fence}: no fence for the controllee ({'; '.join(reasons)}); "
        "run hadelect as root, or in a container with CAP_SYS_ADMIN, "
        "or set HAD_ALLOW_UNFENCED = true"
    )


def _raise_one(spec: Spec, kind: str, enclose: Enclose | None) -> Tree:
    lock = _open_lock(spec)
    tree = _fork(spec, kind, lock)
    tree.state_lock = lock
    try:
        if kind == EXTERNAL:
            tree.cgroup = fence.cgroup_if_any(f"hadelect-{tree.pid}-{os.urandom(4).hex()}")
            tree.fence = fence.fence_of(kind, tree.pid, tree.pidfd, tree.cgroup)
        elif kind == "cgroup":
            tree.cgroup = fence.cgroup_path(f"hadelect-{tree.pid}-{os.urandom(4).hex()}")
            tree.fence = fence.CgroupFence(tree.cgroup)
        elif kind == "subreaper":
            tree.fence = fence.SubreaperFence(tree.pid, tree.pidfd, os.getpid())
        if enclose:
            tree.fence = enclose(kind, tree.pid, tree.pidfd, tree.cgroup)
        _record(spec, kind, tree)
        if tree.cgroup:
            if kind != EXTERNAL:
                fence.make_cgroup(tree.cgroup)
            fence.enter_cgroup(tree.cgroup, tree.pid)
        tree.tell(do="prepare", cgroup=tree.cgroup)
        _await_prepared(tree)
    except (OSError, UnableError) as error:
        signal.pidfd_send_signal(tree.pidfd, signal.SIGKILL)
        os.waitpid(tree.pid, 0)
        tree.bury()
        if isinstance(error, UnableError):
            raise
        raise UnableError(str(error)) from None
    return tree


def _open_lock(spec: Spec) -> int:
    try:
        return state_lock.opened(spec.state_lock)
    except OSError as error:
        raise UnrecordedError(
            f"{spec.state_lock} cannot be opened ({error.strerror}), and without it another version"
            " of the state could be installed under what runs; make HAD_STATE_DIR writable"
        ) from None


def _record(spec: Spec, kind: str, tree: Tree) -> None:
    try:
        earlier.record(spec.state_dir, kind, tree.pid, tree.cgroup, spec.external)
    except OSError as error:
        raise UnrecordedError(
            f"HAD_STATE_DIR {spec.state_dir}: {earlier.FILE} cannot be written ({error.strerror}), "
            f"and what is not on record must not start; make room, or replace the disk"
        ) from None


def _await_prepared(tree: Tree) -> None:
    poll = select.poll()
    poll.register(tree.channel.fileno(), select.POLLIN)
    if not poll.poll(_BIRTH_S * 1000):
        raise UnableError(f"the init was not prepared within {_BIRTH_S:g} s")
    packet = packets.receive(tree.channel)
    if packet is None:
        raise UnableError("the init ended")
    if packet.do != "prepared":
        raise UnableError(packets.text(packet.body, "because"))


# --- the fork ---


def _fork(spec: Spec, kind: str, lock: int) -> Tree:
    ours, theirs = packets.pair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    out, out_end = os.pipe2(os.O_CLOEXEC)
    err, err_end = os.pipe2(os.O_CLOEXEC)
    if spec.user and os.geteuid() == 0:
        for fd in (out_end, err_end):  # /dev/stdout opens anew, with the rights of its owner.
            os.fchown(fd, spec.user.uid, spec.user.gid)
    ends = (out_end, err_end)
    init = (
        ExternalInit(spec, theirs, ends, lock)
        if spec.external
        else Init(spec, kind, theirs, ends, lock)
    )
    try:
        pid = _fork_namespace(init) if kind == "namespace" else _fork_plain(init)
        return Tree(kind, pid, ours, [out, err])
    except (OSError, UnableError):
        for fd in (out, err):
            os.close(fd)
        state_lock.close(lock)
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(out_end)
        os.close(err_end)


def _fork_plain(init: Init) -> int:
    pid = os.fork()
    if pid == 0:
        init.run()
    return pid


def _fork_namespace(init: Init) -> int:
    """The middle process says the init's pid, or why there is none, and ends."""
    told, tells = os.pipe2(os.O_CLOEXEC)
    middle = os.fork()
    if middle == 0:
        _be_middle(init, tells)
    os.close(tells)
    os.waitpid(middle, 0)
    said = os.read(told, 256).decode()
    os.close(told)
    if not said.isdecimal():
        raise UnableError(said or "the fork into a PID namespace failed")
    return int(said)


def _be_middle(init: Init, tells: int) -> NoReturn:
    try:
        if os.geteuid() != 0:
            enter_user_namespace()
        unshare(CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            init.run()
        os.write(tells, str(pid).encode())
    except OSError as error:
        os.write(tells, str(error).encode())
    finally:
        os._exit(0)
