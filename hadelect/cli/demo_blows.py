"""What `hadelect demo` does to a leader, and how it is put right again."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import assert_never

from hadelect.cli.demo_stage import Member
from hadelect.cli.demo_story import Blow

GONE_SECONDS = 10.0


def strike(member: Member, blow: Blow) -> int:
    """Deal the blow; the pid that was hit."""
    match blow:
        case Blow.KILL_DAEMON:
            return _hit(member.daemon(), signal.SIGKILL)
        case Blow.KILL_SUPERVISOR:
            return _hit(member.supervisor, signal.SIGKILL)
        case Blow.FREEZE_DAEMON:
            return _hit(member.daemon(), signal.SIGSTOP)
        case Blow.TERMINATE:
            return _hit(member.supervisor, signal.SIGTERM)
    assert_never(blow)


async def mend(member: Member, blow: Blow, struck: int) -> None:
    """Bring the member back: by a signal, by starting it as systemd would, or by leaving it be."""
    match blow:
        case Blow.KILL_DAEMON:
            return  # Its supervisor starts another.
        case Blow.FREEZE_DAEMON:
            with suppress(ProcessLookupError):
                os.kill(struck, signal.SIGCONT)
            return
        case Blow.KILL_SUPERVISOR | Blow.TERMINATE:
            await _ended(member)
            member.start()
            return
    assert_never(blow)


def _hit(pid: int | None, number: signal.Signals) -> int:
    if pid is None:
        return 0  # It has just gone by itself; the measure will show it.
    os.kill(pid, number)
    return pid


async def _ended(member: Member) -> None:
    for _ in range(int(GONE_SECONDS / 0.05)):
        if not member.is_up():
            return
        await asyncio.sleep(0.05)
