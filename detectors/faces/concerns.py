"""What a comparison of two faces must say before any number: how much the faces hold, and what speaks against trusting them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.faces import quality
from detectors.faces.embed import SIDE, TEMPLATE
from detectors.messages import Message, Param, declare
from detectors.types import Face

# Bands of detail: pixels a side that an aligned face really holds. Calibrations are made for these.
BANDS = (8, 12, 16, 24, 32, 64, SIDE)
# A crop holds no more than a band when reducing it to the band and back changes less than this share of its contrast (read off 150 LFW crops:
# between the 90th percentile of crops of that band and the 10th of the next).
UNCHANGED = {8: 0.16, 12: 0.115, 16: 0.105, 24: 0.078, 32: 0.066, 64: 0.03}
NEARLY = 1.1  # a face of 105 pixels counts as one of 112
ENOUGH = 64  # detail from which more hardly helps (measured: docs/cards/face-compare.md)
SURE = 0.8  # of the face detector
POOR = {"turned": "turned", "dark": "dark", "bright": "bright", "flat": "flat", "covered eyes": "covered-eyes", "covered mouth": "covered-mouth"}

declare(
    {
        "face-holds-nothing": {
            "en": "The face in picture {n} holds {detail:.0f} pixels a side: too few to say anything.",
            "it": "Il volto nell'immagine {n} contiene {detail:.0f} pixel per lato: troppo pochi per dire qualcosa.",
        },
        "face-small": {
            "en": "The face in picture {n} is small: {source:.0f} pixels of the picture lie under the aligned face, {wanted} are wanted.",
            "it": "Il volto nell'immagine {n} è piccolo: sotto il volto allineato ci sono {source:.0f} pixel dell'immagine, ne servono {wanted}.",
        },
        "face-blurred": {
            "en": "The face in picture {n} is blurred or was enlarged: it holds no more than {detail:.0f} pixels a side.",
            "it": "Il volto nell'immagine {n} è sfocato o è stato ingrandito: non contiene più di {detail:.0f} pixel per lato.",
        },
        "face-turned": {"en": "The face in picture {n} is turned to the side.", "it": "Il volto nell'immagine {n} è girato di lato."},
        "face-dark": {"en": "The face in picture {n} is very dark.", "it": "Il volto nell'immagine {n} è molto scuro."},
        "face-bright": {"en": "The face in picture {n} is very bright.", "it": "Il volto nell'immagine {n} è molto chiaro."},
        "face-flat": {"en": "The face in picture {n} has hardly any contrast.", "it": "Il volto nell'immagine {n} non ha quasi contrasto."},
        "face-covered-eyes": {"en": "The face in picture {n} has covered eyes.", "it": "Il volto nell'immagine {n} ha gli occhi coperti."},
        "face-covered-mouth": {"en": "The face in picture {n} has a covered mouth.", "it": "Il volto nell'immagine {n} ha la bocca coperta."},
        "face-grey": {
            "en": "The face in picture {n} is grey; the calibration pictures are in colour.",
            "it": "Il volto nell'immagine {n} è in bianco e nero; le immagini di calibrazione sono a colori.",
        },
        "face-unsure": {
            "en": "The face in picture {n} was found with a score of only {score:.2f}.",
            "it": "Il volto nell'immagine {n} è stato trovato con un punteggio di soli {score:.2f}.",
        },
        "face-largest-of": {
            "en": "The face in picture {n} is the largest of {faces}; the others were not compared.",
            "it": "Il volto nell'immagine {n} è il più grande di {faces}; gli altri non sono stati confrontati.",
        },
    }
)


def detail_of(crop: np.ndarray, landmarks: np.ndarray) -> float:
    """Pixels a side (at most 112) that an aligned face holds: those of the source under it, or fewer when they were enlarged or blurred before."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    contrast = max(float(grey.std()), 1.0)
    held = next((band for band, limit in UNCHANGED.items() if _lost(grey, band) / contrast < limit), SIDE)
    return min(float(held), source_pixels(landmarks))


def source_pixels(landmarks: np.ndarray) -> float:
    """Pixels a side of the source picture that lie under the aligned 112 x 112 face."""
    points = np.asarray(landmarks, float)
    return float(SIDE * np.sqrt(points.var(0).sum() / TEMPLATE.var(0).sum()))


def band_of(detail: float, bands: Sequence[int] = BANDS) -> int | None:
    """The largest band that a face fills, or nearly; None below the smallest."""
    return max((band for band in bands if band <= detail * NEARLY), default=None)


def concerns_of(n: int, crop: np.ndarray, face: Face, faces: int) -> list[Message]:
    """Reasons to trust a comparison with this face of picture `n` less, where `faces` were found; the gravest first. `crop` is the aligned face."""
    source, detail = source_pixels(face.landmarks), detail_of(crop, face.landmarks)
    poor = quality.judge(crop, face).reasons
    checks: list[tuple[bool, str, dict[str, Param]]] = [
        (band_of(detail) is None, "face-holds-nothing", {"detail": detail}),
        (source < ENOUGH, "face-small", {"source": source, "wanted": ENOUGH}),
        (detail < min(source, ENOUGH), "face-blurred", {"detail": detail}),
        *((name in poor, f"face-{code}", {}) for name, code in POOR.items()),
        (bool(np.ptp(crop.astype(int), axis=2).mean() < 2), "face-grey", {}),
        (face.score < SURE, "face-unsure", {"score": face.score}),
        (faces > 1, "face-largest-of", {"faces": faces}),
    ]
    return [Message(code, {"n": n, **params}) for applies, code, params in checks if applies]


def _lost(grey: np.ndarray, band: int) -> float:
    reduced = cv2.resize(grey, (band, band), interpolation=cv2.INTER_AREA)
    return float((grey.astype(np.float32) - cv2.resize(reduced, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)).std())
