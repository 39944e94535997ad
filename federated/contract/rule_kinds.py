"""The kinds of rules that a configuration may hold, as docs/contract.md shows them; the one table of them is detectors/rules/."""

from __future__ import annotations

from detectors.rules import registry
from detectors.rules.registry import RuleKind


def markdown() -> list[str]:
    """The section of the page."""
    return [
        "",
        "## Kinds of rules",
        "`kind` of a RuleConfig and of the events it makes; its numbers are the `values`, each with its default and limits. A kind that a camera lacks, "
        "or one with a number outside its limits, is left out there, and the other rules hold. One file each in `detectors/rules/`.",
        "",
        "| kind | about | numbers | its events | least mode |",
        "|---|---|---|---|---|",
        *(_row(kind) for kind in registry.kinds().values()),
    ]


def _row(kind: RuleKind) -> str:
    numbers = ", ".join(f"`{each.name}` {each.default:g} ({each.least:g} to {each.most:g})" for each in kind.numbers)
    events = "raise an alert" if kind.alert else "are counted"
    return f"| `{kind.name}` | {kind.about} | {numbers} | {events}{f'; data `{kind.person}` names a person' if kind.person else ''} | {kind.mode} |"
