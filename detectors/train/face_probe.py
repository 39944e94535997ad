"""Fit the probes for edited and generated faces, and the thresholds of all deepfake scores: `python -m detectors.train.face_probe IMAGES VIDEOS --out FILE`.

The probes learn from the labelled pictures of ciplab (composites) and gan (StyleGAN2; "edited" from both, "generated" from it alone), research-only data;
no file of FaceForensics++ is fitted on; its stills help to choose the bounds of "cannot say" for pictures (detectors/deepfake/abstention.py).
Of its clips only real ones count, and only for where a score begins to mean something. Scores that set the pictures' thresholds are cross-fitted by group.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

import detectors
from detectors import image, weights
from detectors.deepfake import abstention
from detectors.deepfake.crops import SIDE, crop_face
from detectors.deepfake.examine import FACES, sampled
from detectors.deepfake.logistic import Logistic, cross_fitted, fit
from detectors.deepfake.probe import KINDS
from detectors.evaluators.deepfake import read_labels
from detectors.nets import lite, sface
from detectors.nets.lite import LiteNet
from detectors.nets.probe import ExportedProbe, ProbeNet
from detectors.nets.sface import SFaceNet, narrow
from detectors.train.manipulated import tensor_of
from detectors.types import Face

COLLECTIONS = {"edited": ("ciplab", "gan"), "generated": ("gan",)}  # what each kind learns from
PENALTY = {"edited": 600.0, "generated": 1500.0}
SHARES = (0.2, 0.7, 0.1)  # of blended, edited, generated in a picture's score
FALSE = 0.05  # of the real clips called fake


def stills_of(folder: Path, lite: LiteNet, face: SFaceNet) -> dict[str, np.ndarray]:
    """For every picture: features (N, D), the blended net's log-odds (N,), labels, groups, methods."""
    rows, net, probe, features, whole = read_labels(folder), detectors.shared("face-manipulated"), ProbeNet(lite, face).eval(), [], []
    for row in rows:
        picture = image.read(folder / row["path"])
        crop = crop_face(picture, largest(picture).landmarks)
        with torch.no_grad():
            features.append(probe.features(tensor_of(crop[None]))[0].numpy())
        whole.append(net.look(crop)[0])
    named = {name: np.array([row[name] for row in rows]) for name in ("group", "method")}
    return {"features": np.stack(features), "whole": np.array(whole), "fake": np.array([int(row["label"] == "fake") for row in rows]), **named}


def collections_of(groups: Sequence[str]) -> np.ndarray:
    """The first part of each group."""
    return np.array([each.split("-")[0] for each in groups])


def probe_scores(stills: dict[str, np.ndarray], seed: int = 0) -> tuple[np.ndarray, dict[str, Logistic]]:
    """Log-odds (N, 2) of KINDS, cross-fitted by group where a kind learns and by the whole fit elsewhere; and the probes fitted on all."""
    own, probes, scores = collections_of(stills["group"]), {}, np.zeros((len(stills["fake"]), len(KINDS)))
    for n, kind in enumerate(KINDS):
        learned = np.isin(own, COLLECTIONS[kind])
        data = stills["features"][learned], stills["fake"][learned]
        probes[kind] = fit(*data, penalty=PENALTY[kind])
        scores[:, n] = probes[kind].score(stills["features"])
        scores[learned, n] = cross_fitted(*data, stills["group"][learned], penalty=PENALTY[kind], seed=seed)
    return scores, probes


def thresholds_of(stills: dict[str, np.ndarray], scores: np.ndarray, clips: np.ndarray) -> dict[str, Any]:
    """The card's thresholds, from cross-fitted stills of the two learned collections and the log-odds of real clips (M,)."""
    used = np.isin(collections_of(stills["group"]), COLLECTIONS["edited"])
    raw, fake = np.column_stack([stills["whole"], scores])[used], stills["fake"][used]
    mean, deviation = raw[fake == 0].mean(0), raw[fake == 0].std(0)
    whole = ((raw - mean) / deviation) @ np.array(SHARES)
    every = ((np.column_stack([stills["whole"], scores]) - mean) / deviation) @ np.array(SHARES)
    share = abstention.chosen_share(every, stills["fake"], stills["group"])
    band = abstention.widest(every, stills["fake"], abstention.SHARES[0] if share is None else share)
    genuine, fakes, moving = whole[fake == 0], whole[fake == 1], (clips - mean[0]) / deviation[0]
    cuts = np.sort(whole)
    even = cuts[int(np.argmin([abs((genuine >= cut).mean() - (fakes < cut).mean()) for cut in cuts]))]
    return {
        "real_mean": mean.round(4).tolist(),
        "real_deviation": deviation.round(4).tolist(),
        "shares": list(SHARES),
        "picture": rounded(even, band.low, band.high),
        "clip": rounded(np.quantile(moving, 0.7), np.quantile(moving, 0.3), np.quantile(moving, 1 - FALSE)),
        "from": f"pictures: {int(used.sum())} of ciplab and gan, cross-fitted by group, low and high: all {len(every)}, chosen for at most 10 % wrong answers "
        f"on groups left out; clips: {len(clips)} real ones alone",
    }


def clip_scores(folder: Path) -> np.ndarray:
    """The blended net's mean log-odds of each real clip."""
    net = detectors.shared("face-manipulated")
    found = []
    for path in (row["path"] for row in read_labels(folder) if row["label"] == "real"):
        pictures = [frame.image for frame in sampled(folder / path, FACES)]
        found.append(np.mean([net.look(crop_face(each, largest(each).landmarks))[0] for each in pictures]))
    return np.array(found)


def largest(picture: np.ndarray) -> Face:
    """The largest face of a picture that has one."""
    return max(detectors.shared("faces").find(picture), key=lambda face: face.box.w * face.box.h)


def rounded(even: float, low: float, high: float) -> dict[str, float]:
    """Where accuracy is counted, and between which scores there is no answer."""
    return {"even": round(float(even), 4), "low": round(float(min(low, even)), 4), "high": round(float(max(high, even)), 4)}


def export(net: ProbeNet, path: Path) -> str:
    """Write the probes with the frozen layers below them as ONNX (input `pictures`, outputs `kinds`, `features`); the sha256 of the file."""
    outputs = ["kinds", "features"]
    names = {"input_names": ["pictures"], "output_names": outputs, "dynamic_axes": {name: {0: "n"} for name in ("pictures", *outputs)}}
    torch.onnx.export(ExportedProbe(net).eval(), (torch.zeros(1, 3, SIDE, SIDE),), str(path), opset_version=17, dynamo=False, **names)
    model = onnx.load(str(path))
    narrow(model.graph, least_axes=4)  # convolutions: a probe's means and deviations need their digits
    onnx.save(model, str(path))
    return weights.sha256_of(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, write the probes, print the file's sha256 and the thresholds as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.face_probe", description=main.__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--lite0", type=Path, required=True, help="EfficientNet-Lite0's published weights (.pth)")
    parser.add_argument("--out", type=Path, required=True, help="the file of probes to write (.onnx)")
    asked = parser.parse_args(arguments)
    net = lite.read(asked.lite0)
    face = sface.read(weights.find("sface-2021dec"))
    stills = stills_of(asked.images, net, face)
    scores, probes = probe_scores(stills)
    sha256 = export(ProbeNet(net, face, [probes[kind] for kind in KINDS]), asked.out)
    print(json.dumps({"sha256": sha256, "thresholds": thresholds_of(stills, scores, clip_scores(asked.videos))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
