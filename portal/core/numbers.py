"""Whole numbers as people and addresses write them."""

from __future__ import annotations

DIGITS = 18  # every number of so many digits fits a column of the database


def whole(text: str | None) -> int | None:
    """The number that is written in plain digits, of at most DIGITS of them; None for anything else ("", "-1", "²", a digit of another script)."""
    return int(text) if text and len(text) <= DIGITS and text.isascii() and text.isdecimal() else None
