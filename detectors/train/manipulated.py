"""Train the net for blended faces on real faces alone: `python -m detectors.train.manipulated FACES ... --lite0 FILE.pth --out NET.pt`.

Every step makes its own fakes (detectors/train/pseudo_fakes.py); the map learns where they differ. No fake of any deepfake set is learned from: labelled faces
of one (`--choose`) are only scored at each check, so that a person can choose between the nets written there. `--resume` goes on where a training was ended,
`--start` with given weights, also those that ship.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import dataclasses
import json
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from torch.nn import functional

from detectors import files, weights
from detectors.metrics import auc
from detectors.nets import lite
from detectors.nets.lite import Block, Same
from detectors.nets.manipulated import ManipulatedNet, take_over
from detectors.nets.sface import narrow
from detectors.train.pseudo_fakes import KINDS, pseudo_fake, spoil
from detectors.train.real_faces import crops_of

BATCH = 16
SHARES = (0.65, 0.2, 0.15, 0.0)  # of KINDS: more parts of other faces and a generator's traces make it better at these fakes and worse at those of others
SEEN = 144  # pixels a side of what a step sees of a crop: a shift for free, and a fifth less to compute
ALIKE = 0.6  # of the pairs: real face and fake are spoiled in the same way, so that nothing but the fake differs
AHEAD = 4  # batches that the second thread has ready
KEPT = 0.998  # of the averaged weights at each step: the average is what is checked and shipped
TRIED = 100  # faces kept aside that a check looks at
BETTER = 0.002  # AUC that counts as progress

Log = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ManipulatedRecipe:
    """How to train: steps of 16 pictures, seconds after which it ends all the same, highest learning rate, first blocks (and stem) that stay as they are.

    A check every `check_every` steps; after `patience` checks without progress it ends.
    """

    steps: int = 8000
    seconds: float = 1e9
    lr: float = 8e-4
    seed: int = 0
    frozen: int = 0
    check_every: int = 300
    patience: int = 8


@dataclasses.dataclass(frozen=True, slots=True)
class ChoosingFaces:
    """Labelled faces that nets are chosen by and never trained on: crops (N, 160, 160, 3), the file (N,) each is from, whether that is fake (N,)."""

    crops: np.ndarray
    files: np.ndarray
    fake: np.ndarray

    def auc(self, net: ManipulatedNet) -> float:
        """By the mean over each file's faces."""
        names, first, which = np.unique(self.files, return_index=True, return_inverse=True)
        sums = np.bincount(which, scores_of(net, self.crops), len(names))
        return auc(sums / np.bincount(which), self.fake[first])


class ManipulatedTraining:
    """A training under way: the net, the average of its weights, and how far it is."""

    def __init__(self, net: ManipulatedNet, recipe: ManipulatedRecipe) -> None:
        self.net, self.recipe = net.to(memory_format=torch.channels_last), recipe
        for part in [net.stem, net.norm, *net.blocks][: recipe.frozen + 2 if recipe.frozen else 0]:
            part.requires_grad_(False)
        self.average = copy.deepcopy(net).eval()
        self.best = copy.deepcopy(self.average.state_dict())
        self.optimiser = torch.optim.AdamW([each for each in net.parameters() if each.requires_grad], lr=recipe.lr, weight_decay=1e-3)
        self.step, self.seconds, self.reached, self.idle, self.losses = 0, 0.0, 0.0, 0, []

    @property
    def done(self) -> float:
        """From 0 to 1: of the steps or of the seconds, whichever is further; 1 as well when it makes no progress any more."""
        return 1.0 if self.idle >= self.recipe.patience else max(self.step / self.recipe.steps, self.seconds / self.recipe.seconds)

    def learn(self, pictures: torch.Tensor, labels: torch.Tensor, where: torch.Tensor) -> None:
        """One step."""
        rate = self.recipe.lr * min(1, (self.step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, self.done))) / 2)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # of the dropout: so a training that was ended goes on as it would have
        self.net.train()
        self.optimiser.zero_grad()
        whole, parts = folded(self.net, pictures.contiguous(memory_format=torch.channels_last), self.recipe.frozen)
        loss = functional.binary_cross_entropy_with_logits(whole, labels) + functional.binary_cross_entropy_with_logits(parts, where)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        self.losses.append(loss.item())
        kept = min(KEPT, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, each in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(each, 1 - kept)

    def checked(self, figure: float) -> None:
        """Take in the validation figure of the average; the best average is kept."""
        self.idle += 1
        if figure > self.reached + BETTER:
            self.idle = 0
        if figure > self.reached:
            self.reached, self.best = figure, copy.deepcopy(self.average.state_dict())

    def state(self) -> dict[str, Any]:
        """All that `restore` needs."""
        numbers = {name: getattr(self, name) for name in ("step", "seconds", "reached", "idle", "best")}
        return numbers | {"net": self.net.state_dict(), "average": self.average.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        for name in ("step", "seconds", "reached", "idle", "best"):
            setattr(self, name, state[name])
        for name in ("net", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])


def train(
    crops: np.ndarray,
    net: ManipulatedNet,
    recipe: ManipulatedRecipe,
    log: Log = print,
    *,
    keep: Callable[[ManipulatedTraining], None] = lambda training: None,
    resumed: dict[str, Any] | None = None,
    choosing: ChoosingFaces | None = None,
) -> ManipulatedNet:
    """The net (evaluation mode) of the averaged weights that did best on real faces it did not learn from and fakes made of them.

    `crops` (N, 160, 160, 3) BGR of real faces, every twentieth kept aside for that; `keep` gets the training at each check, `resumed` is a state of it.
    """
    aside, learned = crops[::20], np.delete(crops, np.s_[::20], 0)
    training, tried = ManipulatedTraining(net, recipe), made_aside(aside[:: max(1, len(aside) // TRIED)], recipe.seed)
    if resumed:
        training.restore(resumed)
    since, before = time.monotonic(), training.seconds
    with contextlib.closing(_batches(learned, recipe.seed, training.step)) as batches:
        while training.done < 1:
            training.learn(*next(batches))
            training.seconds = before + time.monotonic() - since
            if training.step % recipe.check_every == 0 or training.done >= 1:
                found = judge_aside(training.average, tried)
                training.checked(float(np.mean(list(found.values()))))
                chosen = f", to choose by: {choosing.auc(training.average):.3f}" if choosing else ""
                loss, training.losses = np.mean(training.losses), []
                log(f"step {training.step}: loss {loss:.4f}, aside {np.mean(list(found.values())):.3f}{chosen}, {training.seconds:.0f} seconds")
                keep(training)
    net = copy.deepcopy(training.average)
    net.load_state_dict(training.best)
    log(f"aside, by kind: {json.dumps(judge_aside(net, made_aside(aside, recipe.seed)))}")
    return net.eval()


def made_aside(crops: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Of real faces that are not learned from: the faces themselves ("real") and a fake of each kind, spoiled."""
    rng = np.random.default_rng(seed + 1)
    made = {"real": np.stack([spoil(crop, rng) for crop in crops])}
    for kind in KINDS:
        made[kind] = np.stack([spoil(pseudo_fake(crop, crops[rng.integers(len(crops))], kind, rng)[0], rng) for crop in crops])
    return made


def judge_aside(net: ManipulatedNet, made: dict[str, np.ndarray]) -> dict[str, float]:
    """AUC between real faces that it did not learn from and fakes made of them, by kind of fake."""
    real = scores_of(net, made["real"])
    found = {kind: np.concatenate([real, scores_of(net, made[kind])]) for kind in KINDS}
    return {kind: round(auc(scores, [0] * len(real) + [1] * (len(scores) - len(real))), 3) for kind, scores in found.items()}


def scores_of(net: ManipulatedNet, crops: np.ndarray) -> np.ndarray:
    """The net's logit of each crop."""
    with torch.no_grad():
        return np.concatenate([folded(net.eval(), tensor_of(crops[n : n + BATCH]))[0].numpy() for n in range(0, len(crops), BATCH)])


def tensor_of(crops: np.ndarray) -> torch.Tensor:
    """(N, S, S, 3) BGR uint8 -> (N, 3, S, S) RGB float32 as the net reads it."""
    return torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).permute(0, 3, 1, 2).float()


def folded(net: ManipulatedNet, pictures: torch.Tensor, frozen: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """What net(pictures) gives in evaluation mode, in a third less time: batch normalisation goes into the convolution before it.

    So its statistics stay ImageNet's (sixteen faces are too few for their own); no gradient is kept for the first `frozen` blocks.
    """
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
        seen = functional.relu6(_normed(net.stem, net.norm, (pictures - net.mean) / net.deviation), inplace=True)
    for number, block in enumerate(net.blocks):
        with torch.set_grad_enabled(torch.is_grad_enabled() and number >= frozen):
            seen = _block(block, seen)
    features = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
    return net.whole(net.dropout(features))[:, 0], net.where(seen)[:, 0]


def _block(block: Block, seen: torch.Tensor) -> torch.Tensor:
    wide = functional.relu6(_normed(block._expand_conv, block._bn0, seen), inplace=True) if block.widens else seen
    wide = functional.relu6(_normed(block._depthwise_conv, block._bn1, wide), inplace=True)
    out = _normed(block._project_conv, block._bn2, wide)
    return seen + out if block.skips else out


def _normed(convolution: Same, norm: torch.nn.BatchNorm2d, seen: torch.Tensor) -> torch.Tensor:
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    kernel, bias = convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
    stride, side = convolution.stride[0], convolution.kernel_size[0]
    high, wide = (max((math.ceil(each / stride) - 1) * stride + side - each, 0) for each in map(int, seen.shape[2:]))
    if high % 2 or wide % 2:
        seen, high, wide = functional.pad(seen, (wide // 2, wide - wide // 2, high // 2, high - high // 2)), 0, 0
    return functional.conv2d(seen, kernel, bias, convolution.stride, (high // 2, wide // 2), 1, convolution.groups)


def _batches(crops: np.ndarray, seed: int, step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The batch of each step from `step` on, made by a second thread while the net learns; each depends on seed and step alone, so resuming changes none."""
    with ThreadPoolExecutor(1) as second:
        ahead = deque(second.submit(_batch, crops, np.random.default_rng([seed, step + n])) for n in range(AHEAD))
        while True:
            yield ahead.popleft().result()
            step += 1
            ahead.append(second.submit(_batch, crops, np.random.default_rng([seed, step + AHEAD - 1])))


def _batch(crops: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Half real faces, half fakes made of the same; labels; where they differ by cells of the map."""
    pictures, masks, labels = [], [], []
    for at in rng.integers(len(crops), size=BATCH // 2):
        fake, mask = pseudo_fake(crops[at], crops[rng.integers(len(crops))], str(rng.choice(KINDS, p=SHARES)), rng)
        seen, alike, first = _cut(rng), rng.random() < ALIKE, int(rng.integers(2**31))
        for picture, where, label in ((crops[at], np.zeros_like(mask), 0.0), (fake, mask, 1.0)):
            pictures.append(seen(spoil(picture, np.random.default_rng(first if alike else first + int(label)))))
            masks.append(seen(where))
            labels.append(label)
    where = functional.avg_pool2d(torch.from_numpy(np.stack(masks))[:, None], 16)[:, 0]
    return tensor_of(np.stack(pictures)), torch.tensor(labels), where


def _cut(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One random part of (160, 160, ...) pictures, perhaps mirrored."""
    top, left, flip = (*rng.integers(0, 160 - SEEN + 1, 2), rng.random() < 0.5)
    return lambda picture: picture[top : top + SEEN, left : left + SEEN][:, :: -1 if flip else 1]


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
    """Train, print the log, write the weights: at each check NET-STEP.pt and what --resume needs, at the end NET.pt."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.manipulated", description=main.__doc__)
    parser.add_argument("faces", type=Path, nargs="+", help="folders of pictures of real faces (of a labelled one the real ones), or .npz files of their crops")
    parser.add_argument("--cache", type=Path, default=weights.cache() / "faces", help="where the crops of folders are kept")
    parser.add_argument("--lite0", type=Path, required=True, help="EfficientNet-Lite0's published weights (.pth)")
    parser.add_argument("--start", type=Path, help="begin with these weights: a .pt of this trainer, or the .onnx that ships")
    parser.add_argument("--resume", action="store_true", help="go on where the training of --out was ended")
    parser.add_argument("--choose", type=Path, help="labelled crops (.npz: crops, files, fake) that are scored at each check, never learned from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, help="write the net for the detector here as well")
    for field in dataclasses.fields(ManipulatedRecipe):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    net = ManipulatedNet(lite.read(asked.lite0)).requires_grad_(True)
    if asked.start and asked.start.suffix == ".onnx":
        take_over(net, asked.start)
    elif asked.start:
        net.load_state_dict(torch.load(asked.start, weights_only=True), strict=False)
    crops = np.concatenate([crops_of(each, asked.cache) for each in asked.faces])
    recipe = ManipulatedRecipe(**{field.name: getattr(asked, field.name) for field in dataclasses.fields(ManipulatedRecipe)})
    choosing = ChoosingFaces(**np.load(asked.choose)) if asked.choose else None
    stored = asked.out.with_suffix(".resume")
    resumed = torch.load(stored, weights_only=True) if asked.resume and stored.exists() else None

    def log(line: str) -> None:
        print(line, flush=True)

    def keep(training: ManipulatedTraining) -> None:
        torch.save(training.average.state_dict(), asked.out.with_stem(f"{asked.out.stem}-{training.step}"))
        with files.replacing(stored) as file:
            torch.save(training.state(), file)

    log(f"{len(crops)} real faces, {recipe}" + (f", resumed at step {resumed['step']}" if resumed else ""))
    net = train(crops, net, recipe, log, keep=keep, resumed=resumed, choosing=choosing)
    torch.save(net.state_dict(), asked.out)
    if asked.onnx:
        log(json.dumps({"sha256": export(net, asked.onnx)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
