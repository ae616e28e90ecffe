"""What a trace may configure anew while its pool lives: one member's rules, by name and value."""

from dataclasses import replace

from hadelect.core.vocabulary import Errand, Millis, Name, Rules

UNITS = {"ms": 1, "s": 1000, "h": 3_600_000}


class UnknownCommand(Exception):
    """A line of a trace file that is no command; says which are."""


def millis(text: str) -> int:
    """`2.5s` -> 2500."""
    number = text.rstrip("hms")
    return round(float(number) * UNITS[text[len(number) :]])


def configured(rules: Rules, name: str, value: str) -> Rules:
    identity = rules.identity
    match name:
        case "controllee":
            return replace(rules, identity=replace(identity, controllee=value))
        case "members":
            members = tuple(Name(word) for word in value.split(","))
            return replace(rules, identity=replace(identity, members=members))
        case "lease":
            return replace(rules, lease_ms=Millis(millis(value)))
        case "heartbeat":
            return replace(rules, heartbeat_ms=Millis(millis(value)))
        case "margin":
            return replace(rules, margin_ms=Millis(millis(value)))
        case "errands":
            errands = tuple(Errand(word) for word in value.split(",") if word)
            return replace(rules, errands=errands)
        case "primary":
            return replace(rules, use_primary=value == "yes")
    raise UnknownCommand(f"configure {name}")
