"""Instants as people write them: `10m` ago, a day, a day and a time, a time of today. UTC."""

import re
from datetime import UTC, datetime, timedelta

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
FORMS = (
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%H:%M:%S.%f",
    "%H:%M:%S",
    "%H:%M",
)
HELP = "10m (ago), 2026-01-31, 2026-01-31T17:05 or 17:05; UTC"


def stamp(at: datetime) -> str:
    """As the history and the log write it: 2026-01-01T00:00:00.000Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def instant(text: str, now: datetime) -> datetime | None:
    """None: not understood."""
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if ago:
        return now - timedelta(seconds=min(float(ago[1]) * UNITS[ago[2]], 10**9))
    plain = text.strip().removesuffix("Z").replace(" ", "T")
    for form in FORMS:
        try:
            found = datetime.strptime(plain, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found if form.startswith("%Y") else datetime.combine(now.date(), found.timetz())
    return None


class Instant(click.ParamType[str]):
    """Becomes a stamp, which compares as text; "" stays: no bound."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            return value
        found = instant(value, datetime.now(UTC))
        if found is None:
            self.fail(f"{value!r} is no time; write {HELP}", param, ctx)
        return stamp(found)
