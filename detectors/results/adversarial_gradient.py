"""Attacked faces and pictures by somebody who has our detector and the gradient of its score."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

import detectors
from detectors import results, weights
from detectors.attacks import gradient, make, own_score
from detectors.attacks.measured import DetectorScore
from detectors.metrics import share
from detectors.nets import sface
from detectors.verification import threshold_at

TITLE = "Adversarial inputs: an attacker with our score's gradient"
CROPS, BATCH, STEPS, BUDGETS = 16, 4, 20, (8, 4)
CLEAN = 60  # crops as they are, from which the rival gets its threshold
TRAINED_PICTURES, LEAST = 280, 6  # what the shipped fusions learned from: the first pictures of the set, people with so many portraits
SLACK = {"face": 0.03, "image": 1.0}  # of the cosine, of the logits
NAMES = {"face": "Faces (SFace)", "image": "Pictures (EfficientNet-Lite0)"}

INTRODUCTION = """
The strongest attacker of this house: he has program and weights of net and detector, and descends the detector's score itself
(`detectors/attacks/own_score.py`: selective and orthogonal steps after Bryniarski 2022; `detectors/attacks/measured.py` has every measure of the
detector in torch, JPEG and the dropping of bits passed straight through). {crops} crops of each kind that the shipped fusion did not learn from, half
of them to a chosen target. PGD of 10 steps fools the net first; then {steps} steps of one level lower the score while the net stays fooled. All
pictures are whole levels within the budget, and what counts is the answer of the real detector at its card's threshold. The rival, how far one re-save
as JPEG 75 moves the answer, has its threshold at 1 % of {clean} clean crops, and is not attacked here: his steps know nothing of it but what our own
looks share with it. *Moved*: the lowered picture shifted by one pixel to the right, as another crop of the same face would be. In brackets: 95 % intervals.
"""
MEANING = """
**What it means.** The score is no defence against somebody who runs this program on his own machine: {steps} steps of a gradient take it away. It tells
attacks that were made for the net alone, by people who do not have the detector; every report says so. Of the detectors in Bryniarski 2021 none outlasted
such an attacker either. Where that matters, a person has to look where the picture comes from. The plain re-save, which was not attacked, still finds
most of these pictures, and `still` of [adversarial.md](adversarial.md) passes the re-save and not our score; an attack on both at once was not tried.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Attacked:
    """Real scores of each crop: `before` the attack on the detector, `after` it, and `moved` by a pixel; likewise of the rival."""

    before: np.ndarray
    after: np.ndarray
    moved: np.ndarray
    rival_before: np.ndarray
    rival_after: np.ndarray


def body(conditions: results.Conditions) -> str:
    """The page."""
    torch.set_num_threads(1)
    parts = [INTRODUCTION.format(crops=CROPS, steps=STEPS, clean=CLEAN)]
    for kind, title in NAMES.items():
        parts += [f"## {title}", *_of_kind(kind, conditions), ""]
    return "\n".join([*parts, MEANING.format(steps=STEPS)])


def _of_kind(kind: str, conditions: results.Conditions) -> list[str]:
    crops = min(conditions.limit or CROPS, CROPS) // BATCH * BATCH or BATCH
    score, detector = DetectorScore(kind), detectors.shared(f"adversarial-{kind}")
    sources = _sources(kind, score, conditions, 2 * crops)
    threshold = detector.card.thresholds["score"]
    least = threshold_at(np.array([detector.rival(_picture(each)) for each in sources.pictures[:CLEAN]]), 1e-2)
    rows = []
    for budget in BUDGETS:
        found = Attacked(*_attacked(kind, score, detector, sources, crops, budget, conditions).T)
        count = len(found.before)
        shares = [share(each > threshold, count) for each in (found.before, found.after, found.moved)]
        rivals = [share(each > least, count) for each in (found.rival_before, found.rival_after)]
        rows.append((f"{budget} levels", count, *shares, float(np.median(found.after)), *rivals))
    head = ("budget", "n", "found before", "found after", "after, moved", "median score after", "rival before", "rival after")
    return [f"Card's threshold {threshold:.3f}.\n", results.table(head, rows)]


def _sources(kind: str, score: DetectorScore, conditions: results.Conditions, most: int) -> make.Sources:
    """Crops that the shipped fusion did not learn from, which the net gets right."""
    if kind == "face":
        net, data = sface.read(weights.find("sface-2021dec")).requires_grad_(False), conditions.data / "faces" / "lfw"
        found, seen = make.faces_of(data, net, most + CLEAN), set(make.pictures_by_person(data, LEAST))
        usable = [n for n, name in enumerate(found.names) if name.rsplit("_", 1)[0] not in seen]
    else:
        found = make.pictures_of(conditions.data / "adversarial", score.nets.answers, TRAINED_PICTURES + most + CLEAN)
        usable = [n for n in range(TRAINED_PICTURES, len(found.names)) if found.right[n] >= 0]
    return make.Sources([found.names[n] for n in usable], found.pictures[usable], found.right[usable])


def _attacked(kind: str, score: DetectorScore, detector: Any, sources: make.Sources, crops: int, budget: int, conditions: results.Conditions) -> np.ndarray:
    """The columns of `Attacked` (N, 5) of the crops that the first attack fooled the net on; batches in the work folder are not made again."""
    folder, seed = conditions.work / "adversarial_gradient", conditions.seed
    folder.mkdir(parents=True, exist_ok=True)
    batches = []
    for start in range(0, crops, BATCH):
        file = folder / f"{kind}-{budget}-{seed}-{start}.npy"
        if file.exists():
            batches.append(np.load(file))
            continue
        rows: list[tuple[float, ...]] = []
        own, other = slice(start, start + BATCH), slice(crops + start, crops + start + BATCH)
        x, targeted = sources.pictures[own], bool(start // BATCH % 2)
        vectors = sources.right[other if targeted else own]
        goal = (
            gradient.classes_goal(score.nets.answers, vectors, targeted=targeted)
            if kind == "image"
            else gradient.vectors_goal(score.nets.answers, vectors, targeted=targeted, threshold=make.FACE_MATCH)
        )
        attacked = gradient.linf(x, goal.loss, budget=budget, steps=10, random=True, seed=seed + start).clamp(0, 255).round()
        with torch.no_grad():
            works = (goal.margin(attacked) < 0).numpy()
        lowered = own_score.lower(x, attacked, goal, score.log_odds, budget=budget, steps=STEPS, slack=SLACK[kind], seed=seed)
        for n in np.flatnonzero(works):
            before, after = _picture(attacked[n]), _picture(lowered.pictures[n])
            moved = np.concatenate([after[:, :1], after[:, :-1]], 1)
            rows.append((*(detector.score(each) for each in (before, after, moved)), detector.rival(before), detector.rival(after)))
        batches.append(np.array(rows).reshape(-1, 5))
        np.save(file, batches[-1])
    return np.concatenate(batches)


def _picture(pixels: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(pixels.byte().permute(1, 2, 0).numpy()[..., ::-1])
