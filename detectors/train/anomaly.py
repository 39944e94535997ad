"""Train the anomaly net on the small grey frames a camera kept of its own normal life, and write it as ONNX."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from detectors.anomaly.prepare import PAST
from detectors.errors import BadDataset, BadInput
from detectors.nets.anomaly import AnomalyNet
from detectors.weights import open_session

PATCH, LIMIT = 64, 4096  # pixels a side of a training sample; samples kept of a folder at the most
BATCH = 64
STILL = 0.25  # share of the samples that may show anything; the others show motion


def windows(folder: Path | str, *, limit: int = LIMIT, seed: int = 0) -> np.ndarray:
    """Training samples (N, PAST + 1, 64, 64) uint8, oldest frame first, cut from the clips `<folder>/*.npz` (key `frames`, uint8 (T, H, W)).

    N is at most `limit`, 0 when the folder holds no clip of more than PAST frames. Raises BadDataset that names a file that cannot be used.
    """
    return samples_of((_read(file) for file in sorted(Path(folder).glob("*.npz"))), limit=limit, seed=seed)


def samples_of(clips: Iterable[np.ndarray], *, limit: int = LIMIT, seed: int = 0) -> np.ndarray:
    """Training samples of clips already in memory, each uint8 (T, H, W); three of four show motion."""
    usable = [clip for clip in clips if len(clip) > PAST and min(clip.shape[1:]) >= PATCH]
    starts = [(clip, t) for clip in usable for t in range(len(clip) - PAST)]
    rng = np.random.default_rng(seed)
    if not starts:
        return np.empty((0, PAST + 1, PATCH, PATCH), np.uint8)
    chosen = rng.choice(len(starts), limit, replace=True) if limit < len(starts) * 8 else np.repeat(np.arange(len(starts)), 8)
    return np.stack([_cut(starts[i][0][starts[i][1] : starts[i][1] + PAST + 1], rng) for i in chosen])


def fit(net: AnomalyNet, samples: np.ndarray, *, epochs: int = 5, lr: float = 2e-3, seed: int = 0) -> dict[str, float]:
    """Train in place; {"loss": mean loss of the last epoch, "n": samples}. Raises BadInput when there are none."""
    _check(samples)
    order, optimiser = np.random.default_rng(seed), torch.optim.Adam(net.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, epochs * -(-len(samples) // BATCH)))
    net.train()
    mean = float("nan")
    for _ in range(epochs):
        losses = []
        for batch in np.array_split(order.permutation(len(samples)), -(-len(samples) // BATCH)):
            optimiser.zero_grad()
            value = net.surprise(_tensor(_flip(samples[batch], order))).mean()
            value.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(value.item())
        mean = float(np.mean(losses))
    net.eval()
    return {"loss": mean, "n": len(samples)}


def loss(net: AnomalyNet, samples: np.ndarray) -> float:
    """Mean surprise of the samples, without training. Raises BadInput when there are none."""
    _check(samples)
    net.eval()
    with torch.no_grad():
        return float(np.average([net.surprise(_tensor(part)).mean().item() for part in _parts(samples)], weights=[len(part) for part in _parts(samples)]))


def export(net: AnomalyNet, path: Path | str) -> str:
    """Write the net as ONNX (input `windows`, output `excess`, any number and size of pictures); the sha256 of the file."""
    net.eval()
    axes = {"windows": {0: "n", 2: "h", 3: "w"}, "excess": {0: "n", 1: "rows", 2: "columns"}}
    example = torch.zeros(1, PAST + 1, PATCH, PATCH)
    torch.onnx.export(net, (example,), str(path), input_names=["windows"], output_names=["excess"], dynamic_axes=axes, opset_version=17, dynamo=False)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def agreement(net: AnomalyNet, path: Path | str, samples: np.ndarray) -> float:
    """The largest absolute difference between the ONNX file and the torch net over the samples."""
    _check(samples)
    net.eval()
    session, worst = open_session(path), 0.0
    with torch.no_grad():
        for part in _parts(samples):
            batch = _tensor(part)
            worst = max(worst, float(np.abs(session.run(None, {"windows": batch.numpy()})[0] - net(batch).numpy()).max()))
    return worst


def _cut(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 64 x 64 part of a window: anywhere, or, three times of four, where something moves."""
    height, width = window.shape[1:]
    top, left = int(rng.integers(height - PATCH + 1)), int(rng.integers(width - PATCH + 1))
    if rng.random() > STILL:
        moving = np.abs(window[-1].astype(np.int16) - window[0]) > 24
        if moving.any():
            y, x = (int(each) for each in rng.choice(np.argwhere(moving)))
            top = int(np.clip(y - rng.integers(PATCH), 0, height - PATCH))
            left = int(np.clip(x - rng.integers(PATCH), 0, width - PATCH))
    return window[:, top : top + PATCH, left : left + PATCH]


def _read(file: Path) -> np.ndarray:
    try:
        with np.load(file) as content:
            frames = content["frames"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadDataset(f"{file.name}: no clip of training frames (an .npz with the key `frames`): {error}") from error
    if frames.dtype != np.uint8 or frames.ndim != 3:
        raise BadDataset(f"{file.name}: frames are uint8 (T, H, W), not {frames.dtype} {frames.shape}")
    return frames


def _check(samples: np.ndarray) -> None:
    if samples.ndim != 4 or samples.shape[1] != PAST + 1 or samples.dtype != np.uint8:
        raise BadInput(f"samples are uint8 (N, {PAST + 1}, H, W), not {samples.dtype} {samples.shape}")
    if not len(samples):
        raise BadInput("there is nothing to train on: no clip of normal footage has been kept yet")


def _parts(samples: np.ndarray) -> list[np.ndarray]:
    return np.array_split(samples, -(-len(samples) // BATCH))


def _tensor(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(samples.astype(np.float32) / 255)


def _flip(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return samples[..., ::-1] if rng.random() < 0.5 else samples
