"""What the analysis desk asks of others."""

from __future__ import annotations

from typing import Any

from portal.core.ports import port


@port
def verb_in_words(verb: str) -> str:
    """What a row of the audit log records as done, in the reader's language."""


@port
def facts_in(text: str) -> dict[str, list[dict[str, Any]]]:
    """The facts that a text leans on, as they are now: "parts" and "evidence" as a report's JSON has them, and "facts" for programs."""
