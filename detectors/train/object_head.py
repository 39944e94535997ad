"""Train the head for false alarms on labelled features: rows of SIZE numbers and a last one, 1 for a false alarm and 0 for a real one."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from detectors.errors import BadInput
from detectors.nets.object_head import Head
from detectors.objects.head import SIZE
from detectors.weights import open_session

BATCH = 32
STEPS = 40  # the least of one pass: a few dozen labels would hardly move the weights in one or two
DECAY = 1e-2


def fit(net: Head, samples: np.ndarray, *, epochs: int, lr: float, seed: int) -> float:
    """Train in place (AdamW, log loss); the mean loss of the last pass. A pass goes over few labels several times."""
    _check(samples)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=DECAY)
    losses = [float("nan")]
    net.train()
    for _ in range(epochs):
        losses = [_step(net, optimiser, samples[chosen]) for chosen in _batches(len(samples), rng)]
    return float(np.mean(losses))


def log_loss(net: Head, samples: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats: smaller is better, 0.693 is a coin's."""
    _check(samples)
    net.eval()
    with torch.no_grad():
        return float(_loss(net, samples))


def export(net: Head, path: Path | str) -> str:
    """Write ONNX (input `features` (N, SIZE), output `false_alarm` (N,)) and return its sha256."""
    net.eval()
    names = {"input_names": ["features"], "output_names": ["false_alarm"], "dynamic_axes": {"features": {0: "n"}, "false_alarm": {0: "n"}}}
    torch.onnx.export(net, (torch.zeros(2, SIZE),), str(path), opset_version=17, dynamo=False, **names)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def agreement(net: Head, path: Path | str, samples: np.ndarray) -> float:
    """The largest absolute difference between the ONNX file and the torch net over the samples."""
    _check(samples)
    features = np.ascontiguousarray(samples[:, :SIZE], np.float32)
    net.eval()
    with torch.no_grad():
        mine = net(torch.from_numpy(features)).numpy()
    return float(np.abs(open_session(path).run(None, {"features": features})[0] - mine).max())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the weights that know nothing, as the release ships them; prints the file's sha256."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.object_head", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    torch.manual_seed(0)
    print(export(Head(), asked.out))
    return 0


def _batches(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    passes = max(1, -(-STEPS * BATCH // count))
    order = np.concatenate([rng.permutation(count) for _ in range(passes)])
    return np.array_split(order, -(-len(order) // BATCH))


def _step(net: Head, optimiser: torch.optim.Optimizer, samples: np.ndarray) -> float:
    loss = _loss(net, samples)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _loss(net: Head, samples: np.ndarray) -> torch.Tensor:
    rows = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    return functional.binary_cross_entropy_with_logits(net.logits(rows[:, :SIZE]), rows[:, SIZE])


def _check(samples: np.ndarray) -> None:
    if samples.ndim != 2 or samples.shape[1] != SIZE + 1 or not len(samples):
        raise BadInput(f"samples are (N, {SIZE + 1}) with at least one row, not {samples.shape}")


if __name__ == "__main__":
    sys.exit(main())
