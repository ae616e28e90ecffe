"""What a scrape of REPLICATION_HTTP_ADDRESS sees: this member's copy, and what was done for it.

Law: names that HAD's /metrics has too mean the same there (interface.md); the rest is the daemon's.
"""

import resource
from collections.abc import Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from hadelect import __version__
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Name
from hadelect.runtime.certificate import NEVER

WORK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    def __init__(self, peers: Iterable[Name]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.bytes_in = self.bytes_out = self.conflicts = 0
        self._counters()
        self._gauges()
        for name in peers:
            self.peer_up.labels(name).set(0)

    def _counters(self) -> None:
        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(f"hadelect_{name}", help_, labels, registry=self.registry)

        self._bytes = counter("replica_bytes", "Sent and got in transfers.", "direction")
        self._conflicts = counter("replica_conflicts", "Lines kept aside here.")
        self._transfers = counter("replica_transfers", "Of versions.", "direction", "result")
        self._refused = counter("replica_refused", "Words and blocks that are none.", "what")
        self._work = counter("replica_work", "Work on files.", "work", "result")
        for direction in ("in", "out"):
            self._bytes.labels(direction)  # Shown as 0: an alert needs a first value.
        for what in ("junk", "unwelcome", "transfer", "rot"):
            self._refused.labels(what)
        self._seconds = Histogram(
            "hadelect_replica_work_seconds",
            "How long a piece of work on files took.",
            ("work",),
            buckets=WORK_BUCKETS,
            registry=self.registry,
        )
        self._loop_lag = Histogram(
            "hadelect_loop_lag_seconds",
            "How late the daemon's loop was woken.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )

    def _gauges(self) -> None:
        def gauge(name: str, help_: str, *labels: str) -> Gauge:
            return Gauge(f"hadelect_{name}", help_, labels, registry=self.registry)

        self._term = gauge("replica_term", "Of the version that our copy of the state holds.")
        self._sequence = gauge("replica_sequence", "Of that version, within its term.")
        self._lag = gauge("replica_lag_seconds", "What a promotion of this member could lose.")
        self._ready = gauge("replica_ready", "1: a controllee could start on our copy now.")
        self._problem = gauge("replica_problem", "1: no controllee should be started on our copy.")
        self.asides = gauge("replica_asides", "Lines that lost and are kept aside here.")
        self.had_up = gauge("replica_had_up", "1 while the HAD beside this daemon is connected.")
        self.peer_up = gauge("replica_peer_up", "1 while its daemon is connected.", "peer")
        self.memory = gauge("replica_memory_bytes", "Resident memory of this daemon, at its peak.")
        self.reload_failed = gauge("config_reload_failed", "1: the last reload was refused.")
        self.certificate = gauge(
            "certificate_expiry_timestamp_seconds", "Of HAD_TLS_CERT; +Inf without TLS."
        )
        self.certificate.set(NEVER)
        self.lines_dropped = gauge("lines_dropped", "What a slow disk cost.", "of")
        gauge("build_info", "Always 1.", "version").labels(__version__).set(1)

    # --- counted where it happens ---

    def sent(self, size: int) -> None:
        self.bytes_out += size
        self._bytes.labels("out").inc(size)

    def got(self, size: int) -> None:
        self.bytes_in += size
        self._bytes.labels("in").inc(size)

    def kept_aside(self) -> None:
        self.conflicts += 1
        self._conflicts.inc()

    def transfer(self, direction: str, result: str) -> None:
        self._transfers.labels(direction, result).inc()

    def refused(self, what: str) -> None:
        self._refused.labels(what).inc()

    def worked(self, work: str, result: str, seconds: float) -> None:
        self._work.labels(work, result).inc()
        self._seconds.labels(work).observe(seconds)

    def late(self, seconds: float) -> None:
        self._loop_lag.observe(max(0.0, seconds))

    # --- read when somebody scrapes ---

    def text(self, replica: Replica, connected: Mapping[Name, bool]) -> bytes:
        version = replica.version
        self._term.set(version.term if version else 0)
        self._sequence.set(version.sequence if version else 0)
        self._lag.set(replica.lag_ms / 1000)
        self._ready.set(replica.ready)
        self._problem.set(bool(replica.problem))
        for name, up in connected.items():
            self.peer_up.labels(name).set(up)
        self.memory.set(peak_memory())
        return generate_latest(self.registry)


def peak_memory() -> int:
    """Bytes of resident memory at the peak of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
