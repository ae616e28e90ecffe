"""What a scrape sees of replicated state: our copy, the peers', what the replication daemon did.

Law: names are a contract (interface.md). Gauges are read off a snapshot; what the daemon counts
since its start becomes counters here, which go on when it is restarted.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

from hadelect.core.copies import copy_now, copy_of
from hadelect.core.state import State
from hadelect.core.versions import Replica
from hadelect.core.views import reaches
from hadelect.core.vocabulary import Millis, Rules
from hadelect.pb.replication_pb2 import Counts

NOTHING = Replica()


class ReplicaMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_: str, *labels: str) -> Gauge:
            return Gauge(f"hadelect_{name}", help_, labels, registry=registry)

        self._term = gauge("replica_term", "Of the version that our copy of the state holds.")
        self._sequence = gauge("replica_sequence", "Of that version, within its term.")
        self._lag = gauge("replica_lag_seconds", "What a promotion of this member could lose.")
        self._problem = gauge("replica_problem", "1: no controllee should be started on our copy.")
        self._asides = gauge("replica_asides", "Lines that lost and are kept aside here.")
        self._peer_lag = gauge("peer_replica_lag_seconds", "The same of a peer's copy.", "peer")
        self._peer_problem = gauge("peer_replica_problem", "The same of a peer's copy.", "peer")
        self._bytes = Counter(
            "hadelect_replica_bytes", "Sent and got by ours.", ("direction",), registry=registry
        )
        self._conflicts = Counter(
            "hadelect_replica_conflicts", "Lines kept aside here, ever.", registry=registry
        )
        for direction in ("in", "out"):
            self._bytes.labels(direction)  # Shown as 0: an alert needs a first value.
        self._counted = Counts()

    def count(self, counts: Counts) -> None:
        """The replication daemon's word; a smaller number than before begins a new life of it."""
        last, self._counted = self._counted, counts
        self._bytes.labels("in").inc(more(last.bytes_in, counts.bytes_in))
        self._bytes.labels("out").inc(more(last.bytes_out, counts.bytes_out))
        self._conflicts.inc(more(last.conflicts, counts.conflicts))
        self._asides.set(counts.asides)

    def show(self, rules: Rules, state: State, now: Millis) -> None:
        own = copy_now(state, now) or NOTHING
        self._term.set(own.version.term if own.version else 0)
        self._sequence.set(own.version.sequence if own.version else 0)
        self._lag.set(own.lag_ms / 1000)
        self._problem.set(bool(own.problem))
        if state.replica is None:
            return
        for peer in state.peers:
            said = (copy_of(state, peer, now) if reaches(rules, peer, now) else None) or NOTHING
            self._peer_lag.labels(peer.name).set(said.lag_ms / 1000)
            self._peer_problem.labels(peer.name).set(bool(said.problem))


def more(before: int, now: int) -> int:
    return now - before if now >= before else now
