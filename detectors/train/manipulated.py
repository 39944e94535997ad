"""Train the net for manipulated faces: `python -m detectors.train.manipulated CROPS.npz --lite0 FILE.pth --out NET.pt [--labelled EDITED.npz]`.

"blended" and the map learn from fakes that every step makes of real faces (detectors/train/pseudo_fakes.py): no fake of any deepfake set. With `--labelled`
the other two kinds learn from labelled pictures of composites and generated faces, half of a step.
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
from detectors.train.pseudo_fakes import KINDS, gently, pseudo_fake, spoil

BATCH = 16
SHARES = (0.35, 0.3, 0.2, 0.15)  # of KINDS
SEEN = 144  # pixels a side of what a step sees of a crop: a shift for free, and a fifth less to compute

Log = Callable[[str], None]
Keep = Callable[[ManipulatedNet], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ManipulatedRecipe:
    """How to train: steps of 16 pictures, seconds after which it ends all the same, highest learning rate."""

    steps: int = 2000
    seconds: float = 1e9
    lr: float = 8e-4
    seed: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures with their kind: crops (N, 160, 160, 3) BGR, `kinds` (N,) -1 real, 1 edited, 2 generated, `rivals` (N,) the kind a real one is the real of."""

    crops: np.ndarray
    kinds: np.ndarray
    rivals: np.ndarray


def train(
    crops: np.ndarray, net: ManipulatedNet, recipe: ManipulatedRecipe, log: Log = print, labelled: Labelled | None = None, keep: Keep = lambda net: None
) -> ManipulatedNet:
    """The trained net (evaluation mode). `crops` (N, 160, 160, 3) BGR of real faces, every twentieth kept aside for the log; `keep` gets the net at times."""
    torch.manual_seed(recipe.seed)
    rng, began = np.random.default_rng(recipe.seed), time.monotonic()
    aside, learned = crops[::20], np.delete(crops, np.s_[::20], 0)
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=1e-3)
    total, losses = recipe.steps, []
    for step in range(total):
        spent = (time.monotonic() - began) / recipe.seconds
        if spent >= 1:
            break
        done = max(step / total, spent)
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + np.cos(np.pi * done)) / 2)
        _set_training(net)
        pairs = BATCH // 2 if labelled is None else BATCH // 4
        losses.append(_step(net, optimiser, _batch(learned, pairs, rng), _labelled_batch(labelled, BATCH // 2, rng) if labelled else None))
        if step % 100 == 99:
            log(f"step {step + 1}: loss {np.mean(losses[-100:]):.4f}, {time.monotonic() - began:.0f} seconds")
        if step % 200 == 199:
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
        return np.concatenate([net(tensor_of(crops[n : n + BATCH]))[0][:, 0].numpy() for n in range(0, len(crops), BATCH)])


def tensor_of(crops: np.ndarray) -> torch.Tensor:
    """(N, S, S, 3) BGR uint8 -> (N, 3, S, S) RGB float32 as the net reads it."""
    return torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).permute(0, 3, 1, 2).float()


def _batch(crops: np.ndarray, pairs: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Half real faces, half fakes made of the same; labels; where they differ by cells of the map."""
    pictures, masks, labels = [], [], []
    for at in rng.integers(len(crops), size=pairs):
        fake, mask = pseudo_fake(crops[at], crops[rng.integers(len(crops))], str(rng.choice(KINDS, p=SHARES)), rng)
        seen = _cut(rng)
        for picture, where, label in ((crops[at], np.zeros_like(mask), 0.0), (fake, mask, 1.0)):
            pictures.append(seen(spoil(picture, rng)))
            masks.append(seen(where))
            labels.append(label)
    where = functional.avg_pool2d(torch.from_numpy(np.stack(masks))[:, None], 16)[:, 0]
    return tensor_of(np.stack(pictures)), torch.tensor(labels), where


def _labelled_batch(labelled: Labelled, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As many real as fake; labels (N, 2) of "edited" and "generated"; which of them count (N, 2): a picture teaches the kind of its own collection only."""
    real, fake = np.flatnonzero(labelled.kinds < 0), np.flatnonzero(labelled.kinds > 0)
    chosen = np.concatenate([rng.choice(real, count // 2), rng.choice(fake, count // 2)])
    pictures = [_cut(rng)(gently(labelled.crops[at], rng)) for at in chosen]
    taught = np.stack([labelled.rivals[chosen] == kind for kind in (1, 2)], 1)
    labels = np.stack([labelled.kinds[chosen] == kind for kind in (1, 2)], 1)
    return tensor_of(np.stack(pictures)), torch.from_numpy(labels).float(), torch.from_numpy(taught)


def _cut(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One random part of (160, 160, ...) pictures, perhaps mirrored."""
    top, left, flip = (*rng.integers(0, 160 - SEEN + 1, 2), rng.random() < 0.5)
    return lambda picture: picture[top : top + SEEN, left : left + SEEN][:, :: -1 if flip else 1]


def _step(net: ManipulatedNet, optimiser: torch.optim.Optimizer, made: tuple[torch.Tensor, ...], labelled: tuple[torch.Tensor, ...] | None) -> float:
    optimiser.zero_grad()
    pictures, labels, where = made
    both = pictures if labelled is None else torch.cat([pictures, labelled[0]])
    kinds, parts, _ = net(both.contiguous(memory_format=torch.channels_last))
    count, loss_of = len(pictures), functional.binary_cross_entropy_with_logits
    loss = loss_of(kinds[:count, 0], labels) + loss_of(parts[:count], where)
    if labelled is not None:
        loss = loss + loss_of(kinds[count:, 1:][labelled[2]], labelled[1][labelled[2]])
    loss.backward()
    optimiser.step()
    return loss.item()


def _set_training(net: ManipulatedNet) -> None:
    """Learn, but by ImageNet's batch statistics: sixteen faces are too few for their own."""
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()


class Exported(torch.nn.Module):
    """What the detector reads: log-odds of the kinds, and the map as likelihoods."""

    def __init__(self, net: ManipulatedNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3) and (N, 10, 10) of (N, 3, 160, 160)."""
        kinds, where, _ = self.net(pictures)
        return kinds, where.sigmoid()


def export(net: ManipulatedNet, path: Path) -> str:
    """Write the net as ONNX (input `pictures`, outputs `kinds` and `where`), large weights as float16; the sha256 of the file."""
    axes = {name: {0: "n"} for name in ("pictures", "kinds", "where")}
    names = {"input_names": ["pictures"], "output_names": ["kinds", "where"], "dynamic_axes": axes}
    torch.onnx.export(Exported(net).eval(), (torch.zeros(1, 3, 160, 160),), str(path), opset_version=17, dynamo=False, **names)
    model = onnx.load(str(path))
    narrow(model.graph)
    onnx.save(model, str(path))
    return weights.sha256_of(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the log, write the weights."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.manipulated", description=main.__doc__)
    parser.add_argument("crops", type=Path, nargs="+", help="files of detectors.train.face_crops")
    parser.add_argument("--lite0", type=Path, required=True, help="EfficientNet-Lite0's published weights (.pth)")
    parser.add_argument("--labelled", type=Path, help="labelled crops: arrays crops, kinds, rivals")
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, help="write the net for the detector here as well")
    parser.add_argument("--steps", type=int, default=ManipulatedRecipe().steps)
    parser.add_argument("--seconds", type=float, default=ManipulatedRecipe().seconds)
    parser.add_argument("--lr", type=float, default=ManipulatedRecipe().lr)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    net = ManipulatedNet(lite.read(asked.lite0)).requires_grad_(True)
    if asked.start:
        net.load_state_dict(torch.load(asked.start, weights_only=True), strict=False)
    crops = np.concatenate([np.load(each)["crops"] for each in asked.crops])
    recipe = ManipulatedRecipe(asked.steps, asked.seconds, asked.lr, asked.seed)
    labelled = Labelled(**np.load(asked.labelled)) if asked.labelled else None
    print(f"{len(crops)} real faces, {0 if labelled is None else len(labelled.kinds)} labelled, {recipe}", flush=True)
    net = train(crops, net, recipe, lambda line: print(line, flush=True), labelled, lambda net: torch.save(net.state_dict(), asked.out))
    torch.save(net.state_dict(), asked.out)
    if asked.onnx:
        print(json.dumps({"sha256": export(net, asked.onnx)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
