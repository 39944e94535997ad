"""A text as word pieces: the unigram model of SentencePiece (Kudo 2018), read with the best segmentation, each piece with its place in the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

SPACE = "▁"  # begins a piece that begins a word
LONGEST_WORD = 100  # characters; what is longer is no word, and is read in parts
UNKNOWN_COST = -30.0  # of a character that no piece covers: worse than any piece


class WordPiece(NamedTuple):
    """A piece's row in the table (-1: no piece covers this character), and the characters `start` to `end` (exclusive) of the text it stands for."""

    row: int
    start: int
    end: int


class PieceReader:
    """Splits texts by a table of pieces with their log-probabilities."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]) -> None:
        self.table: Mapping[str, tuple[int, float]] = {piece: (row, float(score)) for row, (piece, score) in enumerate(zip(pieces, scores, strict=True))}
        self.longest = max(map(len, self.table), default=1)

    def split(self, text: str, most: int) -> list[WordPiece]:
        """The pieces of a text, at most `most`; letters are made small and compatibility forms plain (NFKC) first, places are those of the text given."""
        found: list[WordPiece] = []
        for letters, places in _words(text):
            found += self._split_word(letters, places)
            if len(found) >= most:
                return found[:most]
        return found

    def _split_word(self, letters: str, places: Sequence[int]) -> list[WordPiece]:
        """The most probable segmentation of one word, which begins with SPACE (Viterbi)."""
        size = len(letters)
        best: list[tuple[float, int, int]] = [(0.0, 0, -1)] + [(float("-inf"), 0, -1)] * size  # score, where the last piece begins, its row
        for end in range(1, size + 1):
            for start in range(max(0, end - self.longest), end):
                row, score = self.table.get(letters[start:end], (-1, UNKNOWN_COST if end - start == 1 else float("-inf")))
                if best[start][0] + score > best[end][0]:
                    best[end] = (best[start][0] + score, start, row)
        found, end = [], size
        while end:
            _, start, row = best[end]
            if row >= 0 or letters[start:end] != SPACE:
                found.append(WordPiece(row, places[start], places[end - 1] + 1))
            end = start
        return found[::-1]


def _words(text: str) -> Iterator[tuple[str, list[int]]]:
    """Each word with SPACE before it, and for each of its characters the place in the text (SPACE has the place of the word's first character)."""
    letters, places = [SPACE], list[int]()
    for place, character in enumerate(text):
        for each in unicodedata.normalize("NFKC", character).lower():
            if each.isspace() or len(letters) > LONGEST_WORD:
                if places:
                    yield "".join(letters), [places[0], *places]
                letters, places = [SPACE], []
            if each.isprintable() and not each.isspace():
                letters.append(each)
                places.append(place)
    if places:
        yield "".join(letters), [places[0], *places]
