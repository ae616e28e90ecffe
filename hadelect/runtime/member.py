"""One running member: the parts, put together, started and stopped in order.

Law: nothing here belongs to the process (signals, exit codes are daemon.py's), so that several
members can live in one process, as they do in tests.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hadelect import __version__
from hadelect.config.model import Config
from hadelect.config.rules import rules_of
from hadelect.config.schema import Change
from hadelect.core import election
from hadelect.core.events import Reloaded
from hadelect.core.explain import explain
from hadelect.core.messages import Hello
from hadelect.core.render import explained
from hadelect.core.vocabulary import ControlleeState, Role
from hadelect.pb.control_pb2 import StatusReply
from hadelect.runtime import driver, expiry, history, listening, membership
from hadelect.runtime.archive import Archive
from hadelect.runtime.chronicle import Chronicle, Readers
from hadelect.runtime.control import ControlService
from hadelect.runtime.datagrams import Datagrams, Ports
from hadelect.runtime.driver import Driver, SupervisorPort, World
from hadelect.runtime.http import HttpServer, HttpView
from hadelect.runtime.listening import PortError
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.operate import Desk, Office
from hadelect.runtime.peers import Ours, Peers
from hadelect.runtime.prepare import Prepared
from hadelect.runtime.recorder import recorder_of
from hadelect.runtime.reload import Found, Outcome, Reloader
from hadelect.runtime.replica import client_of
from hadelect.runtime.resolver import AddressBook, Lookup, Resolver, lookup
from hadelect.runtime.server import Server, Services
from hadelect.runtime.status import Facts, line_of, page, status_dict, status_of
from hadelect.runtime.systemd import Notifier
from hadelect.runtime.watch import Gallery
from hadelect.runtime.wire import Wire

PULSE_SECONDS = 1.0
DEAD_AFTER = 3.0  # Seconds without a pulse: the loop does not advance.
DISK_SECONDS = 3.0  # A write that takes longer counts as failed until it returns.
FAREWELL_SECONDS = 0.5  # For the last words of the streams.


class Supervisor(SupervisorPort, Protocol):
    def set_peers(self, addresses: Iterable[tuple[str, int]]) -> None: ...
    def adjust(self, config: Config) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process gives its member."""

    crashed: Callable[[], None]
    systemd: Notifier
    core: driver.Core = election
    look: Lookup = lookup
    read: Callable[[], Config] | None = None  # The configuration, once more; may raise ConfigError.


class Member:
    """To be made inside a running loop."""

    def __init__(self, prepared: Prepared, around: Surroundings) -> None:
        self._prepared = prepared
        self._systemd = around.systemd
        self.log = prepared.log
        self.metrics = Metrics()
        if prepared.tls is not None:
            self.metrics.certificate.set(prepared.tls.expires_at)
        rules = self.rules = prepared.rules
        self.recorder = recorder_of(prepared.config, around.core)
        self.driver = Driver(rules, self.recorder or around.core, around.crashed)
        self.hear = self.driver.hear
        self._supervisor: Supervisor | None = None
        self.config = prepared.config
        self._reloads = Reloader(self, around.read or (lambda: prepared.config))
        self._config_changed = asyncio.Event()
        self.wire = wire = Wire(rules.me, rules.identity, prepared.config.digest)
        hello = Hello(rules.identity, __version__, secrets.token_hex(8))
        addresses = prepared.membership.addresses
        self.book = AddressBook(addresses, Resolver(around.look), self._addresses_changed)
        timeout = prepared.config.connection_timeout
        ours = Ours(rules, wire, hello, timeout, prepared.tls, self.metrics)
        self.peers = Peers(ours, self.book, self)
        self.datagrams = Datagrams(Ports(rules, self.book, self, self.metrics))
        config = prepared.config
        self._facts = Facts(rules, __version__, config.digest, config.warnings)
        self.gallery = Gallery(rules, self.status)
        office = Office(self.driver, wire, self.book, prepared.tls, self.status, self._patience)
        desk = Desk(office)
        self._archive = Archive(config.state_dir / history.FILE)
        control = ControlService(desk, self.gallery, self._archive, self._reloads.reload)
        self._server = Server(Services(self.peers, desk, control, self.metrics))
        self._http: HttpServer | None = None
        self._replication = client_of(config, self.driver, self.metrics.replicas)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pulse_at = self._loop_time()

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the doors. Raises PortError."""
        prepared = self._prepared
        config = prepared.config
        problems = []
        try:
            listening.add_ports(
                self._server.grpc, prepared.place, prepared.tls, config.control_socket
            )
        except PortError as error:
            problems.append(str(error))
        try:
            self._serve_http()
        except PortError as error:
            problems.append(str(error))
        if problems:
            raise PortError("\n".join(problems))
        await self.datagrams.listen(prepared.udp)
        await self._server.start()

    def boot(self, supervisor: Supervisor) -> None:
        """Take part: the core decides from here on."""
        self._supervisor = supervisor
        self._addresses_changed()
        store = self._prepared.store
        readers = Readers(self.log, self._prepared.history, self.metrics, self._systemd)
        self._chronicle = chronicle = Chronicle(self.rules, readers, self._took_part)
        beside = self._replication
        watching = (chronicle, self.gallery, *((beside,) if beside else ()))
        world = World(self.peers, self.datagrams, store, supervisor, watching, beside)
        self.driver.boot(world, store.found.record, same_boot=store.same_boot)

    async def run(self) -> int:
        """Until the core quits; its exit code. An error in one of the parts is raised."""
        beside = self._replication
        ending = expiry.watch(self._prepared.tls, self.log.warning)
        others = (ending, beside.keep()) if beside else (ending,)
        lasting_parts = (self.peers.run(), self.book.keep(), self._pulse(), self._tell_status())
        for part in (*lasting_parts, *others):
            self._task(part)
        lasting = set(self._tasks)
        while not self.driver.ended.done():
            waited = {self.driver.ended, *lasting}
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in done & lasting:
                task.result()  # Raises what went wrong in it.
                lasting.discard(task)
        return self.driver.ended.result()

    async def stop(self) -> None:
        """Say the last words, write what is queued, close the doors."""
        await self.peers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop(FAREWELL_SECONDS)
        self.datagrams.close()
        self._archive.close()
        if self._http is not None:
            await asyncio.to_thread(self._http.close)
        await asyncio.to_thread(self._prepared.store.close, DISK_SECONDS)
        self._prepared.history.close()
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)
        self.log.close()

    # --- parts that go on for ever -------------------------------------------------------------

    async def _pulse(self) -> None:
        """Proof that the loop advances, and what has to be looked at now and then."""
        watchdog = self._systemd.watchdog_seconds
        period = min(PULSE_SECONDS, watchdog or PULSE_SECONDS)
        while True:
            limit = max(DISK_SECONDS, self.rules.lease_ms / 1000)
            self._pulse_at = self._loop_time()
            if watchdog is not None:
                self._systemd.watchdog()
            self.peers.look(max(self.rules.lease_ms, self.driver.state.lease_ms))
            busy = self._prepared.store.busy_for()
            if busy > limit:
                self.driver.disk_hangs(f"the disk has not answered for {busy:.0f} s")
            await asyncio.sleep(period)

    async def _tell_status(self) -> None:
        while True:
            interval = max(PULSE_SECONDS, self.config.log.update_interval)
            try:
                async with asyncio.timeout(interval):
                    await self._config_changed.wait()
                self._config_changed.clear()
            except TimeoutError:
                self.log.info(line_of(self.status()))

    def _task(self, part: Any) -> None:
        task = asyncio.get_running_loop().create_task(part)
        self._tasks.add(task)

    # --- what the parts tell each other --------------------------------------------------------

    def last_words(self, text: str) -> None:
        """Before an end that is not clean: what must not be lost is written, in a second or two."""
        self.note(text, warning=True)
        if self.recorder is not None:
            self.recorder.close()
        self.log.close()

    def note(self, text: str, *, warning: bool = False) -> None:
        (self.log.warning if warning else self.log.info)(text)

    def output(self, stream: str, line: str) -> None:
        """A line of the controllee or of the supervisor."""
        name = self.rules.identity.controllee
        self.log.output(stream if stream == "supervisor" else f"{name} {stream}", line)

    def status(self) -> StatusReply:
        """The pool as seen here; any thread may ask."""
        digests = {name: self.peers.config_digest(name) for name in self.rules.peers}
        warnings = [*self._facts.warnings]
        if self._replication is not None and self._replication.asides:
            warnings.append(self._replication.warning())
        if ends := expiry.warning(self._prepared.tls):
            warnings.append(ends)
        facts = replace(self._facts, warnings=tuple(warnings))
        return status_of(facts, digests, self.driver.state, self.driver.now)

    def _addresses_changed(self) -> None:
        if self._supervisor is not None:
            found = self.book.endpoints().values()
            self._supervisor.set_peers((endpoint.ip, endpoint.port) for endpoint in found)

    def _patience(self) -> float:
        config = self.config
        return config.controllee.stop_timeout + config.hooks_take + 3 * config.lease + 5

    def _took_part(self) -> None:
        self._task(self._server.health(serving=True))

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    # --- a reload ------------------------------------------------------------------------------

    def reload(self, operator: str) -> None:
        """Begin one; it says itself how it ended."""
        self._task(self._reloads.reload(operator))

    def reloading(self) -> None:
        if self.driver.state.role is not Role.PRE:
            self._systemd.reloading()

    def keep(self, outcome: Outcome) -> None:
        """The old configuration goes on."""
        self.metrics.reload_failed.set(1)
        self.hear(Reloaded(self.rules, outcome.text, warning=True))
        self._reloaded_ready()

    def adopt(self, found: Found, outcome: Outcome) -> Outcome:
        """Go by the new configuration from here on."""
        prepared, config = self._prepared, found.merged
        voters = prepared.membership.voters
        if found.pair is not None and prepared.tls is not None:
            prepared.tls.renew(found.pair)
        self.log.reopen(found.log, debug=config.log.debug)
        self.config, self.rules = config, rules_of(config, voters.members, voters.witnesses)
        self.wire.reloaded(config.digest)
        self.peers.reloaded(self.rules, config.connection_timeout)
        self.gallery.rules = self._chronicle.rules = self.rules
        waiting = [str(item) for item in outcome.differences if item.change is Change.RESTART]
        kept = membership.difference(found.config, voters)
        warnings = (*config.warnings, *([kept] if kept else []), *waiting)
        self._facts = replace(
            self._facts, rules=self.rules, config_digest=config.digest, warnings=warnings
        )
        if self._supervisor is not None:
            self._supervisor.adjust(config)
        self.hear(Reloaded(self.rules, outcome.text, warning=bool(waiting or kept)))
        self.metrics.reload_failed.set(0)
        if prepared.tls is not None:
            self.metrics.certificate.set(prepared.tls.expires_at)
        self._config_changed.set()
        self._reloaded_ready()
        return replace(outcome, warnings=warnings)

    def _reloaded_ready(self) -> None:
        state = self.driver.state
        if state.role is not Role.PRE:
            self._systemd.ready(f"{state.role.value}, term {state.term}")

    # --- HTTP ----------------------------------------------------------------------------------

    def _serve_http(self) -> None:
        """Raises PortError."""
        address = self._prepared.config.http_address
        if address is None:
            return
        loop_time = asyncio.get_running_loop().time
        view = HttpView(
            leads=self._leads,
            alive=lambda: loop_time() - self._pulse_at < DEAD_AFTER,
            ready=lambda: self.driver.state.role is not Role.PRE,
            status=lambda: status_dict(self.status()),
            page=self._page,
            metrics=self._metrics_text,
        )
        try:
            self._http = HttpServer(address, view)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise PortError(
                f"HAD_HTTP_ADDRESS: {address[0]}:{address[1]}: {why}; name another address, or off"
            ) from None
        if address[1] == 0:
            self.note(f"HTTP on port {self._http.port}")

    @property
    def http_port(self) -> int | None:
        return self._http.port if self._http is not None else None

    def _leads(self) -> bool:
        state = self.driver.state
        running = state.controllee.state is ControlleeState.RUNNING
        return state.role is Role.LEADER and running

    def _page(self) -> str:
        told = explain(self.rules, self.driver.state, self.driver.now)
        return page(self.status(), map(explained, told))

    def _metrics_text(self) -> bytes:
        own = self._facts.config_digest
        for name in self.rules.peers:
            digest = self.peers.config_digest(name)
            self.metrics.mismatch.labels(name).set(bool(digest) and digest != own)
        dropped = self.metrics.lines_dropped
        dropped.labels("log").set(self.log.dropped)
        dropped.labels("history").set(self._prepared.history.dropped)
        dropped.labels("flight").set(self.recorder.dropped if self.recorder else 0)
        return self.metrics.text(self.rules, self.driver.state, self.driver.now)
