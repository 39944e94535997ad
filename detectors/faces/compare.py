"""Two pictures, one question: how alike are the faces in them? A score, not an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detectors import drawing, image, registry
from detectors.faces.embed import align
from detectors.registry import detector
from detectors.types import Face, ModelCard, Report, Verdict

NOT_CALIBRATED = "not calibrated yet"
SMALL = 64  # pixels a face should have at least

Progress = Callable[[float, str], None]


@detector("face-compare", family="faces", kind="tool")
class FaceCompare:
    """One-to-one comparison of the largest face of each picture by the cosine of their SFace embeddings."""

    def __init__(self, session: None, card: ModelCard) -> None:
        self.card = card
        self.finder, self.embedder = registry.load("faces"), registry.load("face-embedding")

    def compare(self, path_a: Path | str, path_b: Path | str, progress: Progress = lambda done, what: None) -> Report:
        """The report on two picture files; `progress` is called with a share 0..1 and a word. Raises BadInput that names the picture."""
        sides = []
        for n, path in enumerate((path_a, path_b)):
            progress(0.4 * n, f"reading picture {n + 1}")
            content = image.read_bytes(path)
            picture = image.read(content)
            faces = sorted(self.finder.find(picture), key=lambda face: -face.box.w * face.box.h)
            progress(0.4 * n + 0.2, f"faces of picture {n + 1}")
            sides.append((hashlib.sha256(content).hexdigest(), picture, self.embedder.embed(picture, faces[:1]), faces))
        progress(0.9, "writing the report")
        report = self._report(sides)
        progress(1.0, "done")
        return report

    def _report(self, sides: list[tuple[str, np.ndarray, list[Face], list[Face]]]) -> Report:
        parts = tuple(_part(n, *side) for n, side in enumerate(sides, 1))
        evidence = {f"picture-{n}": drawing.draw_faces(picture, faces) for n, (_, picture, _, faces) in enumerate(sides, 1)}
        models = {each.card.name: each.card.sha256 for each in (self.finder, self.embedder)}
        chosen = [face[0] for _, _, face, _ in sides if face]
        if len(chosen) < 2:
            missing = " and ".join(str(n) for n, (_, _, face, _) in enumerate(sides, 1) if not face)
            verdict = Verdict("cannot compare", None, None, "unsure", (f"No face was found in picture {missing}.", f"The comparison is {NOT_CALIBRATED}."))
        else:
            crops = [align(picture, face[0].landmarks) for _, picture, face, _ in sides]
            evidence["aligned"] = drawing.side_by_side(*crops)
            verdict = self._verdict(*chosen, several=[n for n, side in enumerate(sides, 1) if len(side[3]) > 1])
        return Report(verdict, parts=parts, evidence=evidence, models=models, input_sha256=sides[0][0])

    def _verdict(self, a: Face, b: Face, several: list[int]) -> Verdict:
        score, threshold = float(a.embedding @ b.embedding), float(self.embedder.card.thresholds["cosine"])
        above = "above" if score >= threshold else "below"
        reasons = [
            f"The cosine of the two faces is {score:.3f}, {above} {threshold}, the value OpenCV gives for this network.",
            f"This score is {NOT_CALIBRATED}: it is no probability, and it does not say that two pictures show the same person.",
        ]
        reasons += [f"Picture {n} shows several faces; the largest was compared." for n in several]
        reasons += [
            f"The face in picture {n} is small: scores of small faces mean little." for n, face in enumerate((a, b), 1) if min(face.box.w, face.box.h) < SMALL
        ]
        return Verdict(f"score {score:.3f}, {NOT_CALIBRATED}", round(score, 4), threshold, "unsure", tuple(reasons))


def _part(n: int, sha256: str, picture: np.ndarray, chosen: list[Face], faces: list[Face]) -> dict[str, Any]:
    face = {"box": [round(each, 1) for each in chosen[0].box], "found": round(chosen[0].score, 4), "quality": chosen[0].quality} if chosen else None
    return {"name": f"picture-{n}", "sha256": sha256, "width": picture.shape[1], "height": picture.shape[0], "faces": len(faces), "compared": face}
