"""Train the light adapter on the frozen embedding: what SFace says of a shrunken face is moved towards what it says of the sharp one.

The pictures are those that the net for small faces learned from (people who are neither enrolled nor probes); every fifth person is kept out to choose the
pass to stop at. Names serve only to keep two pictures of one person from being pushed apart. The result is a flat list of four arrays (`adapter.ORDER`).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import detectors
from detectors import weights
from detectors.errors import BadDataset, DetectorError
from detectors.faces import adapter
from detectors.portraits import degrade
from detectors.train.small_faces import blur, people_to_learn_from, shift
from detectors.verification import threshold_at

BATCH, LEAST = 256, 50  # faces a step; faces below which nothing is learned
TESTED_AT = (12, 16, 24)  # pixels a side at which the kept-out people are judged
TEMPERATURE = 0.1  # of the softmax over the other people of a batch
Log = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ShrunkenFaces:
    """N pictures: `sharp` (N, 128), `shrunken` (K, N, 128) K times shrunken and embedded, `person` (N,) whose each is."""

    sharp: np.ndarray
    shrunken: np.ndarray
    person: np.ndarray

    def of(self, chosen: np.ndarray) -> ShrunkenFaces:
        """Some of the pictures."""
        return ShrunkenFaces(self.sharp[chosen], self.shrunken[:, chosen], self.person[chosen])


@dataclasses.dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """How to train: passes over the pictures, learning rate, weight of telling people apart beside the distance to the sharp face."""

    epochs: int = 60
    lr: float = 3e-4
    apart: float = 3.0
    seed: int = 0


class Adapter(nn.Module):
    """`adapter.adapt` in torch; starts as the identity. The parameters stand in the order of `adapter.ORDER`."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Parameter(torch.randn(adapter.SHAPES["expand"]) * (2 / adapter.DIMENSIONS) ** 0.5)
        self.expand_bias = nn.Parameter(torch.zeros(adapter.HIDDEN))
        self.contract = nn.Parameter(torch.zeros(adapter.SHAPES["contract"]))
        self.contract_bias = nn.Parameter(torch.zeros(adapter.DIMENSIONS))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(N, 128) -> (N, 128), L2-normalised."""
        return functional.normalize(vectors + functional.relu(vectors @ self.expand + self.expand_bias) @ self.contract + self.contract_bias)

    def arrays(self) -> list[np.ndarray]:
        """The four arrays in their order."""
        return [each.detach().numpy().copy() for each in self.parameters()]


def train(faces: ShrunkenFaces, kept_out: ShrunkenFaces, recipe: AdapterRecipe, log: Log = print) -> list[np.ndarray]:
    """The arrays of the pass that was best on the people kept out. Raises BadDataset when there are too few faces."""
    if min(len(faces.sharp), len(kept_out.sharp)) < LEAST:
        raise BadDataset(f"{min(len(faces.sharp), len(kept_out.sharp))} faces are too few to learn from or to judge by: {LEAST} at the least")
    torch.manual_seed(recipe.seed)
    rng, net = np.random.default_rng(recipe.seed), Adapter()
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    best, arrays = found(kept_out, net.arrays()), net.arrays()
    log(f"as it is: {best:.4f} of the kept-out people's shrunken faces found at a false match rate of .0001")
    for epoch in range(recipe.epochs):
        losses = [train_step(net, optimiser, faces, chosen, rng, recipe.apart) for chosen in np.array_split(rng.permutation(len(faces.sharp)), _steps(faces))]
        schedule.step()
        share = found(kept_out, net.arrays())
        log(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, found {share:.4f}")
        if share > best:
            best, arrays = share, copy.deepcopy(net.arrays())
    return arrays


def fit(net: Adapter, faces: ShrunkenFaces, recipe: AdapterRecipe) -> float:
    """So many passes in place, with no judge (a site of a federation has nobody kept out to stop by); the mean loss of the last one."""
    rng, losses = np.random.default_rng(recipe.seed), [float("nan")]
    torch.manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=1e-2)
    for _ in range(recipe.epochs):
        losses = [train_step(net, optimiser, faces, chosen, rng, recipe.apart) for chosen in np.array_split(rng.permutation(len(faces.sharp)), _steps(faces))]
    return float(np.mean(losses))


def loss_of(net: Adapter, faces: ShrunkenFaces, apart: float = AdapterRecipe().apart) -> float:
    """The loss over all faces and all their shrunken copies, without training."""
    with torch.no_grad():
        return float(np.mean([_loss(net, faces, np.arange(len(faces.sharp)), shrunken, apart).item() for shrunken in faces.shrunken]))


def found(faces: ShrunkenFaces, arrays: adapter.Arrays, rate: float = 0.0001) -> float:
    """The share of adapted faces (all shrunken versions) whose cosine to their own sharp picture lies above all but `rate` of those to other people's."""
    other = faces.person[:, None] != faces.person[None]
    shares = []
    for seen in faces.shrunken:
        scores = adapter.adapt(seen, arrays) @ faces.sharp.T
        shares.append((np.diagonal(scores) >= threshold_at(scores[other], rate)).mean())
    return float(np.mean(shares))


def look(people: dict[str, list[np.ndarray]], embed: Callable[[np.ndarray], np.ndarray], shrink: Sequence[Callable[[np.ndarray], np.ndarray]]) -> ShrunkenFaces:
    """Embed every crop sharp, and once by each way to shrink it."""
    crops = [crop for person in people.values() for crop in person]
    owner = np.array([n for n, person in enumerate(people.values()) for _ in person], int)
    sharp = np.stack([embed(crop) for crop in crops]) if crops else np.zeros((0, adapter.DIMENSIONS), np.float32)
    return ShrunkenFaces(sharp, np.stack([np.stack([embed(way(crop)) for crop in crops]) if crops else sharp for way in shrink]), owner)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on a face folder and write the adapter; prints the log, then the file's sha256."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.face_adapter", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10, help="how often each picture is shrunken anew")
    parser.add_argument("--epochs", type=int, default=AdapterRecipe().epochs)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    try:
        adapter.write(asked.out, train(*_material(asked.folder, asked.draws, asked.seed), AdapterRecipe(epochs=asked.epochs, seed=asked.seed)))
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2
    print(weights.sha256_of(asked.out))
    return 0


def _material(folder: Path, draws: int, seed: int) -> tuple[ShrunkenFaces, ShrunkenFaces]:
    people, rng = people_to_learn_from(folder), np.random.default_rng(seed)
    embed = detectors.load("face-embedding").embed_crop
    kept_out = {name: crops for n, (name, crops) in enumerate(people.items()) if n % 5 == 0}
    learned = {name: crops for name, crops in people.items() if name not in kept_out}
    print(f"{len(learned)} people to learn from, {len(kept_out)} kept out, each picture shrunken {draws} times, seed {seed}")
    tested = look(kept_out, embed, [lambda crop, size=size: degrade(crop, size) for size in TESTED_AT])
    return look(learned, embed, [lambda crop: blur(shift(crop, rng), rng)] * draws), tested


def _steps(faces: ShrunkenFaces) -> int:
    return -(-len(faces.sharp) // BATCH)


def train_step(net: Adapter, optimiser: torch.optim.Optimizer, faces: ShrunkenFaces, chosen: np.ndarray, rng: np.random.Generator, apart: float) -> float:
    """One step on one shrunken version of each chosen face, drawn anew."""
    drawn = faces.shrunken[rng.integers(len(faces.shrunken), size=len(chosen)), chosen]
    loss = _loss(net, ShrunkenFaces(faces.sharp[chosen], faces.shrunken, faces.person[chosen]), np.arange(len(chosen)), drawn, apart)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _loss(net: Adapter, faces: ShrunkenFaces, at: np.ndarray, shrunken: np.ndarray, apart: float) -> torch.Tensor:
    sharp, person = torch.from_numpy(faces.sharp[at]), torch.from_numpy(faces.person[at])
    cosines = net(torch.from_numpy(np.ascontiguousarray(shrunken[at]))) @ sharp.T
    twins = (person[:, None] == person[None]) & ~torch.eye(len(at), dtype=torch.bool)
    rivals = functional.cross_entropy((cosines / TEMPERATURE).masked_fill(twins, -torch.inf), torch.arange(len(at)))
    return 1 - cosines.diagonal().mean() + apart * rivals


if __name__ == "__main__":
    sys.exit(main())
