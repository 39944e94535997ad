"""Faces at a restricted door (mode M1 only): open-set comparison with the signed gallery, in memory; a stranger stays a stranger."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.types import Detection, Face
from site_agents.orders import Person


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """Whose a face is: `person` None means nobody of the gallery, and then nothing more is said."""

    person: str | None
    similarity: float | None = None


class Gallery:
    """The consented staff of this door. `threshold` is the least cosine of a match."""

    def __init__(self, people: Sequence[Person], threshold: float) -> None:
        self.people, self.threshold = tuple(people), threshold

    def match(self, embedding: np.ndarray, now: float) -> Match:
        """Compare one L2-normalised embedding (128,) with every template that has not expired."""
        alike = [(float((person.templates @ embedding).max()), person.id) for person in self.people if now < person.expires]
        best = max(alike, default=(-1.0, ""))
        return Match(best[1], round(best[0], 4)) if best[0] >= self.threshold else Match(None)


class DoorKeeper:
    """Finds the faces of a frame and names those that are in the gallery; embeddings never leave this object."""

    def __init__(self, faces: Any, embedding: Any) -> None:
        self.faces, self.embedding = faces, embedding

    def look(self, image: np.ndarray, gallery: Gallery, now: float) -> list[Detection]:
        """Detections of kind "face" with `data` {person, quality} and, when known, similarity."""
        found: list[Face] = self.faces.find(image)
        return [self._said(face, gallery.match(face.embedding, now)) for face in self.embedding.embed(image, found)]

    def _said(self, face: Face, match: Match) -> Detection:
        data = {"person": match.person, "quality": face.quality}
        return Detection("face", face.score, face.box, data=data if match.person is None else {**data, "similarity": match.similarity})
