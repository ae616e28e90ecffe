"""Prometheus metrics of one member; they speak of its peers too, so that a standby alone can alarm.

Law 1: counters are counted where it happens; gauges are read off a snapshot when somebody scrapes.
Law 2: names and labels are a contract (interface.md).
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from hadelect import __version__
from hadelect.core.effects import Emit
from hadelect.core.messages import Standing
from hadelect.core.state import State
from hadelect.core.views import is_candidate_peer, leader_lives, leads, reaches, unfit_because
from hadelect.core.vocabulary import Arbitration, Cause, ControlleeState, Millis, Name, Role, Rules
from hadelect.runtime.certificate import NEVER
from hadelect.runtime.replica_metrics import ReplicaMetrics

HOOKS = ("pre_start", "post_start", "pre_stop", "post_stop", "on_leader_change", "fence_command")
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
FAILOVER_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 30, 60)


class Metrics:
    """All that is exposed on /metrics."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._counters()
        self._gauges()
        self._leaderless_since: Millis | None = None
        self._restarts = 0

    def _counters(self) -> None:
        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(f"hadelect_{name}", help_, labels, registry=self.registry)

        self.elections = counter("elections", "Candidacies of this member.", "cause")
        self.transitions = counter(
            "role_transitions", "Role changes of this member.", "from", "to", "cause"
        )
        self.split_brain = counter("split_brain", "Two leaders seen by this member as a leader.")
        self.messages = counter(
            "messages", "Messages and datagrams.", "kind", "direction", "result"
        )
        self.restarts = counter("controllee_restarts", "Local restarts.", "cause")
        self.check_failures = counter("controllee_check_failures", "Failed health probes.")
        self.hook_failures = counter("hook_failures", "Hooks that failed.", "hook")
        for hook in HOOKS:
            self.hook_failures.labels(hook)  # Shown as 0: an alert needs a first value.
        self.loop_lag = Histogram(
            "hadelect_loop_lag_seconds",
            "How late the loop that supervises was woken.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        self.failover = Histogram(
            "hadelect_failover_seconds",
            "From the last sign of the old leader to our controllee running.",
            buckets=FAILOVER_BUCKETS,
            registry=self.registry,
        )

    def _gauges(self) -> None:
        def gauge(name: str, help_: str, *labels: str) -> Gauge:
            return Gauge(f"hadelect_{name}", help_, labels, registry=self.registry)

        self.is_leader = gauge("is_leader", "1 on the leader.")
        self.term = gauge("term", "Of the leadership led or followed.")
        self.role = gauge("role", "1 for the present role.", "role")
        self.leaders_seen = gauge("leaders_seen", "Members that say they lead, as heard here.")
        self.peer_up = gauge("peer_up", "1 if heard within one lease.", "peer")
        self.peer_heard = gauge("peer_last_heard_seconds", "Silence of a peer.", "peer")
        self.members_fit = gauge("members_fit", "Members that could lead, this one included.")
        self.redundancy = gauge("redundancy", "How many more failures the pool stands.")
        self.lease_remaining = gauge("lease_remaining_seconds", "Authority left; 0 if not leading.")
        self.controllee_up = gauge("controllee_up", "1 while our controllee runs.")
        self.stop_failed = gauge("stop_failed", "1 while our controllee cannot be killed.")
        self._peer_gauges(gauge)
        self.replicas = ReplicaMetrics(self.registry)
        self.drained = gauge("drained", "1 while drained.")
        self.paused = gauge("paused", "1 while automation is off in the pool.")
        self.mismatch = gauge("config_mismatch", "1: this peer's configuration differs.", "peer")
        self.reload_failed = gauge("config_reload_failed", "1: the last reload was refused.")
        self.certificate = gauge(
            "certificate_expiry_timestamp_seconds", "Of HAD_TLS_CERT; +Inf without TLS."
        )
        self.certificate.set(NEVER)
        self.lines_dropped = gauge(
            "lines_dropped", "What a slow disk cost: log and history lines, flight blocks.", "of"
        )
        info = gauge("build_info", "Always 1.", "version")
        info.labels(__version__).set(1)

    def _peer_gauges(self, gauge: Callable[..., Gauge]) -> None:
        """What a peer last said of itself; 0 while it is not reached."""
        self.peer_leads = gauge("peer_is_leader", "1 if the peer says that it leads.", "peer")
        self.peer_term = gauge("peer_term", "The term that the peer leads or follows.", "peer")
        self.peer_fit = gauge("peer_fit", "1 if the peer could lead.", "peer")
        self.peer_drained = gauge("peer_drained", "1 if the peer is drained.", "peer")
        self.peer_controllee_up = gauge("peer_controllee_up", "1 if its controllee runs.", "peer")
        self.peer_stop_failed = gauge("peer_stop_failed", "1 if it cannot be killed there.", "peer")

    # --- counted where it happens ---

    def message(self, kind: str, direction: str, result: str = "ok") -> None:
        self.messages.labels(kind, direction, result).inc()

    def lag(self, seconds: float) -> None:
        self.loop_lag.observe(max(0.0, seconds))

    def told(self, emit: Emit) -> None:
        """The core told the humans something."""
        if emit.cause is None:
            return
        cause = emit.cause.value
        if emit.cause is Cause.SPLIT_BRAIN:
            self.split_brain.inc()
        if emit.was is None or emit.was is emit.role:
            return
        self.transitions.labels(emit.was.value, emit.role.value, cause).inc()
        if emit.role is Role.ELECTION:
            self.elections.labels(cause).inc()

    def stepped(self, rules: Rules, old: State, new: State) -> None:
        """After every step: what became of the controllee, and how long nobody led."""
        if new.controllee.restarts > self._restarts and new.leading is not None:
            cause = "check" if old.check.hung else "exit"
            self.restarts.labels(cause).inc(new.controllee.restarts - self._restarts)
        self._restarts = new.controllee.restarts
        self.check_failures.inc(max(0, new.check.failures - old.check.failures))
        if new.hooks.failed and new.hooks.failed != old.hooks.failed:
            name = new.hooks.failed[0].value.removeprefix("HAD_").lower()
            self.hook_failures.labels(name).inc()
        if leader_lives(old, old.now) and old.role is not Role.LEADER:
            proven = new.released[-1:] != old.released[-1:]
            self._leaderless_since = new.now if proven else old.heard_at
        ran = old.controllee.state is ControlleeState.RUNNING
        runs = new.controllee.state is ControlleeState.RUNNING
        if runs and not ran and new.leading is not None and self._leaderless_since is not None:
            self.failover.observe((new.now - self._leaderless_since) / 1000)
            self._leaderless_since = None

    # --- read when somebody scrapes ---

    def text(self, rules: Rules, state: State, now: Millis) -> bytes:
        """The exposition, from one snapshot."""
        self._own(rules, state, now)
        self._peers(rules, state, now)
        self.replicas.show(rules, state, now)
        return generate_latest(self.registry)

    def _own(self, rules: Rules, state: State, now: Millis) -> None:
        self.is_leader.set(state.role is Role.LEADER)
        self.term.set(state.term)
        for role in Role:
            self.role.labels(role.value).set(role is state.role)
        left = state.leading.authority_until - now if state.leading else 0
        self.lease_remaining.set(max(0, left) / 1000)
        self.controllee_up.set(state.controllee.state is ControlleeState.RUNNING)
        self.stop_failed.set(cannot_be_killed(state))
        self.drained.set(state.record.drained)

    def _peers(self, rules: Rules, state: State, now: Millis) -> None:
        up = 1
        fit = int(not unfit_because(rules, state) and not state.record.drained)
        for peer in state.peers:
            heard = reaches(rules, peer, now)
            up += heard
            fit += is_candidate_peer(rules, peer, now)
            self.peer_up.labels(peer.name).set(heard)
            silence = (now - peer.heard_at) / 1000 if peer.heard_at >= 0 else float("inf")
            self.peer_heard.labels(peer.name).set(silence)
            self._peer(peer.name, peer.standing if heard else None)
            self.peer_fit.labels(peer.name).set(is_candidate_peer(rules, peer, now))
        leaders = sum(leads(rules, peer, now) for peer in state.peers)
        self.leaders_seen.set(leaders + (state.role is Role.LEADER))
        self.members_fit.set(fit)
        self.redundancy.set(max(0, redundancy(rules, up, fit)))

    def _peer(self, name: Name, said: Standing | None) -> None:
        state = said.controllee.state if said else ControlleeState.STOPPED
        self.peer_leads.labels(name).set(said is not None and said.role is Role.LEADER)
        self.peer_term.labels(name).set(said.term if said else 0)
        self.peer_drained.labels(name).set(said is not None and said.drained)
        self.peer_controllee_up.labels(name).set(state is ControlleeState.RUNNING)
        self.peer_stop_failed.labels(name).set(state is ControlleeState.STOP_FAILED)


def cannot_be_killed(state: State) -> bool:
    """Our controllee, or what an earlier life left."""
    stuck = state.controllee.state is ControlleeState.STOP_FAILED
    return stuck or bool(state.fitness.leftover)


def redundancy(rules: Rules, up: int, fit: int) -> int:
    """How many more members may fail before nobody can lead."""
    if rules.identity.arbitration is Arbitration.NONE:
        return fit - 1
    return min(fit - 1, up - rules.majority)
