"""Fork and exec of the controllee: what it is given, and what it is not.

1. It gets a session of its own, its user, /dev/null, two pipes and default signals; none of our
   descriptors. A pipe that closes at exec tells the init how it went.
2. The fork happens ahead of need: a start is a word through a pipe, and the exec. Until that word
   comes its process is the init's, root, deaf to signals, and dies with the init; if somebody kills
   it all the same, the start forks another one.
3. It does not exec once the deadline that came with the word has passed.
"""

from __future__ import annotations

import errno
import os

from hadelect.supervisor import child
from hadelect.supervisor.linux import boottime_ms, name_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hadelect.supervisor.spec import Spec

REMEDIES = {
    errno.ENOENT: "set {name} to the full path of an existing program",
    errno.EACCES: "make it executable for its user, or correct {name} and {name}_USER",
    errno.ENOEXEC: "it is no program for this machine; a script needs a #! line",
    errno.EPERM: "{name}_USER needs hadelect to run as root",
}


class Program:
    """`prepare` while the init is warm, then one `start`."""

    __slots__ = ("_err", "_ignored", "_out", "_pid", "_spec", "_told", "_word")

    def __init__(self, spec: Spec, out: int, err: int) -> None:
        self._spec = spec
        self._out = out  # Write ends of the pipes; ours to close.
        self._err = err
        self._ignored: list[int] = []
        self._pid = 0  # Of the process that waits for our word.
        self._word = self._told = -1

    def prepare(self) -> None:
        self._ignored = child.ignored()
        self._fork()

    def start(self, term: int, deadline: int) -> tuple[int, int]:
        """(pid, pipe): the pipe closes empty when the program runs, else it says why not."""
        word = f"{term} {deadline}".encode()
        try:
            os.write(self._word, word)
        except BrokenPipeError:  # The one that waited was killed.
            os.close(self._word)
            os.close(self._told)
            self._fork()
            os.write(self._word, word)
        for fd in (self._word, self._out, self._err):
            os.close(fd)
        return self._pid, self._told

    def _fork(self) -> None:
        self._told, tells = os.pipe2(os.O_CLOEXEC)
        heard, self._word = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            self._become(heard, tells)
        os.close(heard)
        os.close(tells)

    def _become(self, heard: int, tells: int) -> NoReturn:
        spec = self._spec
        try:
            name_process("hadelect-warm")
            child.stand_alone(self._out, self._err, heard, tells)
            spec.environment_of(0)  # Once ahead: then its pages are ours, not shared, already.
            term, deadline = await_word(heard)
            environment = spec.environment_of(term)
            child.hear_again(self._ignored)
            if spec.user:
                child.change_user(spec.user)
            if boottime_ms() < deadline:
                os.execvpe(spec.argv[0], spec.argv, environment)  # noqa: S606
        except OSError as error:
            child.tell_failed(tells, error)
        finally:
            os._exit(child.NOT_RUN)


def await_word(heard: int) -> tuple[int, int]:
    """(term, deadline); this process ends when the init does."""
    word = os.read(heard, 64).split()
    if len(word) != 2:
        os._exit(0)
    return int(word[0]), int(word[1])


def failure(spec: Spec, said: bytes) -> str:
    """What the pipe said, with the remedy."""
    number = int(said or b"0")
    remedy = REMEDIES.get(number, "correct {name}").format(name=spec.controllee)
    return f"cannot run {spec.argv[0]}: {os.strerror(number)}; {remedy}"
