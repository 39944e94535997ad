"""What the analysis desk asks of others."""

from __future__ import annotations

from portal.core.ports import port


@port
def verb_in_words(verb: str) -> str:
    """What a row of the audit log records as done, in the reader's language."""
