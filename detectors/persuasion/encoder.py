"""The text encoder: the first nine layers of multilingual-e5-small (BERT of 384 units, 4-bit weights), and what a text looks like after layers 5, 7 and 9.

Source: Wang et al., Multilingual E5 Text Embeddings (2024). Built by `python -m detectors.train.text_encoder`; the table of pieces holds those of English
and Italian only.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detectors import weights
from detectors.errors import WeightsError
from detectors.files import BAD_ARCHIVE
from detectors.persuasion.pieces import PieceReader, WordPiece

MOST_PIECES = 256
WIDTH, LAYERS = 384, (5, 7, 9)
BLOCK = 32  # weights that share one scale
EPSILON = 1e-12


class EncodedText(NamedTuple):
    """`pieces` of the text and `states` (layers, pieces, WIDTH) float32; `whole` is False when the text had more pieces than are read."""

    pieces: tuple[WordPiece, ...]
    states: np.ndarray
    whole: bool


class TextEncoder:
    """Texts to states. `session` runs the layers; the file of `table` holds pieces, their log-probabilities and embeddings."""

    def __init__(self, session: Any, table: Path) -> None:
        self.session = session
        try:
            with np.load(table) as stored:
                pieces, scores = json.loads(stored["pieces"].tobytes()), stored["scores"]
                self.nibbles, self.scales = stored["nibbles"], stored["scales"]
                self.places, self.norm = stored["places"].astype(np.float32), stored["norm"]
        except BAD_ARCHIVE as error:
            raise WeightsError(f"{table} is no table of pieces: {error}") from error
        self.reader = PieceReader(pieces, scores)
        self.first, self.last, self.unknown = (pieces.index(each) for each in ("<s>", "</s>", "<unk>"))
        self.prefix = [each.row for each in self.reader.split("query:", 8)]  # what the encoder was trained with before every text

    def encode(self, text: str) -> EncodedText:
        """The states of a text. A text without pieces has none."""
        pieces = self.reader.split(text, MOST_PIECES + 1)
        whole, pieces = len(pieces) <= MOST_PIECES, pieces[:MOST_PIECES]
        if not pieces:
            return EncodedText((), np.zeros((len(LAYERS), 0, WIDTH), np.float32), whole)
        rows = np.array([self.first, *self.prefix, *(self.unknown if each.row < 0 else each.row for each in pieces), self.last])
        states = np.stack(self.session.run(None, {"embedded": self._embed(rows)}))
        begin = 1 + len(self.prefix)
        return EncodedText(tuple(pieces), states[:, begin : begin + len(pieces)], whole)

    def _embed(self, rows: np.ndarray) -> np.ndarray:
        """Word and place embeddings, normalised: (pieces, WIDTH)."""
        packed = self.nibbles[rows]  # (pieces, blocks, BLOCK / 2): low halves are the first of a block, high halves the rest
        values = np.concatenate([packed & 15, packed >> 4], 2).astype(np.float32) - 8
        embedded = (values * self.scales[rows].astype(np.float32)[..., None]).reshape(len(rows), WIDTH) + self.places[: len(rows)]
        centred = embedded - embedded.mean(1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(1, keepdims=True) + EPSILON) * self.norm[0] + self.norm[1]


@functools.cache
def shared_encoder() -> TextEncoder:
    """The encoder opened once in this process. Raises WeightsError, WrongHash."""
    return TextEncoder(weights.open_session(weights.find("e5-small-layers-1")), weights.find("e5-small-pieces-1"))
