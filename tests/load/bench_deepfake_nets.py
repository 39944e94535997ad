"""The net for blended faces beside the nets of the published detector of deepfake videos, in one run: milliseconds a face, size, and the ratios.

Their weights cannot be had offline; what a net costs does not depend on them, so theirs are drawn at random. Nothing here says how well they detect.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import detectors
from detectors import weights
from detectors.deepfake.crops import SIDE as OWN_SIDE
from detectors.nets.cross_vit import SIDE, ConvolutionalCrossViT, EfficientViT, parameters
from tests.load.stand import conclude, parser, progress

PEERS = {"efficient_vit": EfficientViT, "cross_vit": ConvolutionalCrossViT}


def main(arguments: list[str]) -> int:
    """Time the nets in turn, one thread each, so that a busy moment meets them all."""
    options = parser("deepfake_nets", __doc__ or "")
    options.add_argument("--rounds", type=int, default=20)
    chosen = options.parse_args(arguments)
    rng = np.random.default_rng(0)
    own_file = weights.find("face-manipulated-1")
    own, crop = detectors.load("face-manipulated"), rng.integers(0, 256, (OWN_SIDE, OWN_SIDE, 3), np.uint8)
    runs: dict[str, Callable[[], object]] = {"own": lambda: own.look(crop)}
    figures: dict[str, float | int] = {"rounds": chosen.rounds, "own_mb": own_file.stat().st_size / 1e6}
    with tempfile.TemporaryDirectory() as folder:
        for name, build in PEERS.items():
            torch.manual_seed(0)
            net = build().eval()
            figures[f"{name}_parameters"] = parameters(net)
            file = Path(folder) / f"{name}.onnx"
            torch.onnx.export(net, (torch.zeros(1, 3, SIDE, SIDE),), str(file), input_names=["pictures"], opset_version=17, dynamo=False)
            figures[f"{name}_mb"] = file.stat().st_size / 1e6
            runs[name] = _one_face(file, rng)
            progress(chosen, f"{name}: {figures[f'{name}_parameters'] / 1e6:.1f} million numbers")
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(chosen.rounds + 1):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                if turn:  # the first warms up
                    times[name].append(1000 * (time.perf_counter() - start))
    figures |= {f"{name}_ms": statistics.median(each) for name, each in times.items()}
    for name in PEERS:
        figures[f"{name}_time_ratio"] = statistics.median(theirs / ours for theirs, ours in zip(times[name], times["own"], strict=True))
        figures[f"{name}_size_ratio"] = figures[f"{name}_mb"] / figures["own_mb"]
    return conclude(figures, passed=all(figures[f"{name}_time_ratio"] > 1 and figures[f"{name}_size_ratio"] > 1 for name in PEERS))


def _one_face(file: Path, rng: np.random.Generator) -> Callable[[], object]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
    face = {"pictures": rng.normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)}
    return lambda: session.run(None, face)
