"""The daemon's death is seen before the kernel has taken down its memory."""

import os
import signal
import socket
from pathlib import Path

import pytest

from hadelect.supervisor import dying, packets
from hadelect.supervisor.loop import Loop
from hadelect.supervisor.packets import JunkError, Packet
from tests.supervisor.harness import Had, is_alive, until


def test_notice_before_the_end(had: Had) -> None:
    """A daemon with much memory is still being taken down when its tree is dead, and told."""
    had.running("forks")
    had.order("weigh", megabytes=512)
    had.expect("weighs")
    daemon = had.daemon
    had.kill(daemon)
    notice = had.expect_notice()
    assert is_alive(daemon), "seen by its socket only"
    assert notice.term == 1
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


def test_next_daemon_is_watched_too(had: Had) -> None:
    """Each daemon has a page and a thread of its own; nothing is left of the one before."""

    def held() -> tuple[int, int]:
        process = Path(f"/proc/{had.process.pid}")
        return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))

    had.ready()
    threads, descriptors = held()
    assert threads == 2
    had.kill(had.daemon)
    had.ready()
    until(lambda: held() == (2, descriptors))


def said(*fds: int) -> Packet:
    """A `mortal` as it arrives."""
    return Packet({"do": dying.WORD}, list(fds), 0)


def test_what_is_no_page_is_refused() -> None:
    """Without a descriptor, or with one that may shrink under us, it is junk."""
    loop = Loop()
    unsealed = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for packet in (said(), said(unsealed, unsealed), said(unsealed), said(ours.fileno())):
            with pytest.raises(JunkError, match="mortal"):
                dying.Watch(loop, packet, lambda: None)
    os.close(unsealed)


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
