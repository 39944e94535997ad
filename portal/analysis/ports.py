"""What the analysis desk asks of others."""

from __future__ import annotations

from typing import Any, NamedTuple

from portal.core.ports import port


@port
def verb_in_words(verb: str) -> str:
    """What a row of the audit log records as done, in the reader's language."""


class FactsShown(NamedTuple):
    """The facts that a text leans on, as a report's JSON has them: `parts` and `evidence` for people, `facts` for programs."""

    parts: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    facts: list[dict[str, Any]]


@port
def facts_in(text: str) -> FactsShown:
    """The facts that a text leans on, as they are now."""
