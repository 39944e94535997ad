"""The numbers that reading is judged by: character and word error rates, and lines that were missed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

LIKE = 0.5  # share of a line's characters that must come again for the line to count as read
QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "`": "'", "–": "-", "—": "-", "…": "..."})


def normalised(text: str, *, fold: bool = True) -> str:
    """Compatibility forms plain (NFKC), typographic quotes, dashes and dots as typed ones, any white space as one space, and small letters when `fold`."""
    plain = " ".join(unicodedata.normalize("NFKC", text.translate(QUOTES)).split())
    return plain.casefold() if fold else plain


def distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The fewest insertions, deletions and exchanges that make one sequence the other (Levenshtein)."""
    if not len(a) or not len(b):
        return len(a) + len(b)
    numbers = {each: n for n, each in enumerate({*a, *b})}
    right, places = np.array([numbers[each] for each in b]), np.arange(len(b) + 1)
    row = places.copy()
    for n, each in enumerate(a, 1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (right != numbers[each]))
        row = np.minimum.accumulate(np.concatenate([[n], kept]) - places) + places
    return int(row[-1])


def inside(short: str, long: str) -> int:
    """The fewest changes that make `short` a stretch of `long` (Sellers 1980)."""
    row = np.zeros(len(long) + 1, int)
    letters, places = np.array(list(long)), np.arange(len(long) + 1)
    for n, each in enumerate(short, 1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (letters != each)) if len(long) else row[:0]
        row = np.minimum.accumulate(np.concatenate([[n], kept]) - places) + places
    return int(row.min())


def error_rate(pairs: Sequence[tuple[int, int]]) -> float:
    """Changes over what there was to read, of all together; NaN where there was nothing."""
    changes, there = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)
    return changes / there if there else float("nan")


def lines_missed(truth: str, found: str) -> tuple[int, int]:
    """How many lines of the transcription come again nowhere in what was read, in whatever order, and how many it has."""
    lines = [line for each in truth.splitlines() if (line := normalised(each))]
    whole = normalised(found)
    return sum(inside(line, whole) > (1 - LIKE) * len(line) for line in lines), len(lines)
