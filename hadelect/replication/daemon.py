"""One replication daemon: the parts, put together, started and stopped in order.

Law: nothing here belongs to the process (signals, exit codes are process.py's), so that several
daemons can live in one process, as they do in tests.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hadelect import __version__
from hadelect.config.model import Config, ReplicationSpec
from hadelect.config.schema import Change
from hadelect.core.replication.effects import Emit, Matter
from hadelect.core.replication.events import Found, Heard, PeerDown, PeerUp, Reloaded
from hadelect.core.replication.messages import Advert
from hadelect.core.vocabulary import Name
from hadelect.pb import replication_pb2 as pb
from hadelect.replication.command import Command
from hadelect.replication.download import Downloads
from hadelect.replication.driver import Core, Driver, World
from hadelect.replication.files import Files, Tools
from hadelect.replication.idle import Idle
from hadelect.replication.local import Local
from hadelect.replication.metrics import Metrics
from hadelect.replication.notes import Notes
from hadelect.replication.notice import Notice
from hadelect.replication.orders import Orders
from hadelect.replication.rate import Rate
from hadelect.replication.serve import Shelf, Uploads
from hadelect.replication.service import Services, server_of
from hadelect.replication.shown import PeerView, Shown, Sources
from hadelect.replication.start import Prepared, addresses_of, options_of, ours_of, rules_of
from hadelect.replication.store import Store
from hadelect.replication.watch import Watches
from hadelect.replication.worker import Worker
from hadelect.runtime import expiry, listening
from hadelect.runtime.http import HttpServer, HttpView
from hadelect.runtime.listening import PortError
from hadelect.runtime.reload import Found as FoundFiles
from hadelect.runtime.reload import Outcome, Reloader
from hadelect.runtime.resolver import AddressBook, Lookup, Resolver, lookup
from hadelect.runtime.systemd import Notifier

PULSE_SECONDS = 1.0
DEAD_AFTER = 5.0  # Seconds without a pulse: the loop does not advance.
FAREWELL_SECONDS = 0.5
QUIET = {Matter.VERSION, Matter.INSTALLED}  # As often as the state changes: for D_FULLDEBUG.
FOR_HAD = {Matter.CONFLICT, Matter.LOSS, Matter.REFUSED, Matter.OPERATOR}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process gives its daemon."""

    core: Core
    crashed: Callable[[], None]
    systemd: Notifier
    look: Lookup = lookup
    read: Callable[[], Config] | None = None  # The configuration, once more; may raise ConfigError.


class Daemon:
    """To be made inside a running loop, by `open`."""

    @classmethod
    async def open(cls, prepared: Prepared, around: Surroundings) -> "Daemon":
        """Raises StoreError."""
        worker = Worker()
        store = await worker.do(lambda: Store.open(*options_of(prepared.config)))
        return cls(prepared, around, (worker, store))

    def __init__(self, prepared: Prepared, around: Surroundings, opened: Any) -> None:
        self._prepared = prepared
        self._systemd = around.systemd
        self._worker, self.store = opened
        self.config, self.log = prepared.config, prepared.log
        rules = prepared.rules
        self.metrics = Metrics(rules.peers)
        self.driver = Driver(rules, around.core, around.crashed)
        self._reloads = Reloader(self, around.read or (lambda: prepared.config))
        ours = ours_of(prepared)
        self.book = AddressBook(addresses_of(self.config), Resolver(around.look), lambda: None)
        self.watches = Watches(ours, self.book, self)
        shelf = self._shelf()
        self.downloads = Downloads(ours, self.watches, shelf)
        self.local = Local(self.config.pool, rules.me, self.driver.hear, self._counts)
        self.local.note = self.note
        self.notice = Notice(
            self.spec.roots, lambda: self.spec.settle, self.driver.hear, self._trouble
        )
        self._files(around.crashed)
        self.notes = Notes(self.config.state_dir, self._trouble)
        uploads = Uploads(ours, shelf, self.book.host)
        self._server = server_of(
            Services(self.watches, uploads, self.local, self.orders, self.metrics)
        )
        self._http: HttpServer | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pulse_at = asyncio.get_running_loop().time()

    def _shelf(self) -> Shelf:
        return Shelf(
            store=self.store,
            worker=self._worker,
            rate=Rate(lambda: self.spec.rate_limit),
            rate_in=Rate(lambda: self.spec.rate_limit),
            metrics=self.metrics,
            packed=lambda: self.spec.compression == "zstd",
            lifetime=lambda: self.spec.transfer_lifetime,
        )

    def _files(self, crashed: Callable[[], None]) -> None:
        command = Command(lambda: self.spec.snapshot_command, lambda: self.local.controllee_may_run)
        tools = Tools(self.store, self._worker, self.notice, self.downloads, command, self.metrics)
        self.files = Files(tools, self.driver.hear, crashed)
        sources = Sources(
            pool=self.config.pool,
            me=self.driver.rules.me,
            roots=self.spec.roots,
            store=self.store,
            worker=self._worker,
            local=self.local,
            downloads=self.downloads,
            replica=lambda: self.driver.replica,
            peers=self._peers,
        )
        self.shown = Shown(sources)
        self.idle = Idle(self.store, self._worker, self._trouble)
        self.files.done = self._worked
        self.files.warned = self._trouble
        self.downloads.changed = self.shown.touch
        self.orders = Orders(self.driver, self.shown, self.store, self._worker)
        self.orders.roots, self.orders.tell = self.spec.roots, self._told

    @property
    def spec(self) -> ReplicationSpec:
        assert self.config.replication is not None
        return self.config.replication

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the doors and take part. Raises PortError."""
        prepared = self._prepared
        listening.add_ports(
            self._server, prepared.place, prepared.tls, self.config.replication_socket
        )
        self._serve_http()
        await self._server.start()
        noted = self.notes.read()
        await self.shown.refreshed()
        world = World(
            self.files, self.watches, self.local, self.notes, self._emit, self.metrics.late
        )
        found = Found(self.store.held, noted.known, noted.age_ms, noted.others)
        self.driver.boot(world, found)
        self.note(f"hadelect {__version__}, replication of {self._roots()}")
        for warning in self.config.warnings:
            self.note(warning, warning=True)
        self._systemd.ready("replicating")

    async def run(self) -> int:
        """Until `stop_soon`; the exit code. An error in one of the parts is raised."""
        own = self.notice.run(), self.idle.run(), self._pulse()
        ending = expiry.watch(self._prepared.tls, self.log.warning)
        for part in (self.watches.run(), self.book.keep(), *own, ending):
            self._tasks.add(asyncio.get_running_loop().create_task(part))
        lasting = set(self._tasks)
        while not self.ended.done():
            done, _ = await asyncio.wait(
                {self.ended, *lasting}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done & lasting:
                task.result()  # Raises what went wrong in it.
                lasting.discard(task)
        return self.ended.result()

    def stop_soon(self) -> None:
        if not self.ended.done():
            self.ended.set_result(0)

    async def stop(self) -> None:
        """Say the last words, close the doors. What is on the disk is whole at every instant."""
        self.watches.close()
        self.shown.close()
        self.local.close()
        self.driver.close()
        self.notice.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop(FAREWELL_SECONDS)
        if self._http is not None:
            await asyncio.to_thread(self._http.close)
        self.notes.close()
        self._worker.close()
        self.log.close()

    async def _pulse(self) -> None:
        watchdog = self._systemd.watchdog_seconds
        while True:
            self._pulse_at = asyncio.get_running_loop().time()
            if watchdog is not None:
                self._systemd.watchdog()
            await asyncio.sleep(min(PULSE_SECONDS, watchdog or PULSE_SECONDS))

    def _worked(self) -> None:
        self.shown.refresh()
        self.idle.wake()

    def _roots(self) -> str:
        return ", ".join(str(root) for root in self.spec.roots)

    # --- what the streams bring: watch.Ears ----------------------------------------------------

    def peer_up(self, name: Name) -> None:
        self.driver.hear(PeerUp(name))
        self.shown.touch()

    def peer_down(self, name: Name, because: str) -> None:
        self.driver.hear(PeerDown(name, because))
        self.shown.touch()

    def heard(self, name: Name, advert: Advert) -> None:
        self.driver.hear(Heard(name, advert))

    def refused(self, because: str) -> None:
        self.metrics.refused(because)

    def _peers(self) -> Sequence[PeerView]:
        watches = self.watches
        return [
            PeerView(name, watches.trouble(name), watches.advert(name))
            for name in self.driver.rules.peers
        ]

    # --- words ---------------------------------------------------------------------------------

    def note(self, text: str, *, warning: bool = False) -> None:
        if warning:
            self.log.warning(text)
        else:
            self.log.info(text)

    def _trouble(self, text: str) -> None:
        self.note(text, warning=True)

    def _told(self, text: str) -> None:
        self.note(text)
        self.local.tell(text, warning=False)

    def _emit(self, effect: Emit) -> None:
        fields = {"matter": effect.matter.value, "version": str(effect.version or "")}
        if effect.warning:
            self.log.warning(effect.because, **fields)
        elif effect.matter in QUIET:
            self.log.debug(effect.because, **fields)
        else:
            self.log.info(effect.because, **fields)
        if effect.matter in FOR_HAD:
            self.local.tell(effect.because, warning=effect.warning)

    def _counts(self) -> pb.Counts:
        metrics = self.metrics
        return pb.Counts(
            bytes_in=metrics.bytes_in,
            bytes_out=metrics.bytes_out,
            conflicts=metrics.conflicts,
            asides=len(self.shown.asides),
        )

    # --- a reload: runtime.reload.Reloadable ---------------------------------------------------

    def reload(self, operator: str) -> None:
        """Begin one; it says itself how it ended."""
        self._reloads.ask(operator)

    def reloading(self) -> None:
        self._systemd.reloading()

    def keep(self, outcome: Outcome) -> None:
        self.metrics.reload_failed.set(1)
        self.note(outcome.text, warning=True)
        self._systemd.ready("replicating")

    def adopt(self, found: FoundFiles, outcome: Outcome) -> Outcome:
        config = found.merged
        if found.pair is not None and self._prepared.tls is not None:
            self._prepared.tls.renew(found.pair)
        self.log.reopen(found.log, debug=config.log.debug)
        self.config = config
        self.driver.rules = rules_of(config)
        self.store.keep = self.spec.keep
        self.driver.hear(Reloaded())
        waiting = tuple(str(one) for one in outcome.differences if one.change is Change.RESTART)
        self.note(outcome.text, warning=bool(waiting))
        self.metrics.reload_failed.set(0)
        self._systemd.ready("replicating")
        return replace(outcome, warnings=(*config.warnings, *waiting))

    # --- HTTP ----------------------------------------------------------------------------------

    def _serve_http(self) -> None:
        """Raises PortError."""
        address = self.spec.http_address
        if address is None:
            return
        now = asyncio.get_running_loop().time
        view = HttpView(
            leads=lambda: self.local.told.leads,
            alive=lambda: now() - self._pulse_at < DEAD_AFTER,
            ready=lambda: self.driver.replica.ready,
            status=lambda: {"version": str(self.driver.replica.version or "")},
            page=lambda: f"{self.driver.replica}\n",
            metrics=self._metrics_text,
        )
        try:
            self._http = HttpServer(address, view)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise PortError(
                f"REPLICATION_HTTP_ADDRESS: {address[0]}:{address[1]}: {why};"
                " name another address, or off"
            ) from None
        if address[1] == 0:
            self.note(f"HTTP on port {self._http.port}")

    @property
    def http_port(self) -> int | None:
        return self._http.port if self._http is not None else None

    def _metrics_text(self) -> bytes:
        metrics = self.metrics
        metrics.asides.set(len(self.shown.asides))
        metrics.had_up.set(self.local.connected)
        metrics.lines_dropped.labels("log").set(self.log.dropped)
        if self._prepared.tls is not None:
            metrics.certificate.set(self._prepared.tls.expires_at)
        connected = {name: self.watches.connected(name) for name in self.driver.rules.peers}
        return metrics.text(self.driver.replica, connected)
