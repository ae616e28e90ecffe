"""Stands in for hadelect.daemon: obeys JSON lines on stdin, prints each event as a JSON line.

It is real where it matters: a process of its own that speaks through SupervisorClient.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from hadelect.config.model import (
    Address,
    Config,
    ControlleeSpec,
    ErrandSpec,
    ExternalSpec,
    LogSpec,
    ReplicationSpec,
)
from hadelect.core.effects import Cancel, End, Extend, Retitle, Run, Start, Stop
from hadelect.core.events import Event
from hadelect.core.vocabulary import Cause, Errand, Millis, Name, Term
from hadelect.runtime.supervisor_client import SupervisorClient
from hadelect.supervisor.dying import Life
from hadelect.supervisor.linux import boottime_ms

SYS_EXIT = {"x86_64": 60, "aarch64": 93}


def config_of(given: dict[str, Any]) -> Config:
    me = Address(given["member"], "127.0.0.1", 1)
    spec = dict(given["controllee"])
    spec["argv"] = tuple(spec["argv"])
    if external := spec.get("external"):
        words: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in external.items()
        }
        spec["external"] = ExternalSpec(**words)
    spec["environment"] = tuple(tuple(pair) for pair in spec.get("environment", ()))
    return Config(
        pool="pool",
        me=me,
        members=() if given.get("witness") else (me,),
        witnesses=(me,) if given.get("witness") else (),
        arbitration=given.get("arbitration", "majority"),
        use_primary=False,
        preempt_delay=0,
        connection_timeout=5,
        heartbeat=0.1,
        lease=given.get("lease", 1.2),
        margin=given.get("margin", 0.3),
        restart_limit=3,
        restart_window=300,
        unfit_cooldown=360,
        controllee=ControlleeSpec(name="NEGOTIATOR", **spec),
        errands=tuple(
            (key, ErrandSpec(key, tuple(argv), limit))
            for key, (argv, limit) in given.get("errands", {}).items()
        ),
        fence_tree=given.get("fence", "auto"),
        allow_unfenced=given.get("allow_unfenced", False),
        state_dir=Path(given["state_dir"]),
        control_socket=Path("unused"),
        http_address=None,
        log=LogSpec(),
        tls=None,
        allow_insecure=True,
        replication=replication_of(me) if given.get("replicates") else None,
    )


def replication_of(me: Address) -> ReplicationSpec:
    """That there is one is all that the supervisor is told."""
    return ReplicationSpec(
        daemons=(me,),
        me=me,
        roots=(),
        interval=300,
        settle=0.05,
        max_lag=300,
        flush_timeout=30,
        keep=5,
        transfer_lifetime=300,
        rate_limit=0,
        compression="none",
        key_file=None,
        snapshot_command=(),
        http_address=None,
        log=LogSpec(),
    )


class StandIn:
    def __init__(self) -> None:
        self.fd = int(os.environ["HADELECT_SUPERVISOR_FD"])
        self.life: Life | None = Life(self.fd)
        self.client = SupervisorClient(
            self.fd, self.on_event, self.on_output, self.on_lost, self.on_error
        )
        self.ordered_at = 0
        self.extending: asyncio.Task[None] | None = None

    def say(self, **line: object) -> None:
        os.write(1, (json.dumps(line) + "\n").encode())

    def on_event(self, event: Event) -> None:
        fields = {
            name: value.value if isinstance(value, Enum) else value
            for name, value in asdict(event).items()
        }
        known = {"fence": self.client.fence_kind, "init": self.client.init_pid}
        took_ms = (time.perf_counter_ns() - self.ordered_at) / 1e6  # Since the last order.
        at = boottime_ms()
        self.say(event=type(event).__name__, at=at, took_ms=took_ms, **known, **fields)

    def on_output(self, stream: str, line: str) -> None:
        self.say(event="output", stream=stream, line=line)

    def on_lost(self) -> None:
        self.say(event="lost", at=boottime_ms())
        os._exit(3)

    def on_error(self, text: str) -> None:
        self.say(event="error", text=text)
        os._exit(78)

    def obey(self, order: dict[str, Any]) -> None:
        self.ordered_at = time.perf_counter_ns()
        term = Term(order.get("term", 0))
        deadline = Millis(boottime_ms() + order.get("for_ms", 0))
        match order["do"]:
            case "configure":
                self.client.configure(config_of(order))
            case "adjust":
                self.client.adjust(config_of(order))
            case "peers":
                self.client.set_peers([tuple(peer) for peer in order["peers"]])
            case "start":
                self.client.start(Start(term, deadline))
            case "extend":
                self.client.extend(Extend(term, deadline))
            case "keep":  # Extend at 10 Hz until told otherwise.
                self.extending = asyncio.create_task(self.keep(term, order["for_ms"]))
            case "leave":  # No longer.
                assert self.extending
                self.extending.cancel()
            case "stop":
                self.client.stop(Stop(term, kill=order["kill"], because="the test says so"))
            case "end":
                self.client.end(End(term, "the test says so"))
            case "run":
                errand, cause = Errand(order["errand"]), Cause(order.get("cause", "cold_start"))
                names = (Name(name) for name in order.get("change", ()))
                self.client.errands.run(Run(order["id"], errand, term, cause, *names))
            case "cancel":
                self.client.errands.cancel(Cancel(order["id"]))
            case "retitle":
                self.client.retitle(Retitle(term, Term(order["to"])))
            case "raw":  # Whatever it is, as one packet.
                os.write(self.fd, order["packet"].encode("latin-1"))
            case "start-and-die":  # The start is queued when the supervisor sees our end.
                self.client.start(Start(term, deadline))
                os.kill(os.getpid(), signal.SIGKILL)
            case "half-die":  # As a dying process looks while the kernel still takes it down.
                threading.Thread(target=signal.pause).start()
                ctypes.CDLL(None).syscall(SYS_EXIT[os.uname().machine], 0)  # This thread alone.
            case "ping":
                self.say(event="pong")
            case "exit":
                if order.get("unmarked"):  # The kernel finds no mutex of ours.
                    self.life = None
                sys.stdout.flush()
                os._exit(order["code"])

    async def keep(self, term: Term, for_ms: int) -> None:
        while True:
            self.client.extend(Extend(term, Millis(boottime_ms() + for_ms)))
            await asyncio.sleep(0.1)


async def main() -> None:
    stand_in = StandIn()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: stand_in.say(event="SIGTERM"))
    loop.add_signal_handler(signal.SIGINT, lambda: stand_in.say(event="SIGINT"))
    loop.add_signal_handler(signal.SIGHUP, lambda: stand_in.say(event="SIGHUP"))
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    stand_in.say(event="born", pid=os.getpid(), notify=os.environ.get("NOTIFY_SOCKET", ""))
    while line := await reader.readline():
        stand_in.obey(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main())
