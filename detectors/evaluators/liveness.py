"""Judge the detector of faces that are not live: APCER by kind of attack and BPCER (ISO/IEC 30107-3), of looks and of tracks, beside plain rivals."""

from __future__ import annotations

import collections
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, image
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.liveness import measures
from detectors.liveness.live import NOT_LIVE, UNDECIDED, Liveness
from detectors.metrics import auc, interval
from detectors.types import Box, Face
from detectors.verification import threshold_at

RESAMPLES = 500
LABELS = ("live", "attack")
RIVALS = ("high_frequency", "moire_peak")


def _label(text: str) -> str:
    if text not in LABELS:
        raise ValueError(text)
    return text


COLUMNS = {"path": str, "label": _label, "kind": str, "person": str, "track": str}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One picture of the set: its row, the answer, and the rivals' scores when there is one."""

    row: dict[str, Any]
    answer: Liveness
    rivals: tuple[float, ...]

    @property
    def attack(self) -> bool:
        return self.row["label"] == "attack"


@evaluator("liveness")
def evaluate(folder: Path, **_: Any) -> Evaluation:
    """labels.csv: `path,label,kind,person,track`; label live or attack, kind the medium, of live rows where they come from ("-": simulated).

    The face nearest a picture's centre is judged.
    """
    rows = datasets.read_table(folder / "labels.csv", COLUMNS)
    built, looks, skipped, seconds = detectors.load("face-liveness"), [], [], 0.0
    for row in rows:
        try:
            picture = image.read(folder / row["path"])
            box = nearest(picture).box
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
            continue
        start = time.perf_counter()
        answer = built.judge(picture, box)
        seconds += time.perf_counter() - start
        looks.append(Look(row, answer, rivals(picture, box) if answer.score is not None else ()))
    if {look.row["label"] for look in looks} != set(LABELS):
        raise BadDataset(f"labels.csv, line {len(rows) + 1}: no usable faces of both labels, {' and '.join(LABELS)}; expected columns {','.join(COLUMNS)}")
    tracks = _tracks(built, looks)
    found, of_tracks = figures(looks), figures(tracks)
    metrics = found["metrics"] | {f"{name}_track": value for name, value in of_tracks["metrics"].items()}
    return Evaluation(
        n=len(looks),
        metrics=metrics,
        threshold={
            "value": built.card.thresholds["score"],
            "track": built.card.thresholds["track"],
            "from": "the card: of live faces of other people, none of this set",
        },
        model=model_of("face-liveness"),
        inference_s=seconds,
        skipped=skipped,
        headline=("auc",),
        extra={
            "people": len({look.row["person"] for look in looks}),
            "tracks": len(tracks),
            **{name: found[name] for name in ("apcer", "bpcer")},
            **{f"{name}_track": of_tracks[name] for name in ("apcer", "bpcer")},
            "rivals": _rivals(looks),
            "cannot_say_reasons": dict(collections.Counter(look.answer.reason for look in looks if look.answer.reason)),
        },
    )


def nearest(picture: np.ndarray) -> Face:
    """The face nearest the picture's centre. Raises BadInput when there is none."""
    faces = detectors.shared("faces").find(picture)
    if not faces:
        raise BadInput("no face was found")
    height, width = picture.shape[:2]
    return min(faces, key=lambda face: np.hypot(face.box.x + (face.box.w - width) / 2, face.box.y + (face.box.h - height) / 2))


def rivals(picture: np.ndarray, box: Box) -> tuple[float, ...]:
    """The plain rivals, higher for attacks: how little power lies in the highest frequencies of the face, and how far a peak stands above its ring."""
    found = measures.measures(*measures.region(picture, box))
    return -found["y_ring_6"], max(found[f"y_peak_{n}"] for n in range(1, 4))


def figures(looks: list[Look]) -> dict[str, Any]:
    """Metrics with intervals by person; APCER by kind (an attack of which nothing can be said does not pass: it counts as refused)."""
    people = _by_person(looks)
    attacks = sorted({look.row["kind"] for look in looks if look.attack})
    count = collections.Counter(look.row["kind"] for look in looks if look.attack)
    apcer = {kind: {"n": count[kind], **interval(people, lambda drawn, k=kind: _passed(drawn, k), resamples=RESAMPLES)} for kind in attacks}
    sources = collections.Counter(look.row["kind"] for look in looks if not look.attack)
    bpcer = {
        kind: {"n": n, **interval(people, lambda drawn, k=kind: _share(_of(drawn, k), False, NOT_LIVE), resamples=RESAMPLES)} for kind, n in sources.items()
    }
    metrics = {
        "auc": interval(people, lambda drawn: _area(drawn), resamples=RESAMPLES),
        "bpcer": interval(people, lambda drawn: _share(drawn, False, NOT_LIVE), resamples=RESAMPLES),
        "apcer_worst": interval(people, lambda drawn: max((_passed(drawn, kind) for kind in attacks), default=np.nan), resamples=RESAMPLES),
        "apcer_mean": interval(people, lambda drawn: float(np.mean([_passed(drawn, kind) for kind in attacks])), resamples=RESAMPLES),
        "cannot_say_live": interval(people, lambda drawn: _share(drawn, False, UNDECIDED), resamples=RESAMPLES),
        "cannot_say_attack": interval(people, lambda drawn: _share(drawn, True, UNDECIDED), resamples=RESAMPLES),
        "attacks_found_at_bpcer_1e-2": interval(people, _found_at, resamples=RESAMPLES),
    }
    return {"metrics": metrics, "apcer": apcer, "bpcer": bpcer}


def _tracks(built: Any, looks: list[Look]) -> list[Look]:
    """The looks at one face as one."""
    grouped: dict[str, list[Look]] = {}
    for look in looks:
        grouped.setdefault(look.row["track"], []).append(look)
    return [Look(each[0].row, built.judge_track([look.answer for look in each]), ()) for each in grouped.values()]


def _by_person(looks: list[Look]) -> list[list[Look]]:
    grouped: dict[str, list[Look]] = {}
    for look in looks:
        grouped.setdefault(look.row["person"], []).append(look)
    return list(grouped.values())


def _flat(drawn: Any) -> list[Look]:
    return [look for person in drawn for look in person]


def _of(drawn: Any, kind: str) -> list[list[Look]]:
    return [[look for look in _flat(drawn) if look.row["kind"] == kind]]


def _passed(drawn: Any, kind: str) -> float:
    chosen = [look for look in _flat(drawn) if look.attack and look.row["kind"] == kind]
    return float(np.mean([look.answer.kind == "live" for look in chosen])) if chosen else float("nan")


def _share(drawn: Any, attack: bool, kind: str) -> float:
    chosen = [look for look in _flat(drawn) if look.attack == attack]
    return float(np.mean([look.answer.kind == kind for look in chosen])) if chosen else float("nan")


def _scored(drawn: Any) -> tuple[np.ndarray, np.ndarray]:
    looks = [look for look in _flat(drawn) if look.answer.score is not None]
    return np.array([look.answer.score for look in looks]), np.array([look.attack for look in looks], bool)


def _area(drawn: Any) -> float:
    return auc(*_scored(drawn))


def _found_at(drawn: Any) -> float:
    scores, attacks = _scored(drawn)
    return found_at(scores, attacks)


def found_at(scores: np.ndarray, attacks: np.ndarray) -> float:
    """The share of attacks found at the threshold that refuses one in a hundred live faces of this set."""
    if not attacks.any() or attacks.all():
        return float("nan")
    return float((scores[attacks] >= threshold_at(scores[~attacks], 1e-2)).mean())


def _rivals(looks: list[Look]) -> dict[str, dict[str, Any]]:
    people = _by_person([look for look in looks if look.rivals])

    def column(drawn: Any, at: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = _flat(drawn)
        return np.array([look.rivals[at] for look in chosen]), np.array([look.attack for look in chosen], bool)

    return {
        name: {
            "auc": interval(people, lambda drawn, at=at: auc(*column(drawn, at)), resamples=RESAMPLES),
            "attacks_found_at_bpcer_1e-2": interval(people, lambda drawn, at=at: found_at(*column(drawn, at)), resamples=RESAMPLES),
        }
        for at, name in enumerate(RIVALS)
    }
