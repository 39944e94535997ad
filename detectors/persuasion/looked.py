"""What a meme's picture adds to what its text says: the chances with an average picture instead, and which part moves them when it is covered.

Occlusion after Zeiler and Fergus (Visualizing and understanding convolutional networks, ECCV 2014). The text stays as it was read, also where it is covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors import lite0
from detectors.drawing import draw_lines
from detectors.messages import Message, declare
from detectors.persuasion.classify import chance
from detectors.persuasion.techniques import TECHNIQUES
from detectors.types import Evidence, PictureEvidence, TableEvidence

PLACES, STEP, WINDOW = 7, 32, 64  # windows a side, and their step and side in pixels of the 224 that the net sees
LEAST_FALL = 0.05  # of a chance, from which a part is shown
MOST_PARTS = 3
THIRDS = ("upper", "middle", "lower"), ("left", "centre", "right")
_ENGLISH = {"upper": "upper", "middle": "middle", "lower": "lower", "left": "left", "centre": "centre", "right": "right"}
_ITALIAN = {"upper": "in alto", "middle": "a metà altezza", "lower": "in basso", "left": "a sinistra", "centre": "al centro", "right": "a destra"}
declare(
    {
        f"persuasion-place-{row}-{column}": {"en": f"{_ENGLISH[row]} {_ENGLISH[column]}", "it": f"{_ITALIAN[row]} {_ITALIAN[column]}"}
        for row in THIRDS[0]
        for column in THIRDS[1]
    }
)
declare(
    {
        "persuasion-covering": {"en": "covering parts of the picture", "it": "copertura di parti dell'immagine"},
        "persuasion-together": {
            "en": (
                "Text and picture were looked at together. With an average picture instead of this one, {count} named technique would not be named.",
                "Text and picture were looked at together. With an average picture instead of this one, {count} named techniques would not be named.",
            ),
            "it": (
                "Testo e immagine sono stati esaminati insieme. Con un'immagine media al posto di questa, {count} delle tecniche indicate non lo sarebbe.",
                "Testo e immagine sono stati esaminati insieme. Con un'immagine media al posto di questa, {count} delle tecniche indicate non lo sarebbero.",
            ),
        },
        "persuasion-together-same": {
            "en": "Text and picture were looked at together. With an average picture instead of this one the same techniques would be named.",
            "it": "Testo e immagine sono stati esaminati insieme. Con un'immagine media al posto di questa le tecniche indicate sarebbero le stesse.",
        },
        "persuasion-no-part": {
            "en": "No part of the picture lowers a named technique's chance by {least:.0%} or more when it is covered: they rest on the text, or on the whole.",
            "it": "Nessuna parte dell'immagine, se coperta, abbassa di almeno il {least:.0%} la probabilità di una tecnica indicata: si reggono sul testo o "
            "sull'insieme.",
        },
        "persuasion-parts-picture": {
            "en": "Parts of the picture that move a named technique when they are covered, with the numbers of the table",
            "it": "Parti dell'immagine che spostano una tecnica indicata quando sono coperte, con i numeri della tabella",
        },
        "persuasion-parts": {
            "en": "Parts of the picture that move a named technique when they are covered (a hint where to look, no proof of what is seen there)",
            "it": "Parti dell'immagine che spostano una tecnica indicata quando sono coperte (indizio su dove guardare, non prova di ciò che vi si vede)",
        },
        "persuasion-part-number": {"en": "Part", "it": "Parte"},
        "persuasion-part-place": {"en": "Where", "it": "Dove"},
        "persuasion-covered": {"en": "Chance when it is covered", "it": "Probabilità se coperta"},
        "persuasion-average": {"en": "With an average picture", "it": "Con un'immagine media"},
    }
)


class PictureEffect(NamedTuple):
    """Of a meme: `average` (22,), each technique's chance with an average picture; `falls` (PLACES, PLACES, 22), how far it falls when a window is covered."""

    average: np.ndarray
    falls: np.ndarray

    def parts(self, named: Sequence[int]) -> list[tuple[int, int, int]]:
        """(technique, row, column) of the window that moves each named technique most, where it does enough; the strongest first."""
        found = [(row, *np.unravel_index(int(self.falls[..., row].argmax()), self.falls.shape[:2])) for row in named]
        kept = [(row, int(down), int(across)) for row, down, across in found if self.falls[down, across, row] >= LEAST_FALL]
        return sorted(kept, key=lambda part: -self.falls[part[1], part[2], part[0]])[:MOST_PARTS]

    def reasons(self, thresholds: np.ndarray, named: Sequence[int]) -> list[Message]:
        """What the picture did to what was named."""
        if not named:
            return []
        lost = int(sum(self.average[row] < thresholds[row] for row in named))
        together = Message("persuasion-together", {"count": lost}) if lost else Message("persuasion-together-same")
        return [together, *([] if self.parts(named) else [Message("persuasion-no-part", {"least": LEAST_FALL})])]

    def evidence(self, picture: np.ndarray, chances: np.ndarray, named: Sequence[int]) -> tuple[Evidence, ...]:
        """The picture with the parts outlined, and what they do; nothing where no part does enough."""
        if not (parts := self.parts(named)):
            return ()
        drawn = [(_corners(down, across, picture.shape), str(n)) for n, (_row, down, across) in enumerate(parts, 1)]
        rows = tuple(
            (n, TECHNIQUES[row].title, _place(down, across), round(float(chances[row]), 3), round(float(chances[row] - self.falls[down, across, row]), 3))
            for n, (row, down, across) in enumerate(parts, 1)
        )
        columns = tuple(Message(f"persuasion-{name}") for name in ("part-number", "technique", "part-place", "chance", "covered"))
        return (
            PictureEvidence("parts-picture", Message("persuasion-parts-picture"), draw_lines(picture, drawn)),
            TableEvidence("parts", Message("persuasion-parts"), columns, rows),
        )


def look(picture: np.ndarray, chances: np.ndarray, weights: np.ndarray, average: np.ndarray) -> PictureEffect:
    """From a meme's BGR picture and the chances (22,) of text and picture together. `weights` (1280, 22) are the picture's, `average` (22,) what they give
    on average over the memes that they were learned from.
    """
    seen = lite0.squeezed(picture)
    own, odds = (lite0.features_of(seen) @ weights)[0], np.log(np.clip(chances, 1e-12, 1 - 1e-12)) - np.log(np.clip(1 - chances, 1e-12, 1))
    falls = np.zeros((PLACES, PLACES, len(chances)))
    for down in range(PLACES):
        covered = np.repeat(seen, PLACES, 0)
        for across in range(PLACES):
            top, bottom, left, right = (*_span(down), *_span(across))
            covered[across, :, top:bottom, left:right] = seen.mean((2, 3), keepdims=True)[0]
        falls[down] = chances - chance(odds - own + lite0.features_of(covered) @ weights)
    return PictureEffect(chance(odds - own + average), falls)


def _span(place: int) -> tuple[int, int]:
    start = place * STEP - (WINDOW - STEP) // 2
    return max(0, start), min(lite0.SIDE, start + WINDOW)


def _corners(down: int, across: int, shape: Sequence[int]) -> np.ndarray:
    """(4, 2) corners in the picture, from the upper left one clockwise."""
    (top, bottom), (left, right) = _span(down), _span(across)
    scale = np.array([shape[1], shape[0]]) / lite0.SIDE
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float) * scale


def _place(down: int, across: int) -> Message:
    row, column = (THIRDS[axis][min(2, place * 3 // PLACES)] for axis, place in enumerate((down, across)))
    return Message(f"persuasion-place-{row}-{column}")
