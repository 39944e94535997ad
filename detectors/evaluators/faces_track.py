"""Judge track fusion: how much better ten poor frames of a face are known together than each alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detectors import datasets, openset
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.faces.embed import SIDE, TEMPLATE
from detectors.faces.fuse import TrackFaces
from detectors.faces.identify import SMALL
from detectors.faces.quality import judge
from detectors.openset import OpenSetScores, Probes
from detectors.portraits import person_of
from detectors.sized import SizedFaces, by_person, mean_of
from detectors.types import Box, Face

FRAMES, SIZES = 10, (16, 24)
HOW = (
    "each frame from the aligned 112 px crop: turned (sd 2 degrees), scaled (sd 3 %) and moved (sd .25 small pixels) as landmarks err; "
    "sampled at a phase of its own; out of focus (Gaussian, sd .2 to .8 small pixels); reduced by area; noise (sd 4 of 255); "
    "JPEG quality 60 to 90; enlarged bicubic"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Tracks:
    """T tracks of F frames by one net: `probes` says whose each track is, `frames` (T, F, 128), `fused` (T, 128)."""

    probes: Probes
    frames: np.ndarray
    fused: np.ndarray

    def judge(self, templates: dict[str, Any]) -> tuple[OpenSetScores, OpenSetScores]:
        """Every frame alone, and every track."""
        times = self.frames.shape[1]
        alone = Probes([owner for owner in self.probes.owner for _ in range(times)], np.repeat(self.probes.person, times))
        return alone.judge(templates, self.frames.reshape(-1, self.frames.shape[2])), self.probes.judge(templates, self.fused)


@evaluator("faces-track")
def evaluate_tracks(folder: Path, *, resolution: int | None = None, **_: Any) -> Evaluation:
    """TPIR at FPIR .01 of single frames and of tracks fused from ten, at 16 and 24 px (or at `resolution`), and the paired gain.

    A track is one probe picture degraded ten times; where every person has several probes, `people_as_tracks` says the same of tracks made of
    a person's different pictures in turn.
    """
    faces, gallery, rows = _read(folder)
    metrics: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for size in [resolution] if resolution else SIZES:
        templates = by_person(gallery, lambda path, size=size: template(faces, path, size))
        metrics |= _figures(f"{size} px", _tracks(faces, [[row["path"]] for row in rows], [row["person"] for row in rows], size), templates)
        if len(turns := _by_owner(rows)) and all(len(paths) > 1 for paths, _ in turns):
            others |= _figures(f"{size} px", _tracks(faces, [paths for paths, _ in turns], [owner for _, owner in turns], size), templates)
    return Evaluation(
        n=len(rows),
        metrics=metrics,
        threshold={"value": None, "from": "each figure its own, at a false positive rate of .01 of the strangers' frames or tracks"},
        model=model_of("face-embedding-small"),
        inference_s=faces.seconds,
        skipped=faces.skipped,
        extra={"frames": FRAMES, "how": HOW, "people_as_tracks": others or None},
    )


def frames_of(crops: Sequence[np.ndarray], size: int, rng: np.random.Generator, count: int = FRAMES) -> list[np.ndarray]:
    """`count` poor pictures (112, 112, 3) of the crops in turn, as a camera would give them that sees the face in size x size pixels."""
    return [_frame(crops[n % len(crops)], size, rng) for n in range(count)]


def template(faces: SizedFaces, path: str, size: int) -> np.ndarray:
    """What a face of this size is compared with, as shipped."""
    plain = faces.embed("plain", path)
    return mean_of(plain, faces.embed("student", path)) if size < SMALL else plain


def _frame(crop: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    pixel = SIDE / size
    phase = rng.uniform(-pixel / 2, pixel / 2, 2)
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.normal(0, 2)), float(np.exp(rng.normal(0, 0.03))))
    matrix[:, 2] += phase + rng.normal(0, 0.25 * pixel, 2)
    seen = cv2.warpAffine(crop, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.2, 0.8) * pixel))
    small = cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA)
    small = np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8)
    small = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 91))])[1], cv2.IMREAD_COLOR)
    back = np.array([[1, 0, -phase[0]], [0, 1, -phase[1]]], np.float32)  # the phase is known: alignment takes it out again
    return cv2.warpAffine(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), back, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def _read(folder: Path) -> tuple[SizedFaces, list[dict[str, Any]], list[dict[str, Any]]]:
    faces = SizedFaces(folder)
    gallery = [row for row in datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}) if faces.crop(row["path"]) is not None]
    rows = [row for row in datasets.read_table(folder / "probes.csv", {"path": str, "person": str}) if faces.crop(row["path"]) is not None]
    if not gallery or len({row["person"] == openset.STRANGER for row in rows}) < 2:
        raise BadDataset("probes.csv, line 2: no usable gallery, or no usable known probes and strangers; expected columns path,person")
    return faces, gallery, rows


def _by_owner(rows: Sequence[dict[str, Any]]) -> list[tuple[list[str], str]]:
    people: dict[str, tuple[list[str], str]] = {}
    for row in rows:
        people.setdefault(person_of(row["path"]), ([], row["person"]))[0].append(row["path"])
    return list(people.values())


def _tracks(faces: SizedFaces, pictures: Sequence[Sequence[str]], owners: Sequence[str], size: int) -> Tracks:
    net, rng = "student" if size < SMALL else "plain", np.random.default_rng(size)
    made = [_track(faces, net, frames_of([faces.crop(path) for path in paths], size, rng), size) for paths in pictures]
    people = {person: n for n, person in enumerate(dict.fromkeys(person_of(paths[0]) for paths in pictures))}
    probes = Probes(owners, np.array([people[person_of(paths[0])] for paths in pictures]))
    return Tracks(probes, np.stack([frames for frames, _ in made]), np.stack([fused for _, fused in made]))


def _track(faces: SizedFaces, net: str, frames: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The frames' embeddings, and the one they are fused to, weighted by each frame's quality as at a door."""
    vectors, track = [faces.embed_crop(net, frame) for frame in frames], TrackFaces()
    face = Face(Box(0, 0, size, size), 1.0, TEMPLATE * (size / SIDE))
    for vector, frame in zip(vectors, frames, strict=True):
        track.add(vector, judge(frame, face).value)
    return np.stack(vectors), track.embedding()


def _figures(where: str, tracks: Tracks, templates: dict[str, Any]) -> dict[str, Any]:
    alone, fused = tracks.judge(templates)
    return {
        f"tpir_at_fpir_1e-2 at {where}: one frame": openset.tpir(alone),
        f"tpir_at_fpir_1e-2 at {where}: {FRAMES} frames fused": openset.tpir(fused),
        f"gain at {where}: {FRAMES} frames over one": openset.gain(fused, alone),  # both see the same people in each draw
    }
