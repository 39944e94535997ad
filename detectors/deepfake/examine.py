"""Look at the faces of a picture or clip: one score a face, one a person, one a file; higher means more likely fake."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import image, video
from detectors.deepfake.crops import crop_face, scale_of
from detectors.deepfake.identities import group, vote
from detectors.deepfake.traces import face_part, rings
from detectors.types import Face, Frame

FACES = 8  # frames of a clip that are looked at, evenly over it
MOST = 12  # faces of one frame that are looked at
KINDS = ("blended", "edited", "generated")
LEAST_FACES = 4  # of a person in a clip for a score to mean something: thresholds are for means over FACES
SMALLEST = 60  # pixels from chin to forehead below which there is no answer


@dataclasses.dataclass(frozen=True, slots=True)
class FoundFace:
    """One face that is large enough, before any net judged it: its crop, the spectrum's rings around it, size, its second and the number of its frame."""

    face: Face
    crop: np.ndarray
    rings: np.ndarray
    scale: float
    t: float = 0.0
    frame: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class FaceEvidence:
    """One face: its crop, how far each of KINDS lies above real faces (in their deviations, 3), where it looks blended (10, 10), size, and its frame."""

    face: Face
    crop: np.ndarray
    kinds: np.ndarray
    where: np.ndarray
    rings: np.ndarray
    scale: float
    score: float
    t: float = 0.0
    frame: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class ClipPerson:
    """One person of a clip: the faces, in the order of time, and one score."""

    faces: tuple[FaceEvidence, ...]
    score: float


class Examiner:
    """Finds faces and looks at them."""

    def __init__(self) -> None:
        self._finder, self._net = detectors.shared("faces"), detectors.shared("face-manipulated")
        self.card = self._net.card

    @cached_property
    def _probe(self) -> Any:
        return detectors.shared("face-probe")

    @cached_property
    def _embedder(self) -> Any:
        return detectors.shared("face-embedding")

    def picture(self, picture: np.ndarray) -> list[FaceEvidence]:
        """Every face of a BGR picture that is large enough, the largest first; an empty list when there is none. Raises BadInput."""
        return [self.look(each, still=True) for each in self.found(picture)]

    def clip(self, path: Path | str, count: int = FACES) -> list[ClipPerson]:
        """The people of a clip with their scores, looking at `count` frames; an empty list without a face. Raises BadInput."""
        return self.people([(frame.t, frame.image) for frame in sampled(path, count)])

    def people(self, pictures: Iterable[tuple[float, np.ndarray]]) -> list[ClipPerson]:
        """The people of a clip's frames, each with its second; the mean over a person's faces is the person's score. Raises BadInput.

        Of a crowd the MOST largest faces of each frame are looked at.
        """
        return grouped([self.look(each, still=False) for each in self.found_in(pictures)])

    def found(self, picture: np.ndarray) -> list[FoundFace]:
        """Every face of a BGR picture that is large enough, the largest first, not judged yet. Raises BadInput."""
        faces = sorted(self._finder.find(picture), key=lambda face: -face.box.w * face.box.h)
        return [
            FoundFace(face, crop_face(picture, face.landmarks), rings(face_part(picture, tuple(face.box))), scale_of(face.landmarks))
            for face in faces
            if max(face.box.w, face.box.h) >= SMALLEST
        ]

    def found_in(self, pictures: Iterable[tuple[float, np.ndarray]], *, embedded: bool = True) -> Iterator[FoundFace]:
        """The faces of a clip's frames with their embeddings, frame by frame, not judged yet. Raises BadInput."""
        for n, (t, picture) in enumerate(pictures):
            for each in self.found(picture)[:MOST]:
                yield dataclasses.replace(each, t=t, frame=n, face=self._embedder.embed(picture, [each.face])[0] if embedded else each.face)

    def look(self, found: FoundFace, *, still: bool) -> FaceEvidence:
        """Judge a face. In a clip only the net that looks for blending counts: the probes read stills, and a clip's encoder is all they would see."""
        whole, where = self._net.look(found.crop)
        raw = np.array([whole, *self._probe.look(found.crop)]) if still else np.array([whole, np.nan, np.nan])
        kinds = (raw - self.card.thresholds["real_mean"]) / self.card.thresholds["real_deviation"]
        score = float(kinds @ self.card.thresholds["shares"]) if still else float(kinds[0])
        return FaceEvidence(found.face, found.crop, kinds, where, found.rings, found.scale, score, found.t, found.frame)


def grouped(faces: Sequence[FaceEvidence]) -> list[ClipPerson]:
    """A clip's faces put together by whose they are, the most frequent person first."""
    if not faces:
        return []
    people = group(np.stack([each.face.embedding for each in faces]), [each.frame for each in faces])
    return [ClipPerson(tuple(faces[n] for n in each), float(np.mean([faces[n].score for n in each]))) for each in people]


def clip_score(people: Sequence[ClipPerson], threshold: float) -> float:
    """One score for a clip: the voting rule over its people; passers-by, who show fewer than LEAST_FACES, count only where nobody else is there."""
    staying = [each for each in people if len(each.faces) >= LEAST_FACES]
    return vote([each.score for each in staying or people], threshold)


def sampled(path: Path | str, count: int, *, longest: int | None = None, seen: Callable[[int], None] = lambda n: None) -> list[Frame]:
    """At most `count` frames of a clip, evenly over its length, also when its header is silent or wrong about that. Raises BadInput.

    `longest`: pixels of the longer side to which larger frames are reduced; `seen` is called with the number of frames there are so far.
    """
    promised = video.probe(path).frames
    found = _every(path, promised // count, count, longest, seen) if promised else []
    if not promised or len(found) < min(count, promised):  # the header was silent, or promised more than there is
        there = video.count(path)
        found = _every(path, there // count, count, longest, seen)
    return found


def _every(path: Path | str, step: int, count: int, longest: int | None, seen: Callable[[int], None]) -> list[Frame]:
    found = []
    for frame in video.frames(path, every=max(1, step)):
        found.append(dataclasses.replace(frame, image=image.reduced(frame.image, longest)))
        seen(len(found))
        if len(found) == count:
            break
    return found
