"""Counters, gauges and histograms, and the text that Prometheus reads (its format 0.0.4).

Our own, because prometheus_client brings a web server, a URL opener and OpenSSL along: 4.5 MB and a
tenth of the start.

Law: the loop counts and threads read; a reader copies what may grow under it.
"""

from collections.abc import Iterator, Sequence

Labels = Sequence[tuple[str, str]]


class Value:
    """One number."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0.0

    def inc(self, by: float = 1) -> None:
        self.now += by

    def set(self, to: float) -> None:
        self.now = float(to)


class Family:
    """A counter or gauge: a value for every combination of its labels; one if it has none."""

    def __init__(self, name: str, kind: str, about: str, labels: Sequence[str]) -> None:
        self._name, self._labels = name, tuple(labels)
        self._head = head(name, kind, about)
        self._values: dict[tuple[str, ...], Value] = {}
        if not labels:
            self.labels()  # Shown as 0 from the start.

    def labels(self, *values: str) -> Value:
        found = self._values.get(values)
        if found is None:
            assert len(values) == len(self._labels)
            found = self._values[values] = Value()
        return found

    def inc(self, by: float = 1) -> None:
        self.labels().inc(by)

    def set(self, to: float) -> None:
        self.labels().set(to)

    def samples(self) -> tuple[tuple[tuple[str, ...], Value], ...]:
        """The values of the labels, and what is counted under them."""
        return tuple(self._values.items())

    def lines(self) -> Iterator[str]:
        yield self._head
        for values, value in self.samples():
            labels = sorted(zip(self._labels, values, strict=True))
            yield sample(self._name, labels, value.now)


class Histogram:
    """How many observations were at most so large, for each bound."""

    def __init__(self, name: str, about: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._head = head(name, "histogram", about)
        self._bounds = (*map(float, bounds), float("inf"))
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._sum += value
        for place, bound in enumerate(self._bounds):
            if value <= bound:
                self._counts[place] += 1
                return

    def lines(self) -> Iterator[str]:
        yield self._head
        below = 0
        for bound, count in zip(self._bounds, tuple(self._counts), strict=True):
            below += count
            yield sample(f"{self._name}_bucket", (("le", number(bound)),), below)
        yield sample(f"{self._name}_count", (), below)
        yield sample(f"{self._name}_sum", (), self._sum)


class Exposition:
    """All metrics of one member, in the order in which they were made."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._all: list[Family | Histogram] = []

    def counter(self, name: str, about: str, *labels: str) -> Family:
        return self._family(f"{name}_total", "counter", about, labels)

    def gauge(self, name: str, about: str, *labels: str) -> Family:
        return self._family(name, "gauge", about, labels)

    def histogram(self, name: str, about: str, bounds: Sequence[float]) -> Histogram:
        made = Histogram(self._prefix + name, about, bounds)
        self._all.append(made)
        return made

    def text(self) -> bytes:
        return "".join(line for one in self._all for line in one.lines()).encode()

    def _family(self, name: str, kind: str, about: str, labels: Sequence[str]) -> Family:
        made = Family(self._prefix + name, kind, about, labels)
        self._all.append(made)
        return made


# --- the format ---


def head(name: str, kind: str, about: str) -> str:
    return f"# HELP {name} {escaped(about)}\n# TYPE {name} {kind}\n"


def sample(name: str, labels: Labels, value: float) -> str:
    words = ",".join(f'{label}="{quoted(said)}"' for label, said in labels)
    return f"{name}{{{words}}} {number(value)}\n" if words else f"{name} {number(value)}\n"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def quoted(text: str) -> str:
    return escaped(text).replace('"', '\\"')


def number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return repr(float(value))
