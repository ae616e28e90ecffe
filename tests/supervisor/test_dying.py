"""The daemon's death is seen before the kernel has taken down its memory."""

import _thread
import fcntl
import mmap
import os
import signal
import socket
from pathlib import Path

import pytest

from hadelect.supervisor import dying, packets
from hadelect.supervisor.loop import Loop
from hadelect.supervisor.packets import JunkError, Packet
from tests.supervisor.harness import Had, until


def test_notice_before_the_end(had: Had) -> None:
    """The tree of a daemon whose main thread is gone is killed and told at once, while its socket
    is still open and its process still there.
    """
    had.running("forks")
    daemon = had.daemon
    had.order("half-die")
    assert had.expect_notice().term == 1
    assert Path(f"/proc/{daemon}").exists(), "seen by its end only"
    assert not had.living()


def test_frozen_is_not_dying(had: Had) -> None:
    """A daemon that is stopped lives: its tree goes on until the deadline."""
    had.running()
    had.kill(had.daemon, signal.SIGSTOP)
    had.kill(had.daemon, signal.SIGCONT)
    had.order("ping")
    had.expect("pong")
    assert had.living()
    assert not had.notices()


@pytest.mark.parametrize("marks", [True, False])
def test_next_daemon_is_watched_too(had: Had, *, marks: bool) -> None:
    """Each daemon has a page and a thread of its own; nothing is left of the one before, not even
    of one that had unmapped its page and so ended without a mark.
    """

    def held() -> tuple[int, int]:
        threads = Path(f"/proc/{had.process.pid}/task").iterdir()
        return len(list(threads)), descriptors_of(had.process.pid)

    had.ready()
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped")  # All that was said before is obeyed by now.
    threads, descriptors = held()
    assert threads == 2
    if marks:
        had.kill(had.daemon)
    else:
        had.order("exit", code=5, unmarked=True)
    had.ready()
    until(lambda: held() == (2, descriptors))


def descriptors_of(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def said(*fds: int) -> Packet:
    """A `mortal` as it arrives."""
    return Packet({"do": dying.WORD}, list(fds), 0)


def test_what_is_no_page_is_refused() -> None:
    """Without a descriptor, or with one that may shrink under us, it is junk."""
    loop = Loop()
    unsealed = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, mmap.PAGESIZE)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for packet in (said(), said(unsealed, unsealed), said(unsealed), said(ours.fileno())):
            with pytest.raises(JunkError, match="mortal"):
                dying.Watch(loop, packet, lambda: None)
    os.close(unsealed)


def test_no_thread_to_be_had() -> None:
    """The supervisor goes on without: the closing socket will say the same."""
    page = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(page, mmap.PAGESIZE)
    fcntl.fcntl(page, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    loop, before = Loop(), descriptors_of("self")
    size = _thread.stack_size(1 << 46)  # More than there is room for.
    try:
        with pytest.raises(JunkError, match="can't start new thread"):
            dying.Watch(loop, said(page), lambda: None)
    finally:
        _thread.stack_size(size)
        os.close(page)
    assert descriptors_of("self") < before  # The page is closed; more may be by the collector.


def test_a_life_is_told_with_its_page() -> None:
    """The daemon's side: one packet with one descriptor, held by this very thread."""
    ours, theirs = packets.pair()
    with ours, theirs:
        life = dying.Life(theirs.fileno())
        packet = packets.receive(ours)
    assert life.is_held
    assert packet is not None
    assert (packet.do, len(packet.fds)) == (dying.WORD, 1)
    for fd in packet.fds:
        os.close(fd)
