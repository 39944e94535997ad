"""Two pictures, one question: how much more often do faces look this alike when they show one person than when they show two?"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detectors import drawing, image, registry
from detectors.faces import landmarks, likelihood
from detectors.faces.concerns import band_of, concerns_of, detail_of
from detectors.faces.embed import align, aligned_points
from detectors.faces.likelihood import Cell, Ratio
from detectors.registry import detector
from detectors.types import Face, ModelCard, Report, Verdict

EQUAL = 0.3  # |log10 LR| below this (a factor of two) is called "about as often"
BASELINE = "The landmark distances alone give log10 LR {} ({} to {}); they are shown for comparison and are not part of the result."
CAUTION = "A likelihood ratio weighs this one finding. It is no probability that two pictures show one person: that also rests on all else known in the case."

Progress = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One picture of the two: its file's sha256, its faces, and of the largest face the embedded Face, its aligned crop and its detail in pixels."""

    sha256: str
    picture: np.ndarray
    faces: list[Face]
    face: Face | None = None
    crop: np.ndarray | None = None
    detail: float = 0.0

    @property
    def concerns(self) -> list[str]:
        """What speaks against trusting a comparison with this face."""
        return concerns_of(self.crop, self.face, len(self.faces))


@dataclasses.dataclass(frozen=True, slots=True)
class Weighed:
    """What the comparison of two faces gave: the cosine, the calibration used, its ratio and that of the landmark baseline."""

    score: float
    cell: Cell
    ratio: Ratio
    distance: float
    baseline: Ratio


@detector("face-compare", family="faces", kind="tool", weights="face-likelihood-1", opens="path")
class FaceCompare:
    """One-to-one comparison of the largest face of each picture: a log10 likelihood ratio with its interval, its population and its cap."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        self.card, self.table = card, likelihood.read(path)
        self.finder, self.embedder = registry.shared("faces"), registry.shared("face-embedding")

    def compare(self, path_a: Path | str, path_b: Path | str, progress: Progress = lambda done, what: None) -> Report:
        """The report on two picture files; `progress` is called with a share 0..1 and a word. Raises BadInput that names the picture."""
        sides = []
        for n, path in enumerate((path_a, path_b)):
            progress(0.4 * n, f"reading picture {n + 1}")
            content = image.read_bytes(path)
            picture = image.read(content)
            progress(0.4 * n + 0.2, f"faces of picture {n + 1}")
            sides.append(self._look(hashlib.sha256(content).hexdigest(), picture))
        progress(0.9, "writing the report")
        report = self._report(*sides)
        progress(1.0, "done")
        return report

    def _look(self, sha256: str, picture: np.ndarray) -> Side:
        faces = sorted(self.finder.find(picture), key=lambda face: -face.box.w * face.box.h)
        if not faces:
            return Side(sha256, picture, faces)
        face, crop = self.embedder.embed(picture, faces[:1])[0], align(picture, faces[0].landmarks)
        return Side(sha256, picture, faces, face, crop, detail_of(crop, face.landmarks))

    def _report(self, a: Side, b: Side) -> Report:
        weighed = self._weigh(a, b)
        evidence = {f"picture-{n}": drawing.draw_faces(side.picture, side.faces) for n, side in enumerate((a, b), 1)}
        parts = [_part(n, side) for n, side in enumerate((a, b), 1)]
        if a.face and b.face:
            crops = (drawing.draw_points(side.crop, aligned_points(side.face.landmarks)) for side in (a, b))
            evidence["aligned"] = drawing.side_by_side(*crops, zoom=1)
        if weighed:
            evidence["tippett"] = drawing.draw_tippett(weighed.cell.tippett, weighed.ratio.log10)
            parts += self._numbers(weighed, a, b)
        models = {each.card.name: each.card.sha256 for each in (self.finder, self.embedder, self)}
        return Report(self._verdict(weighed, a, b), parts=tuple(parts), evidence=evidence, models=models, input_sha256=a.sha256)

    def _weigh(self, a: Side, b: Side) -> Weighed | None:
        bands = [band_of(side.detail) for side in (a, b) if side.face]
        if len(bands) < 2 or None in bands or (cell := self.table.cell(*bands)) is None:
            return None
        score = float(a.face.embedding @ b.face.embedding)
        distance = landmarks.likeness(landmarks.shape_of(a.face.landmarks), landmarks.shape_of(b.face.landmarks))
        return Weighed(score, cell, cell.ratio(score), distance, self.table.landmarks.ratio(distance))

    def _verdict(self, weighed: Weighed | None, a: Side, b: Side) -> Verdict:
        reasons = [f"The face in picture {n} {each}." for n, side in enumerate((a, b), 1) if side.face for each in side.concerns]
        reasons += ["Both files are the same, byte for byte."] if a.sha256 == b.sha256 else []
        if missing := " and ".join(str(n) for n, side in enumerate((a, b), 1) if not side.face):
            return Verdict("cannot compare", None, None, "unsure", (f"No face was found in picture {missing}.", *reasons))
        if weighed is None:
            return Verdict("cannot say: a face is too small or too blurred", None, None, "unsure", (*reasons, "There is no calibration for so little detail."))
        ratio = weighed.ratio
        reasons += [
            _said(ratio),
            f"Population: {self.table.population}; {weighed.cell.genuine:,} pairs of one person and {weighed.cell.impostor:,} pairs of two, "
            f"their faces reduced to {band_of(a.detail)} and {band_of(b.detail)} pixels.",
            f"No log10 LR beyond {ratio.cap:.1f} is given either way: the scarcer kind has {min(weighed.cell.genuine, weighed.cell.impostor):,} pairs."
            + (" This comparison lies at that cap, which also cuts its interval." if ratio.capped else ""),
            BASELINE.format(*_three(weighed.baseline)),
            CAUTION,
        ]
        label = "log10 LR {} ({} to {})".format(*_three(ratio)) + (", at the cap" if ratio.capped else "")
        return Verdict(label, round(ratio.log10, 3), None, "unsure", tuple(reasons))

    def _numbers(self, weighed: Weighed, a: Side, b: Side) -> list[dict[str, Any]]:
        cell, base = weighed.cell, self.table.landmarks
        return [
            {"name": "likelihood ratio", "cosine": round(weighed.score, 4), **_ratio_part(weighed.ratio), "cllr": cell.cllr, "cllr_min": cell.cllr_min},
            {
                "name": "landmark baseline",
                "distance": round(-weighed.distance, 4),
                **_ratio_part(weighed.baseline),
                "cllr": base.cllr,
                "cllr_min": base.cllr_min,
            },
            {
                "name": "calibration",
                "population": self.table.population,
                "people_resampled": cell.people,
                "pairs_of_one_person": cell.genuine,
                "pairs_of_two_people": cell.impostor,
                "pixels": [band_of(a.detail), band_of(b.detail)],
                "cap_rule": "|log10 LR| is at most log10 of the number of pairs of the scarcer kind",
                "table_sha256": self.card.sha256,
            },
        ]


def _said(ratio: Ratio) -> str:
    between = "(log10 LR {}, 95 % interval {} to {})".format(*_three(ratio))
    if abs(ratio.log10) < EQUAL:
        return f"Faces this alike are about as frequent among pairs of one person as among pairs of two people {between}."
    one, two = ("one person", "two people") if ratio.log10 > 0 else ("two people", "one person")
    return f"Faces this alike are about {_times(abs(ratio.log10))} times more frequent among pairs of {one} than among pairs of {two} {between}."


def _three(ratio: Ratio) -> list[str]:
    """The ratio and its interval with one digit; never a negative nought."""
    return [f"{round(each, 1) + 0:+.1f}" for each in (ratio.log10, ratio.low, ratio.high)]


def _times(log10: float) -> str:
    """10 ** log10 with two digits that count."""
    times = 10**log10
    return f"{float(f'{times:.2g}'):,.0f}" if times >= 10 else f"{times:.1f}"


def _ratio_part(ratio: Ratio) -> dict[str, Any]:
    return {"log10_lr": round(ratio.log10, 3), "low": round(ratio.low, 3), "high": round(ratio.high, 3), "cap": round(ratio.cap, 3), "at_the_cap": ratio.capped}


def _part(n: int, side: Side) -> dict[str, Any]:
    face = side.face and {
        "box": [round(each, 1) for each in side.face.box],
        "found": round(side.face.score, 4),
        "quality": side.face.quality,
        "detail_pixels": round(side.detail, 1),
        "warnings": side.concerns,
    }
    size = {"width": side.picture.shape[1], "height": side.picture.shape[0]}
    return {"name": f"picture-{n}", "sha256": side.sha256, **size, "faces": len(side.faces), "compared": face}
