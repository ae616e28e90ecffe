"""What we expose, beside what Prometheus' own library says of the same numbers."""

import math

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

from hadelect.runtime.exposition import Exposition

ODD = 'back\\slash, "quotes"\nand a line'
BOUNDS = (0.1, 0.5, 1, 10)


def ours() -> str:
    exposition = Exposition("x_")
    counter = exposition.counter("seen", f"Help: {ODD}", "from", "a")
    counter.labels("here", ODD).inc()
    counter.labels("here", ODD).inc(2)
    exposition.counter("never", "Not counted yet.")
    exposition.counter("never_labelled", "Not counted yet.", "why")
    gauge = exposition.gauge("height", "A gauge.")
    gauge.set(True)
    silence = exposition.gauge("silence", "Of a peer.", "peer")
    silence.labels("a").set(math.inf)
    silence.labels("b").set(1e-9)
    histogram = exposition.histogram("lag", "How late.", BOUNDS)
    for value in (0.1, 0.10001, 0.7, 99):
        histogram.observe(value)
    return exposition.text().decode()


def theirs() -> str:
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = prometheus_client.CollectorRegistry()
    counter = prometheus_client.Counter("x_seen", f"Help: {ODD}", ("from", "a"), registry=registry)
    counter.labels("here", ODD).inc()
    counter.labels("here", ODD).inc(2)
    prometheus_client.Counter("x_never", "Not counted yet.", registry=registry)
    prometheus_client.Counter("x_never_labelled", "Not counted yet.", ("why",), registry=registry)
    prometheus_client.Gauge("x_height", "A gauge.", registry=registry).set(True)
    silence = prometheus_client.Gauge("x_silence", "Of a peer.", ("peer",), registry=registry)
    silence.labels("a").set(math.inf)
    silence.labels("b").set(1e-9)
    histogram = prometheus_client.Histogram("x_lag", "How late.", buckets=BOUNDS, registry=registry)
    for value in (0.1, 0.10001, 0.7, 99):
        histogram.observe(value)
    return prometheus_client.generate_latest(registry).decode()


def test_it_is_what_prometheus_own_library_writes() -> None:
    """Names, types, help, labels and their escapes, numbers, buckets: byte for byte."""
    assert ours().splitlines() == theirs().splitlines()


def test_it_can_be_read_back() -> None:
    """By the library's parser: no family is lost, no label is changed."""
    families = {family.name: family for family in text_string_to_metric_families(ours())}
    assert set(families) == {
        "x_seen",
        "x_never",
        "x_never_labelled",
        "x_height",
        "x_silence",
        "x_lag",
    }
    (sample,) = families["x_seen"].samples
    assert (sample.labels, sample.value) == ({"from": "here", "a": ODD}, 3)
