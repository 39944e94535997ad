"""Teach SFace to know small faces: a student that starts as the published net learns to say of a shrunken face what its frozen teacher says of the sharp one.

After Massoli, Amato, Falchi, *Cross-resolution learning for face recognition* (Image and Vision Computing 2020): a frozen teacher at full size, a student
that starts equal, sizes drawn anew for each picture, a growing share of shrunken ones. Their loss is cross-entropy over names + 0.1 x squared distance to the
teacher; our pictures carry no names, so the distance to the teacher (1 - cosine) is all of it. Every layer is trained; normalisation keeps its statistics.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from detectors import datasets, weights
from detectors.errors import BadDataset, BadInput, DetectorError
from detectors.faces.embed import SIDE
from detectors.nets import sface
from detectors.portraits import Portraits, person_of

BATCH = 32
SMALLEST, LARGEST = 7, 48  # pixels a side of a shrunken face; log-uniform, so that the smallest are drawn most often
SCALE = 10.0  # of the loss, for the clipping of gradients
SHRINKS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR)
ENLARGES = (cv2.INTER_CUBIC, cv2.INTER_CUBIC, cv2.INTER_LINEAR)


@dataclasses.dataclass(frozen=True, slots=True)
class StudentRecipe:
    """How to train: passes over the pictures, highest learning rate, seconds after which to stop (the schedule runs on time or passes, whichever is sooner)."""

    epochs: int = 40
    lr: float = 1e-4
    seconds: float = 3600.0
    seed: int = 0


def train(crops: np.ndarray, recipe: StudentRecipe, log: Callable[[str], None] = print) -> sface.SFaceNet:
    """The student for aligned crops (N, 112, 112, 3) BGR uint8. Raises BadDataset when there are too few to learn from."""
    if len(crops) < 2 * BATCH:
        raise BadDataset(f"{len(crops)} faces are too few to learn from: {2 * BATCH} at the least")
    torch.manual_seed(recipe.seed)
    rng, student = np.random.default_rng(recipe.seed), sface.read(weights.find("sface-2021dec"))
    targets = teach(crops)
    optimiser = torch.optim.AdamW(_groups(student), lr=recipe.lr)
    began, student = time.monotonic(), student.to(memory_format=torch.channels_last)
    for epoch in range(recipe.epochs):
        losses = []
        for chosen in _batches(len(crops), rng):
            done = max((epoch + len(losses) * BATCH / len(crops)) / recipe.epochs, (time.monotonic() - began) / recipe.seconds)
            if done >= 1:
                return student.eval()
            _set_rate(optimiser, recipe.lr, done)
            pictures = np.stack([blur(shift(crops[n], rng), rng) if rng.random() < 0.5 + done else shift(crops[n], rng) for n in chosen])
            losses.append(_step(student, optimiser, pictures, targets[chosen]))
        log(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s")
    return student.eval()


def faces_to_learn_from(folder: Path) -> np.ndarray:
    """Aligned crops (N, 112, 112, 3) of every picture `folder/<person>/<file>` of the people who are neither in gallery.csv nor in probes.csv."""
    crops = [crop for person in people_to_learn_from(folder).values() for crop in person]
    return np.stack(crops) if crops else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def people_to_learn_from(folder: Path) -> dict[str, list[np.ndarray]]:
    """The same person by person, in alphabetical order; people without a usable picture are left out."""
    portraits, people = Portraits(folder), {}
    tested = {person_of(row["path"]) for table in ("gallery.csv", "probes.csv") for row in datasets.read_table(folder / table, {"path": str})}
    for person in sorted(each for each in folder.iterdir() if each.is_dir() and each.name not in tested):
        for file in datasets.pictures(person):
            with contextlib.suppress(BadInput):
                people.setdefault(person.name, []).append(portraits.aligned(f"{person.name}/{file.name}")[0])
    return people


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on a face folder and write the net as ONNX; prints the log, then the file's sha256."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.small_faces", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=2640.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    try:
        crops = faces_to_learn_from(asked.folder)
        print(f"{len(crops)} faces, {torch.get_num_threads()} threads, seed {asked.seed}")
        sface.export(train(crops, StudentRecipe(seconds=asked.seconds, seed=asked.seed)), asked.out)
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2
    print(weights.sha256_of(asked.out))
    return 0


def teach(crops: np.ndarray) -> torch.Tensor:
    """What the published net says of the sharp crops and their mirror images, mean of both: (N, 128), L2-normalised."""
    net = sface.read(weights.find("sface-2021dec")).to(memory_format=torch.channels_last)
    with torch.no_grad():
        parts = [
            functional.normalize(net(as_tensor(part))) + functional.normalize(net(as_tensor(part[:, :, ::-1])))
            for part in np.array_split(crops, -(-len(crops) // 64))
        ]
    return functional.normalize(torch.cat(parts))


def blur(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The crop as a far camera would give it: shrunken to a drawn size and enlarged again, now and then compressed or out of focus before."""
    side = round(float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))))
    if rng.random() < 0.15:
        crop = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.5, 0.4 * SIDE / side)))
    small = cv2.resize(crop, (side, side), interpolation=SHRINKS[rng.integers(len(SHRINKS))])
    if rng.random() < 0.15:
        small = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))])[1], cv2.IMREAD_COLOR)
    return cv2.resize(small, (SIDE, SIDE), interpolation=ENLARGES[rng.integers(len(ENLARGES))])


def shift(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrored or not; a little turned, scaled and moved, as landmarks err."""
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.normal(0, 2)), float(np.exp(rng.normal(0, 0.02))))
    matrix[:, 2] += rng.normal(0, 0.8, 2)
    bright = rng.uniform(0.85, 1.15)
    return cv2.convertScaleAbs(cv2.warpAffine(np.ascontiguousarray(crop), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), alpha=float(bright))


def _step(student: nn.Module, optimiser: torch.optim.Optimizer, pictures: np.ndarray, targets: torch.Tensor) -> float:
    optimiser.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_multiplies_bfloat16()):
        output = student(as_tensor(pictures))
    loss = 1 - (functional.normalize(output.float()) * targets).sum(1).mean()
    (SCALE * loss).backward()
    nn.utils.clip_grad_norm_(student.parameters(), 5.0)
    optimiser.step()
    return loss.item()


@functools.cache
def _multiplies_bfloat16() -> bool:
    """Whether the processor has bfloat16 instructions: where it has none, they are imitated, several times slower than float32."""
    try:
        return bool({"amx_bf16", "avx512_bf16", "bf16"} & set(Path("/proc/cpuinfo").read_text().split()))
    except OSError:
        return False


def _groups(student: nn.Module) -> list[dict[str, object]]:
    """Weight decay for convolutions and the dense layer only."""
    many, one = [each for each in student.parameters() if each.ndim > 1], [each for each in student.parameters() if each.ndim == 1]
    return [{"params": many, "weight_decay": 1e-4}, {"params": one, "weight_decay": 0.0}]


def _set_rate(optimiser: torch.optim.Optimizer, highest: float, done: float) -> None:
    """Warm up over the first 3 %, then half a cosine down to nothing."""
    rate = highest * min(1.0, done / 0.03) * 0.5 * (1 + np.cos(np.pi * done))
    for group in optimiser.param_groups:
        group["lr"] = rate


def _batches(n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    order = rng.permutation(n)
    return (order[at : at + BATCH] for at in range(0, n - BATCH + 1, BATCH))


def as_tensor(crops: np.ndarray) -> torch.Tensor:
    """BGR uint8 (N, 112, 112, 3) as the net's RGB float32 (N, 3, 112, 112)."""
    return torch.from_numpy(np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2), np.float32)).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    sys.exit(main())
