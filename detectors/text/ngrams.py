"""Hashed n-grams of characters and words: the same numbers on every machine, whole arrays at a time, no table of n-grams to ship."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from detectors.text.function_words import GROUPS

CHARACTERS, WORDS, SHAPES = range(1, 7), range(1, 4), range(1, 6)  # lengths of the n-grams
BITS = 20  # a table has 2 ** BITS places
WORD = re.compile(r"https?://\S+|[@#]?\w+(?:['’]\w+)*|[^\w\s]|\n")
FACTOR = np.uint64(0x9E3779B97F4A7C15)
FUNCTION_WORDS = frozenset(word for group in GROUPS.values() for word in group.split())
_EDGE = "\x02"  # before the first character and after the last one
_TURNS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


@dataclasses.dataclass(frozen=True, slots=True)
class NGrams:
    """The n-grams of one text, shorter ones first: `places` (M,) in the table, and where in the text each stands, `starts` and `ends` (M,) in characters.

    `counts`: how many there are of each length.
    """

    places: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    counts: dict[int, int]

    def of_length(self, wanted: int) -> np.ndarray:
        """The places of the n-grams of one length."""
        start = sum(count for length, count in self.counts.items() if length < wanted)
        return self.places[start : start + self.counts.get(wanted, 0)]


def characters(text: str, lengths: Sequence[int] = CHARACTERS, bits: int = BITS) -> NGrams:
    """All n-grams of the characters as they are (upper and lower case differ), the text's edges included."""
    points = np.frombuffer(f"{_EDGE}{text}{_EDGE}".encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    return _joined(points, lengths, bits, np.arange(len(points)) - 1, np.arange(len(points)), len(text))


def words(text: str, lengths: Sequence[int] = WORDS, bits: int = BITS) -> NGrams:
    """All n-grams of words in lower case, of marks and line ends; every address is one word."""
    found = list(WORD.finditer(text))
    tokens = [_word_code("http" if each.group().startswith("http") else each.group().lower()) for each in found]
    points = np.array([1, *tokens, 2], np.uint64)
    starts = np.array([0, *(each.start() for each in found), len(text)])
    ends = np.array([0, *(each.end() for each in found), len(text)])
    return _joined(points, lengths, bits, starts, ends, len(text))


def shapes(text: str, lengths: Sequence[int] = SHAPES, bits: int = BITS) -> NGrams:
    """All n-grams of words without what they are about: function words as they are, of the others case and length only, names, tags and addresses as such."""
    found = list(WORD.finditer(text))
    points = np.array([1, *(_word_code(_shape(each.group())) for each in found), 2], np.uint64)
    starts = np.array([0, *(each.start() for each in found), len(text)])
    ends = np.array([0, *(each.end() for each in found), len(text)])
    return _joined(points, lengths, bits, starts, ends, len(text))


def _shape(token: str) -> str:
    first = token[0]
    if token.startswith("http"):
        return "HTTP"
    if first in "@#" and len(token) > 1:
        return f"{first}NAME"
    if not token[0].isalnum():
        return token
    if token.lower().replace("’", "'") in FUNCTION_WORDS:
        return token
    if first.isdigit():
        return f"9{min(len(token), 5)}"
    case = "A" if len(token) > 1 and token.isupper() else "Aa" if first.isupper() else "a"
    return f"{case}{min(len(token), 12) // 2}"


def _joined(points: np.ndarray, lengths: Sequence[int], bits: int, starts: np.ndarray, ends: np.ndarray, size: int) -> NGrams:
    places, first, last, counts = [], [], [], {}
    rolled = np.zeros(len(points), np.uint64)
    for n in range(1, max(lengths) + 1):
        rolled = (rolled[: len(points) - n + 1] * FACTOR) + points[n - 1 :] + np.uint64(n)
        if n in lengths and len(rolled):
            places.append(_place(rolled, bits))
            first.append(starts[: len(rolled)])
            last.append(ends[n - 1 :])
            counts[n] = len(rolled)
        if n >= len(points):
            break
    return NGrams(np.concatenate(places), np.clip(np.concatenate(first), 0, size), np.clip(np.concatenate(last), 0, size), counts)


def _place(rolled: np.ndarray, bits: int) -> np.ndarray:
    """The places of rolled sums, well mixed (the finisher of splitmix64)."""
    for shift, factor in _TURNS:
        rolled = (rolled ^ (rolled >> np.uint64(shift))) * np.uint64(factor)
    return ((rolled ^ (rolled >> np.uint64(31))) >> np.uint64(64 - bits)).astype(np.int64)


def _word_code(word: str) -> int:
    code = 0
    for letter in word:
        code = (code * 0x100000001B3 + ord(letter) + 1) & 0xFFFFFFFFFFFFFFFF
    return code
