"""Which persuasion techniques a text, or a text with its picture, uses: lines on frozen states of the text encoder, and where in the text each stands."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectors import lite0
from detectors.errors import WeightsError
from detectors.files import BAD_ARCHIVE
from detectors.persuasion.encoder import EncodedText, shared_encoder
from detectors.persuasion.form import form_features, surface_features

NO_PASSAGE, MOST_EXPECTED = -6.0, 5.0  # log-odds in a text without pieces; pieces beyond which more say no more
BRIDGED = 1  # words between two of a passage that belong to it too
LEAST_LETTERS = 4  # of one word of a passage: "the" and "it" alone carry nothing
FIELDS = ("weights1", "bias1", "weights3", "bias3", "span_weights", "span_bias", "span_thresholds")


class TextSpanFound(NamedTuple):
    """Characters `start` to `end` (exclusive) that seem to carry the technique in row `technique`, and the mean chance of their pieces."""

    technique: int
    start: int
    end: int
    score: float


class PersuasionLines:
    """The trained lines: `span_*` (states, 20) for pieces, `weights1` (features, 20) for texts, `weights3` (features, 22) for memes with their picture."""

    def __init__(self, path: Path) -> None:
        try:
            with np.load(path) as stored:
                self.parts = {name: stored[name] for name in FIELDS}
        except BAD_ARCHIVE as error:
            raise WeightsError(f"{path} holds no lines for persuasion techniques: {error}") from error

    def of_text(self, text: str, encoded: EncodedText) -> np.ndarray:
        """The chance of each technique that text can carry: (20,)."""
        return chance(self._features(text, encoded) @ self.parts["weights1"] + self.parts["bias1"])

    def of_meme(self, text: str, encoded: EncodedText, picture: np.ndarray) -> np.ndarray:
        """The chance of each technique in a meme, from its transcription and its BGR picture: (22,)."""
        features = np.concatenate([self._features(text, encoded), lite0.features(picture)])
        return chance(features @ self.parts["weights3"] + self.parts["bias3"])

    @property
    def picture_weights(self) -> np.ndarray:
        """What each feature of the picture adds to the log-odds of each technique: (1280, 22)."""
        return self.parts["weights3"][-lite0.FEATURES :]

    def of_pieces(self, encoded: EncodedText) -> np.ndarray:
        """The chance that each piece belongs to a passage of each technique: (pieces, 20)."""
        return chance(self._logits(encoded))

    def spans(self, text: str, encoded: EncodedText, technique: int) -> list[TextSpanFound]:
        """Where a technique stands: words with a piece that reaches its threshold, joined over BRIDGED words, without what is only short words.

        Where nothing is left, the word that comes nearest.
        """
        if not encoded.pieces:
            return []
        words = list(dict.fromkeys(_word(text, piece.start, piece.end) for piece in encoded.pieces))
        chances = self.of_pieces(encoded)[:, technique]
        heights = [max(chances[n] for n, piece in enumerate(encoded.pieces) if start <= piece.start < end) for start, end in words]
        runs: list[list[int]] = []
        for number in np.flatnonzero(np.array(heights) >= float(self.parts["span_thresholds"][technique])).tolist():
            if runs and number - runs[-1][-1] <= BRIDGED + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        meant = [run for run in runs if any(_letters(text[slice(*words[number])]) >= LEAST_LETTERS for number in run)]
        order = sorted(range(len(words)), key=lambda number: (_letters(text[slice(*words[number])]) < LEAST_LETTERS, -heights[number]))
        spans = []
        for run in meant or [[order[0]]]:
            start, end = words[run[0]][0], words[run[-1]][1]
            inside = [chances[n] for n, piece in enumerate(encoded.pieces) if piece.start < end and piece.end > start]
            spans.append(TextSpanFound(technique, start, end, float(np.mean(inside))))
        return spans

    def _logits(self, encoded: EncodedText) -> np.ndarray:
        return piece_features(encoded) @ self.parts["span_weights"] + self.parts["span_bias"]

    def _features(self, text: str, encoded: EncodedText) -> np.ndarray:
        return np.concatenate([text_features(text, encoded), passage_features(self._logits(encoded))])


def text_features(text: str, encoded: EncodedText) -> np.ndarray:
    """Mean and greatest state of each layer, then the measures of the text's surface and form."""
    states = encoded.states
    pooled = np.concatenate([states.mean(1), states.max(1)]).reshape(-1) if len(encoded.pieces) else np.zeros(2 * len(states) * states.shape[2], np.float32)
    return np.concatenate([pooled, surface_features(text), form_features(text)])


def passage_features(logits: np.ndarray) -> np.ndarray:
    """What the pieces' log-odds (pieces, 20) say of the whole text: their greatest, the log of their mean odds, and how many pieces they expect: (60,)."""
    if not len(logits):
        return np.concatenate([np.full(2 * logits.shape[1], NO_PASSAGE), np.zeros(logits.shape[1])]).astype(np.float32)
    seen = np.clip(logits, -30, 30)
    return np.concatenate([seen.max(0), np.log(np.exp(seen).mean(0)), np.minimum(chance(seen).sum(0), MOST_EXPECTED)]).astype(np.float32)


def piece_features(encoded: EncodedText) -> np.ndarray:
    """The states of each piece after all layers: (pieces, layers * WIDTH)."""
    return encoded.states.transpose(1, 0, 2).reshape(len(encoded.pieces), encoded.states.shape[0] * encoded.states.shape[2])


def encode(text: str) -> EncodedText:
    """A text's states by the shared encoder. Raises WeightsError, WrongHash."""
    return shared_encoder().encode(text)


def chance(logits: np.ndarray) -> np.ndarray:
    """Log-odds as probabilities."""
    return 1 / (1 + np.exp(-np.clip(logits.astype(float), -30, 30)))


def _letters(word: str) -> int:
    return sum(each.isalpha() for each in word)


def _word(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch of text widened to whole words."""
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end
