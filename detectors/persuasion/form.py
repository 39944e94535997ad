"""Measures of a text's form: what its words and marks look like, whatever they say."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np

WORD = re.compile(r"[^\W\d_]{3,}")
DASH = re.compile(r"^[^\S\n]*[-–—]\s*\w", re.MULTILINE)  # a line that begins with a dash: a speaker, or one of a list
SENTENCE_END = re.compile(r"[.!?]+")
MEASURES = (
    "most frequent word",
    "repeated pairs of words",
    "different words",
    "digits",
    "quotation marks",
    "ends with ?",
    "ends with !",
    "line with a dash",
    "colons",
    "commas",
    "omissions",
    "words a line",
    "sentences",
)


def surface_features(text: str) -> np.ndarray:
    """Share of capitals; logs of how many words, exclamation marks, question marks and line ends there are: (5,)."""
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters) / max(1, len(letters))
    return np.array((capitals, np.log1p(len(text.split())), *(np.log1p(text.count(mark)) for mark in "!?\n")), np.float32)


def form_features(text: str) -> np.ndarray:
    """MEASURES, in their order: counts of marks as logs, words of three letters and more."""
    words = WORD.findall(text.lower())
    each, pairs = Counter(words), Counter(itertools.pairwise(words))
    lines, bare = [line for line in text.split("\n") if line.strip()], text.strip()
    return np.array(
        (
            max(each.values(), default=0),
            sum(count - 1 for count in pairs.values()),
            len(each) / max(1, len(words)),
            any(letter.isdigit() for letter in text),
            np.log1p(text.count('"') + text.count("“")),
            bare.endswith("?"),
            bare.endswith("!"),
            DASH.search(text) is not None,
            np.log1p(text.count(":")),
            np.log1p(text.count(",")),
            np.log1p(text.count("...")),
            len(words) / max(1, len(lines)),
            np.log1p(len(SENTENCE_END.findall(text))),
        ),
        np.float32,
    )
