"""Train the net for blended faces on real faces alone: `python -m detectors.train.manipulated CROPS.npz --lite0 FILE.pth --out NET.pt`.

Every step makes its own fakes (detectors/train/pseudo_fakes.py); the map learns where they differ. No fake of any deepfake set is read.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn import functional

from detectors import weights
from detectors.metrics import auc
from detectors.nets import lite
from detectors.nets.manipulated import ManipulatedNet
from detectors.nets.sface import narrow
from detectors.train.pseudo_fakes import KINDS, pseudo_fake, spoil

BATCH = 16
SHARES = (0.35, 0.3, 0.2, 0.15)  # of KINDS
SEEN = 144  # pixels a side of what a step sees of a crop: a shift for free, and a fifth less to compute

Log = Callable[[str], None]
Keep = Callable[[ManipulatedNet], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ManipulatedRecipe:
    """How to train: steps of 16 pictures, seconds after which it ends all the same, highest learning rate, first blocks (and stem) that stay as they are."""

    steps: int = 2000
    seconds: float = 1e9
    lr: float = 8e-4
    seed: int = 0
    frozen: int = 0


def train(crops: np.ndarray, net: ManipulatedNet, recipe: ManipulatedRecipe, log: Log = print, keep: Keep = lambda net: None) -> ManipulatedNet:
    """The trained net (evaluation mode). `crops` (N, 160, 160, 3) BGR of real faces, every twentieth kept aside for the log; `keep` gets the net at times."""
    torch.manual_seed(recipe.seed)
    rng, began = np.random.default_rng(recipe.seed), time.monotonic()
    aside, learned = crops[::20], np.delete(crops, np.s_[::20], 0)
    net = net.to(memory_format=torch.channels_last)
    for part in [net.stem, net.norm, *net.blocks][: recipe.frozen + 2 if recipe.frozen else 0]:
        part.requires_grad_(False)
    optimiser = torch.optim.AdamW([each for each in net.parameters() if each.requires_grad], lr=recipe.lr, weight_decay=1e-3)
    total, losses = recipe.steps, []
    for step in range(total):
        spent = (time.monotonic() - began) / recipe.seconds
        if spent >= 1:
            break
        done = max(step / total, spent)
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + np.cos(np.pi * done)) / 2)
        _set_training(net)
        losses.append(_step(net, optimiser, *_batch(learned, rng)))
        if step % 50 == 49:
            log(f"step {step + 1}: loss {np.mean(losses[-50:]):.4f}, {time.monotonic() - began:.0f} seconds")
        if step % 50 == 49:
            keep(net)
    net.eval()
    log(f"aside, by kind: {json.dumps(judge_aside(net, aside, recipe.seed))}")
    return net


def judge_aside(net: ManipulatedNet, crops: np.ndarray, seed: int) -> dict[str, float]:
    """AUC between real faces that it did not learn from and fakes made of them, by kind of fake."""
    rng, scores = np.random.default_rng(seed + 1), {}
    real = scores_of(net, np.stack([spoil(crop, rng) for crop in crops]))
    for kind in KINDS:
        fakes = np.stack([spoil(pseudo_fake(crop, crops[rng.integers(len(crops))], kind, rng)[0], rng) for crop in crops])
        scores[kind] = round(auc(np.concatenate([real, scores_of(net, fakes)]), [0] * len(real) + [1] * len(fakes)), 3)
    return scores


def scores_of(net: ManipulatedNet, crops: np.ndarray) -> np.ndarray:
    """The net's logit of each crop."""
    with torch.no_grad():
        return np.concatenate([net(tensor_of(crops[n : n + BATCH]))[0].numpy() for n in range(0, len(crops), BATCH)])


def tensor_of(crops: np.ndarray) -> torch.Tensor:
    """(N, S, S, 3) BGR uint8 -> (N, 3, S, S) RGB float32 as the net reads it."""
    return torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).permute(0, 3, 1, 2).float()


def _batch(crops: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Half real faces, half fakes made of the same; labels; where they differ by cells of the map."""
    pictures, masks, labels = [], [], []
    for at in rng.integers(len(crops), size=BATCH // 2):
        fake, mask = pseudo_fake(crops[at], crops[rng.integers(len(crops))], str(rng.choice(KINDS, p=SHARES)), rng)
        seen = _cut(rng)
        for picture, where, label in ((crops[at], np.zeros_like(mask), 0.0), (fake, mask, 1.0)):
            pictures.append(seen(spoil(picture, rng)))
            masks.append(seen(where))
            labels.append(label)
    where = functional.avg_pool2d(torch.from_numpy(np.stack(masks))[:, None], 16)[:, 0]
    return tensor_of(np.stack(pictures)), torch.tensor(labels), where


def _cut(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One random part of (160, 160, ...) pictures, perhaps mirrored."""
    top, left, flip = (*rng.integers(0, 160 - SEEN + 1, 2), rng.random() < 0.5)
    return lambda picture: picture[top : top + SEEN, left : left + SEEN][:, :: -1 if flip else 1]


def _step(net: ManipulatedNet, optimiser: torch.optim.Optimizer, pictures: torch.Tensor, labels: torch.Tensor, where: torch.Tensor) -> float:
    optimiser.zero_grad()
    whole, parts = net(pictures.contiguous(memory_format=torch.channels_last))
    loss = functional.binary_cross_entropy_with_logits(whole, labels) + functional.binary_cross_entropy_with_logits(parts, where)
    loss.backward()
    optimiser.step()
    return loss.item()


def _set_training(net: ManipulatedNet) -> None:
    """Learn, but by ImageNet's batch statistics: sixteen faces are too few for their own."""
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()


class ExportedManipulated(torch.nn.Module):
    """What the detector reads: log-odds, and the map as likelihoods."""

    def __init__(self, net: ManipulatedNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N,) and (N, 10, 10) of (N, 3, 160, 160)."""
        whole, where = self.net(pictures)
        return whole, where.sigmoid()


def export(net: ManipulatedNet, path: Path) -> str:
    """Write the net as ONNX (input `pictures`, outputs `whole` and `where`), large weights as float16; the sha256 of the file."""
    axes = {name: {0: "n"} for name in ("pictures", "whole", "where")}
    names = {"input_names": ["pictures"], "output_names": ["whole", "where"], "dynamic_axes": axes}
    torch.onnx.export(ExportedManipulated(net).eval(), (torch.zeros(1, 3, 160, 160),), str(path), opset_version=17, dynamo=False, **names)
    model = onnx.load(str(path))
    narrow(model.graph)
    onnx.save(model, str(path))
    return weights.sha256_of(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the log, write the weights."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.manipulated", description=main.__doc__)
    parser.add_argument("crops", type=Path, nargs="+", help="files of detectors.train.face_crops")
    parser.add_argument("--lite0", type=Path, required=True, help="EfficientNet-Lite0's published weights (.pth)")
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, help="write the net for the detector here as well")
    parser.add_argument("--steps", type=int, default=ManipulatedRecipe().steps)
    parser.add_argument("--seconds", type=float, default=ManipulatedRecipe().seconds)
    parser.add_argument("--lr", type=float, default=ManipulatedRecipe().lr)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frozen", type=int, default=0, help="first blocks, with the stem, that stay as they are")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    net = ManipulatedNet(lite.read(asked.lite0)).requires_grad_(True)
    if asked.start:
        net.load_state_dict(torch.load(asked.start, weights_only=True), strict=False)
    crops = np.concatenate([np.load(each)["crops"] for each in asked.crops])
    recipe = ManipulatedRecipe(asked.steps, asked.seconds, asked.lr, asked.seed, asked.frozen)
    print(f"{len(crops)} real faces, {recipe}", flush=True)
    net = train(crops, net, recipe, lambda line: print(line, flush=True), lambda net: torch.save(net.state_dict(), asked.out))
    torch.save(net.state_dict(), asked.out)
    if asked.onnx:
        print(json.dumps({"sha256": export(net, asked.onnx)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
