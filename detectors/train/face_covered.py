"""Teach a small net to see that eyes or mouth of a face are covered, from clear faces with things drawn on them, and judge it on other people.

`python -m detectors.train.face_covered FOLDER --out NET.onnx` learns from the people of a face folder who are in none of its tables, sets the threshold on a
fifth of them who are kept aside, and judges on the folder's probes. `--without KINDS` leaves kinds of things out of the learning: how well it knows what it
has never seen.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from detectors import datasets, weights
from detectors.errors import BadDataset, BadInput, DetectorError
from detectors.evaluators.faces_covered import People, judge
from detectors.faces.covered import PARTS, Covered, prepare
from detectors.faces.embed import SIDE
from detectors.nets.covered import CoveredNet
from detectors.portraits import Portraits, degrade, person_of
from detectors.train.covers import COVERS, cover
from detectors.train.small_faces import people_to_learn_from, shift

BATCH, LEAST = 64, 20  # faces a step; people to learn from at the least
REDRAW = 3  # passes over the same drawings
SMALLEST = 20  # pixels a side of the faces it learns from
FALSE = 0.01  # of the clear faces kept aside that each part may call covered: 2 % together at the most

Log = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class CoveredRecipe:
    """How to train: passes over the pictures, highest learning rate, the kinds of things that are drawn."""

    epochs: int = 45
    lr: float = 2e-3
    kinds: tuple[str, ...] = COVERS
    seed: int = 0


def train(crops: Sequence[np.ndarray], recipe: CoveredRecipe, log: Log = print) -> CoveredNet:
    """The net for aligned crops (N, 112, 112, 3) BGR uint8 of faces that are nearly all clear. Raises BadDataset when there are too few to learn from."""
    if len(crops) < BATCH:
        raise BadDataset(f"{len(crops)} faces are too few to learn from: {BATCH} at the least")
    torch.manual_seed(recipe.seed)
    rng, net, began = np.random.default_rng(recipe.seed), CoveredNet().train(), time.monotonic()
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=1e-3)
    steps = len(crops) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps)
    for epoch in range(recipe.epochs):
        if epoch % REDRAW == 0:
            pictures, labels = _drawn(crops, recipe.kinds, rng)
        order, losses = rng.permutation(len(crops)), []
        for n in range(steps):
            chosen = order[n * BATCH : (n + 1) * BATCH]
            seen = pictures[chosen].flip(3) if rng.random() < 0.5 else pictures[chosen]
            losses.append(_step(net, optimiser, seen, labels[chosen]))
            schedule.step()
        log(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s")
    return net.eval()


def draw(crop: np.ndarray, kinds: Sequence[str], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One picture to learn from, and what of it is covered (2,): a clear face (one in three), or one thing on it, or two."""
    if rng.random() < 1 / 3:
        picture, labels = (crop, np.zeros(2)) if rng.random() < 0.5 else cover(crop, "nothing", rng)
        return spoil(picture, rng), labels
    picture, labels = cover(crop, str(rng.choice(kinds)), rng)
    if rng.random() < 0.15:
        picture, more = cover(picture, str(rng.choice(kinds)), rng)
        labels = np.where((labels == 1) | (more == 1), 1.0, labels + more)  # NaN stays NaN
    return spoil(picture, rng), labels


def spoil(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As cameras give it: a little moved and turned, smaller, out of focus, darker or brighter, grey, compressed."""
    crop = shift(crop, rng)
    if rng.random() < 0.6:
        crop = degrade(crop, round(float(np.exp(rng.uniform(np.log(SMALLEST), np.log(SIDE))))))
    if rng.random() < 0.2:
        crop = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.5, 2.5)))
    if rng.random() < 0.25:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    crop = cv2.convertScaleAbs(crop, alpha=float(rng.uniform(0.5, 1.3)), beta=float(rng.uniform(0, 25)))
    if rng.random() < 0.3:
        crop = cv2.imdecode(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])[1], cv2.IMREAD_COLOR)
    return crop


def thresholds_of(net: Covered, people: People, false: float = FALSE) -> dict[str, float]:
    """For eyes and mouth the likelihood above which at most this share of clear faces lies, at full size and reduced to 64, 48, 32 and 24 pixels."""
    labels = np.array([net.look(degrade(crop, size)) for crops in people.values() for crop in crops for size in (SIDE, 64, 48, 32, 24)])
    return {part: round(float(np.quantile(labels[:, n], 1 - false)), 4) for n, part in enumerate(PARTS)}


def export(net: CoveredNet, path: Path) -> str:
    """Write the net as ONNX (input `pictures`, output `covered`: likelihoods); the sha256 of the file."""
    whole = torch.nn.Sequential(net, torch.nn.Sigmoid()).eval()
    example = torch.zeros(1, 3, 56, 56)
    names = {"input_names": ["pictures"], "output_names": ["covered"], "dynamic_axes": {"pictures": {0: "n"}, "covered": {0: "n"}}}
    torch.onnx.export(whole, (example,), str(path), opset_version=17, dynamo=False, **names)
    return weights.sha256_of(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the net, print the log, then the thresholds and figures as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.face_covered", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=CoveredRecipe().epochs)
    parser.add_argument("--without", default="", help=f"kinds not to learn from, by comma: {', '.join(COVERS)}")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    without = {kind.strip() for kind in asked.without.split(",") if kind.strip()}
    try:
        if without - set(COVERS) or without == set(COVERS):
            raise BadInput(f"--without takes some of {', '.join(COVERS)}")
        learned, aside = _split(people_to_learn_from(asked.folder))
        crops = [crop for each in learned.values() for crop in each]
        recipe = CoveredRecipe(asked.epochs, kinds=tuple(kind for kind in COVERS if kind not in without), seed=asked.seed)
        print(f"{len(crops)} faces of {len(learned)} people, {len(aside)} people aside, seed {asked.seed}, without {sorted(without) or 'nothing'}", flush=True)
        sha256 = export(train(crops, recipe, lambda line: print(line, flush=True)), asked.out)
        net = Covered(weights.open_session(asked.out))
        thresholds = thresholds_of(net, aside)
        print(json.dumps({"sha256": sha256, "thresholds": thresholds, **judge(net, _probes(asked.folder), thresholds, sorted(without) or COVERS)}))
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _split(people: People) -> tuple[People, People]:
    """Four of five people to learn from, every fifth aside. Raises BadDataset below 20."""
    if len(people) < LEAST:
        raise BadDataset(f"{len(people)} people are too few to learn from: {LEAST} at the least")
    names = sorted(people)
    return {name: people[name] for n, name in enumerate(names) if n % 5}, {name: people[name] for name in names[::5]}


def _probes(folder: Path) -> People:
    """Aligned crops of the pictures in probes.csv, person by person."""
    portraits, people = Portraits(folder), {}
    for row in datasets.read_table(folder / "probes.csv", {"path": str, "person": str}):
        try:
            people.setdefault(person_of(row["path"]), []).append(portraits.aligned(row["path"])[0])
        except BadInput as error:
            print(f"{row['path']}: {error}", file=sys.stderr)
    return people


def _drawn(crops: Sequence[np.ndarray], kinds: Sequence[str], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture to learn from of each crop, (N, 3, 56, 56) and (N, 2)."""
    drawn = [draw(crop, kinds, rng) for crop in crops]
    return torch.from_numpy(np.stack([prepare(picture) for picture, _ in drawn])), torch.from_numpy(
        np.stack([labels for _, labels in drawn]).astype(np.float32)
    )


def _step(net: CoveredNet, optimiser: torch.optim.Optimizer, pictures: torch.Tensor, labels: torch.Tensor) -> float:
    optimiser.zero_grad()
    sure = ~labels.isnan()
    loss = functional.binary_cross_entropy_with_logits(net(pictures)[sure], labels[sure])
    loss.backward()
    optimiser.step()
    return loss.item()


if __name__ == "__main__":
    sys.exit(main())
