"""The faces of a labelled file and what the plain rivals look at: found once, kept on disk if wanted, and judged by as many nets as one likes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors import image, lite0, video, weights
from detectors.deepfake.examine import FACES, Examiner, FaceEvidence, FoundFace, sampled
from detectors.errors import BadInput
from detectors.types import Box, Face


@dataclasses.dataclass(frozen=True, slots=True)
class FoundFile:
    """A picture or clip: bytes, height and width, its faces (of a clip with frame and embedding), and EfficientNet-Lite0's features of the whole picture."""

    size: int
    shape: tuple[int, int]
    faces: tuple[FoundFace, ...]
    lite0: np.ndarray

    def rivals(self, faces: Sequence[FaceEvidence | FoundFace]) -> dict[str, np.ndarray]:
        """What the plain rivals look at: bytes and size of the file, sharpness, size of the face, rings of the spectrum."""
        blur = [np.log(cv2.Laplacian(cv2.cvtColor(each.crop, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var() + 1e-3) for each in faces]
        return {
            "size": np.log([self.size, *self.shape]),
            "blur": np.array([np.mean(blur)]),
            "resolution": np.array([np.mean([np.log(each.scale) for each in faces])]),
            "lite0": self.lite0,
            "rings": np.mean([each.rings for each in faces], 0),
        }


def find_faces(path: Path, medium: str, examiner: Examiner, count: int = FACES, *, embedded: bool = True) -> FoundFile:
    """The faces of a "picture" or of `count` frames of a "clip". Raises BadInput, also when there is none that is large enough.

    A clip's faces that are not `embedded` cannot be put together by person.
    """
    if medium == "picture":
        picture = image.read(path)
        seen, shape, faces = picture, picture.shape[:2], examiner.found(picture)
    else:
        frames, clip = sampled(path, count), video.probe(path)
        shape, faces = (clip.height, clip.width), list(examiner.found_in([(frame.t, frame.image) for frame in frames], embedded=embedded))
        seen = frames[len(frames) // 2].image if frames else None
    if not faces:
        raise BadInput("no face that is large enough was found")
    return FoundFile(path.stat().st_size, (int(shape[0]), int(shape[1])), tuple(faces), lite0.features(seen))


def kept_faces(path: Path, medium: str, examiner: Examiner, kept: Path, count: int = FACES, *, embedded: bool = True) -> FoundFile:
    """The same, read from the file `kept` when that is there, else found and written to it. Raises BadInput, again when it did so before."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f".{kept.name}")
        try:
            arrays = _arrays(find_faces(path, medium, examiner, count, embedded=embedded))
        except BadInput as error:
            arrays = {"refused": np.array(str(error))}
        with part.open("wb") as file:
            np.savez(file, **arrays)
        part.replace(kept)
    with np.load(kept, allow_pickle=False) as stored:
        if "refused" in stored:
            raise BadInput(str(stored["refused"]))
        return _found(dict(stored))


def nets_of_finding() -> str:
    """What faces are found, put together and described with: what was kept with other nets is worth nothing. The judging net is not among them."""
    names = ("yunet-2023mar", "sface-2021dec", "efficientnet-lite0-1", "efficientnet-lite2-1", "face-probe-1")
    return json.dumps({name: weights.locked(name).sha256 for name in names})


def _arrays(found: FoundFile) -> dict[str, np.ndarray]:
    faces = found.faces
    arrays = {
        "size": np.array(found.size),
        "shape": np.array(found.shape),
        "lite0": found.lite0,
        "crops": np.stack([each.crop for each in faces]),
        "rings": np.stack([each.rings for each in faces]),
        "numbers": np.array([(each.scale, each.t, each.frame, each.face.score, *each.face.box) for each in faces]),
        "landmarks": np.stack([each.face.landmarks for each in faces]),
    }
    return arrays | ({"embeddings": np.stack([each.face.embedding for each in faces])} if faces[0].face.embedding is not None else {})


def _found(stored: dict[str, np.ndarray]) -> FoundFile:
    embeddings = stored.get("embeddings", [None] * len(stored["crops"]))
    faces = [
        FoundFace(Face(Box(*numbers[4:].tolist()), float(numbers[3]), landmarks, embedding=embedding), crop, rings, *numbers[:2].tolist(), int(numbers[2]))
        for crop, rings, numbers, landmarks, embedding in zip(*(stored[name] for name in ("crops", "rings", "numbers", "landmarks")), embeddings, strict=True)
    ]
    return FoundFile(int(stored["size"]), tuple(stored["shape"].tolist()), tuple(faces), stored["lite0"])
