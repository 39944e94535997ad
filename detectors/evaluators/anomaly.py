"""Judge the anomaly detector on clips with a label for every frame (UCSD Ped2's form)."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors import datasets, image
from detectors.anomaly import small
from detectors.anomaly.calibration import LEAST, Calibration, calibrate
from detectors.anomaly.motion import WARM_UP
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import auc, interval
from detectors.types import Frame

FPS, MERGE_S = 10.0, 1.0  # frames a second of the clips; alarms closer than this are one alarm
RIVAL_BLOCK, RIVAL_FRAMES = 24, 11
COLUMNS = {"clip": str, "frame": int, "label": int}


@dataclasses.dataclass(slots=True)
class LabelledClip:
    """A clip's frames (T, H, W) grey, labels (T,), and the score of every frame, -inf where there is none."""

    name: str
    frames: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None
    alarms: np.ndarray | None = None
    rivals: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


@evaluator("anomaly")
def evaluate_anomaly(folder: Path, *, fit: str | None = None, fps: float = FPS, seed: int = 0, **_: Any) -> Evaluation:
    """Frame AUC over all clips in one row, AUC within clips, false alarms an hour.

    With `fit="train"` half of the normal clips in train/ train the net, a quarter calibrate it, a quarter counts false alarms; without it
    the shipped net is calibrated on train/ when that is there, else on a clip's own first 300 frames, which then are not judged; a shorter clip is left out.
    Only past frames are used; the first frame of a clip has no score. Raises BadDataset when no clip could be calibrated, or all labels are of one class.
    """
    clips, skipped = read_clips(folder, "test")
    normal, more = read_clips(folder, fit or "train") if fit or (folder / "train").is_dir() else ([], [])
    with tempfile.TemporaryDirectory() as scratch:
        path, trained = _fit(normal[0::4] + normal[1::4], Path(scratch) / "net.onnx", seed) if fit else (None, {})
        unused = normal[3::4] if fit or len(normal) > 3 else []
        calibration = _calibrate(path, normal[2::4] if unused else normal, fps) if normal else None
        start = time.perf_counter()
        for clip in clips + unused:
            _score(clip, path, calibration, fps)
        seconds = time.perf_counter() - start
        clips, skipped = _calibrated(folder, clips, calibration, skipped)
        model = dataclasses.asdict(detectors.load("anomaly", path=path).card)
    n = sum(len(clip.labels) for clip in clips)
    metrics = {
        "frame_auc": interval(clips, _frame_auc),
        "frame_auc_per_clip": interval(clips, _auc_per_clip),
        "false_alarms_per_hour": interval(clips, lambda drawn: false_alarms(drawn, fps)),
    }
    if unused:
        metrics["false_alarms_per_hour_unused_normal_clips"] = interval(unused, lambda drawn: false_alarms(drawn, fps))
    metrics["alarmed_share_of_abnormal_frames"] = interval(clips, _recall)
    return Evaluation(
        n=n,
        metrics=metrics,
        threshold={"value": 0.5, "from": f"z = {detectors.card('anomaly').thresholds['z']} in the card, calibrated on {_calibrated_on(fit, normal, unused)}"},
        model={name: model[name] for name in ("name", "version", "sha256")} if fit else model_of("anomaly"),
        inference_s=seconds * n / max(1, n + sum(len(clip.labels) for clip in unused)),
        skipped=skipped + more,
        extra={"rivals": _rivals(clips), **trained},
    )


def _calibrated(
    folder: Path, clips: Sequence[LabelledClip], calibration: Calibration | None, skipped: list[dict[str, str]]
) -> tuple[list[LabelledClip], list[dict[str, str]]]:
    """The clips that have scores, those of frames before their calibration cut off, and what was left out. Raises BadDataset when that leaves too little."""
    kept = []
    for clip in clips:
        scored = np.isfinite(clip.scores)
        if not scored.any():
            skipped = [*skipped, {"item": clip.name, "reason": f"never calibrated: {len(clip.labels)} frames, and no normal footage"}]
        elif calibration is None:
            at = int(scored.argmax())
            kept.append(LabelledClip(clip.name, clip.frames[at:], clip.labels[at:], clip.scores[at:], clip.alarms[at:]))
        else:
            kept.append(clip)
    if not kept:
        raise BadDataset(
            f"{folder}: the score was never calibrated, so no figure would mean anything: normal footage is needed, train/<clip>/001.jpg ... "
            f"with more than {LEAST} frames, or test clips of more than {WARM_UP} frames that begin with normal life"
        )
    labels = np.concatenate([clip.labels for clip in kept])
    if not 0 < labels.mean() < 1:
        raise BadDataset(
            f"frames.csv, line 2: all {len(labels)} judged frames are labelled {labels[0]}: a frame AUC needs normal (0) and abnormal (1) ones; "
            "expected columns clip,frame,label"
        )
    return kept, skipped


def _calibrated_on(fit: str | None, normal: Sequence[LabelledClip], unused: Sequence[LabelledClip]) -> str:
    if not normal:
        return f"each clip's own first {WARM_UP} frames: there is no train/"
    return f"a quarter of {fit or 'train'}/" if unused else "train/"


def read_clips(folder: Path, part: str) -> tuple[list[LabelledClip], list[dict[str, str]]]:
    """The clips of `part` (test, train) with their labels, and pictures that could not be read. Raises BadDataset."""
    table, skipped = datasets.read_table(folder / "frames.csv", COLUMNS), []
    labels: dict[str, dict[int, int]] = {}
    for row in table:
        labels.setdefault(row["clip"], {})[row["frame"]] = row["label"]
    if not (folder / part).is_dir():
        raise BadDataset(f"{folder / part}: there is no such folder; expected {part}/<clip>/001.jpg ... and frames.csv with columns clip,frame,label")
    clips = []
    for each in sorted(child for child in (folder / part).iterdir() if child.is_dir()):
        files = datasets.pictures(each)
        labelled = labels.get(each.name, {} if part == "test" else dict.fromkeys(range(1, len(files) + 1), 0))
        if missing := [file.name for n, file in enumerate(files, 1) if n not in labelled]:
            raise BadDataset(f"frames.csv, line {len(table) + 1}: no label for {each.name}/{missing[0]}; expected columns clip,frame,label")
        frames: list[np.ndarray | None] = []
        for file in files:
            try:
                frames.append(cv2.cvtColor(image.read(file), cv2.COLOR_BGR2GRAY))
            except BadInput as error:
                skipped.append({"item": f"{each.name}/{file.name}", "reason": str(error)})
                frames.append(frames[-1] if frames else None)
        clips.append(LabelledClip(each.name, _one_size(each.name, frames), np.array([labelled[n] for n in range(1, len(files) + 1)])))
    return clips, skipped


def _one_size(name: str, frames: Sequence[np.ndarray | None]) -> np.ndarray:
    """A clip's frames; what could not be read before the first good one is that one. Raises BadDataset for sizes that differ, or when none is good."""
    first = next((frame for frame in frames if frame is not None), None)
    if first is None:
        raise BadDataset(f"{name}: none of its {len(frames)} pictures can be read")
    if len(sizes := {frame.shape for frame in frames if frame is not None}) > 1:
        raise BadDataset(f"{name}: its pictures have {len(sizes)} sizes, as {' and '.join(f'{w} x {h}' for h, w in sorted(sizes)[:2])}; one clip has one size")
    return np.stack([first if frame is None else frame for frame in frames])


def _fit(clips: Sequence[LabelledClip], path: Path, seed: int) -> tuple[Path, dict[str, Any]]:
    import torch

    from detectors.nets.anomaly import AnomalyNet
    from detectors.train import anomaly as train

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    start, net = time.perf_counter(), AnomalyNet()
    samples = train.samples_of([np.stack([small(frame) for frame in clip.frames]) for clip in clips], seed=seed)
    fitted = train.fit(net, samples, seed=seed)
    train.export(net, path)
    return path, {"fit": {**fitted, "clips": [clip.name for clip in clips], "seconds": round(time.perf_counter() - start, 1)}}


def _calibrate(path: Path | None, clips: Sequence[LabelledClip], fps: float) -> Calibration:
    judge = detectors.load("anomaly", path=path)
    maps = [found for clip in clips for frame in frames_of(clip, fps) if (found := judge.excess(frame)) is not None]
    if len(maps) < LEAST:
        raise BadDataset(
            f"train: {len(clips)} clips with {sum(len(clip.labels) for clip in clips)} frames are there to calibrate with, which is too little: {LEAST} frames "
            "after the first of each clip are needed; expected train/<clip>/001.jpg ... of normal footage"
        )
    return calibrate(np.stack(maps))


def _score(clip: LabelledClip, path: Path | None, calibration: Calibration | None, fps: float) -> None:
    judge = detectors.load("anomaly", path=path, calibration=calibration)
    found = [judge.step(frame) for frame in frames_of(clip, fps)]
    clip.scores = np.array([-np.inf if each is None else each.data["raw"] for each in found])
    clip.alarms = np.array([each is not None and each.score >= judge.threshold for each in found])


def frames_of(clip: LabelledClip, fps: float) -> list[Frame]:
    """The clip as a camera would give it."""
    return [Frame(frame, clip.name, n / fps, n) for n, frame in enumerate(clip.frames)]


def _frame_auc(clips: Sequence[LabelledClip]) -> float:
    return auc(np.concatenate([clip.scores for clip in clips]), np.concatenate([clip.labels for clip in clips]))


def _auc_per_clip(clips: Sequence[LabelledClip]) -> float:
    values = [auc(clip.scores, clip.labels) for clip in clips if 0 < clip.labels.mean() < 1]
    return float(np.mean(values)) if values else float("nan")


def _recall(clips: Sequence[LabelledClip]) -> float:
    abnormal = np.concatenate([clip.labels for clip in clips]) == 1
    return float(np.concatenate([clip.alarms for clip in clips])[abnormal].mean()) if abnormal.any() else float("nan")


def false_alarms(clips: Sequence[LabelledClip], fps: float) -> float:
    """Alarms, neighbours merged, that hold no abnormal frame, for every hour of normal frames."""
    hours = sum(int((clip.labels == 0).sum()) for clip in clips) / fps / 3600
    return sum(_false_runs(clip, round(MERGE_S * fps)) for clip in clips) / hours if hours else float("nan")


def _false_runs(clip: LabelledClip, gap: int) -> int:
    at = np.flatnonzero(clip.alarms)
    runs = np.split(at, np.flatnonzero(np.diff(at) > gap) + 1) if len(at) else []
    return sum(not clip.labels[run].any() for run in runs)


def _rivals(clips: Sequence[LabelledClip]) -> dict[str, Any]:
    """The trivial score of the data's README, and the same with past frames only."""
    for clip in clips:
        change = np.abs(np.diff(clip.frames.astype(np.float32), axis=0, prepend=clip.frames[:1]))
        half = RIVAL_FRAMES // 2
        for name, before, after in (("block_difference_seeing_5_later_frames", half, half), ("block_difference_past_only", RIVAL_FRAMES - 1, 0)):
            largest = np.array([cv2.blur(each, (RIVAL_BLOCK, RIVAL_BLOCK)).max() for each in change])
            clip.rivals[name] = np.array([largest[max(0, t - before) : t + after + 1].mean() for t in range(len(largest))])

    def measure(name: str) -> dict[str, float | None]:
        return interval(clips, lambda drawn: auc(np.concatenate([clip.rivals[name] for clip in drawn]), np.concatenate([clip.labels for clip in drawn])))

    return {name: {"frame_auc": measure(name)} for name in clips[0].rivals}
