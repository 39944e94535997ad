"""What lies on or before the lens: which parts of the picture have lost their detail, and whether what they show is still there behind it."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

ROWS, COLUMNS = 12, 16
TEXTURED, LEAST_CELLS = 1.2, 16  # mean absolute Laplacian from which a cell has detail to lose, and cells of that kind below which nothing is told
LOST = 0.35  # of its usual detail, corrected for the light: below it a cell has lost it
HIDDEN = 26.0  # grey levels, corrected for the light, by which a cell differs when something else is seen in its place
PART, WHOLE = 0.3, 0.85  # share of the cells with detail that must be lost for "part of the lens", and for all of it
ONE_PIECE = 0.75  # of the lost cells in one piece: a hand, a bag, a leaf; in many: drops, paint, grease
LINGER_S, MOSTLY = 5.0, 0.7  # how long a cell's loss is averaged, and how much of that time it must be lost: people pass
FADE = 0.02  # share of a healthy frame that goes into the reference, so that it follows the daylight


@dataclasses.dataclass(slots=True)
class LensCover:
    """One camera's lens. Learns what each cell usually shows from the frames that `learn` is given."""

    detail: np.ndarray | None = None
    grey: np.ndarray | None = None
    n: int = 0
    _lost: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((ROWS, COLUMNS)))
    _hidden: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((ROWS, COLUMNS)))
    _t: float = float("-inf")
    _reason: str = ""

    def step(self, detail: np.ndarray, grey: np.ndarray, t: float) -> tuple[str, float]:
        """("" or "half_covered", "sprayed" or "greasy", the share of the lens), from a frame's cells: detail and brightness (12, 16)."""
        if self.detail is None or self.grey is None:
            return "", 0.0
        textured = self.detail > max(TEXTURED, 0.3 * float(np.median(self.detail)))
        if textured.sum() < LEAST_CELLS:
            return "", 0.0
        light = float(np.clip(np.median(grey[textured] / np.maximum(self.grey[textured], 1)), 0.3, 1.5))
        lost = textured & (detail < LOST * light * self.detail)
        hidden = lost & (np.abs(grey - light * self.grey) > HIDDEN)
        share = 1 - np.exp(-min(t - self._t, LINGER_S) / LINGER_S) if t > self._t else 1.0
        self._t = t
        self._lost += share * (lost - self._lost)
        self._hidden += share * (hidden - self._hidden)
        lasting = self._lost >= MOSTLY
        part = float(lasting.sum()) / float(textured.sum())
        if not PART <= part < WHOLE:
            self._reason = ""
        elif not self._reason:  # what it was when it came it stays: light on it changes, and then one looks like the other
            shown = (self._hidden >= MOSTLY / 2).sum() < 0.4 * lasting.sum()
            self._reason = "greasy" if shown else "half_covered" if _largest(lasting, textured) >= ONE_PIECE else "sprayed"
        return self._reason, part

    def learn(self, detail: np.ndarray, grey: np.ndarray) -> None:
        """A healthy frame's cells."""
        self.n += 1
        share = max(FADE, 1 / self.n)
        self.detail = detail if self.detail is None else (1 - share) * self.detail + share * detail
        self.grey = grey if self.grey is None else (1 - share) * self.grey + share * grey

    @property
    def suspect(self) -> bool:
        """Whether so much is lost just now that this frame must not be learnt from."""
        return self.detail is not None and float((self._lost > 0.3).mean()) > 0.15


def cells_of(picture: np.ndarray) -> np.ndarray:
    """The mean of a small float picture in each cell, (12, 16)."""
    return cv2.resize(picture, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)


def _largest(lost: np.ndarray, textured: np.ndarray) -> float:
    """The share of the lost cells in the largest piece; cells without detail join pieces, for what covers them cannot be seen."""
    _, labels = cv2.connectedComponents((lost | ~textured).astype(np.uint8), connectivity=4)
    counts = np.bincount(labels[lost], minlength=2)
    return float(counts[1:].max()) / max(1, int(lost.sum()))
