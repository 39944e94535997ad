"""A text with passages marked, cut into pieces that each belong to the same passages: passages may overlap, lie in one another, or touch."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

DEEPEST = 3  # passages over one another that are told apart by their underline


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """Characters that belong to the passages `inside` (numbers from 1); `begins` and `ends` are the passages whose edge is at this piece's start and end."""

    text: str
    inside: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def depth(self) -> int:
        """How many underlines it gets."""
        return min(len(self.inside), DEEPEST)


def pieces(text: str, spans: Sequence[tuple[int, int]]) -> list[Piece]:
    """The whole text in pieces; span n (from 1) covers characters start to end, exclusive."""
    edges = sorted({0, len(text), *(edge for span in spans for edge in span)})
    found = []
    for start, end in itertools.pairwise(edges):
        inside = tuple(n for n, span in enumerate(spans, 1) if span[0] <= start and end <= span[1])
        begins = tuple(n for n in inside if spans[n - 1][0] == start)
        ends = tuple(n for n in inside if spans[n - 1][1] == end)
        found.append(Piece(text[start:end], inside, begins, ends))
    return found


def quoted(text: str, start: int, end: int, most: int = 160) -> str:
    """The passage on one line, its middle left out when it is long."""
    passage = " ".join(text[start:end].split())
    return passage if len(passage) <= most else f"{passage[: most // 2]} … {passage[-most // 2 :]}"
