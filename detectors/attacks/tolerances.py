"""Attack nets whose answer depends on a solver's tolerance (ODE-Net; the residual twin as well), and gather what they answer at all tolerances.

Pictures are (N, 1, H, W) float32 grey 0..255. The attacker has everything: net, weights and training tolerance; with `eot` also the range from which the
defender draws tolerances, and he descends the mean of the losses at tolerances drawn from it anew in each step (Athalye 2018).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from detectors.attacks import gradient
from detectors.nets.ode import TOLERANCE, OdeNet

GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
RANGE = (1e-4, 100.0)  # from which the randomised vote draws, by the logarithm
VOTES = 8
PIECE = 200  # pictures a batch
EOT_DRAWS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class TolerancePlan:
    """One attack: `kind` linf, l2 or cw; `budget` in parts of full scale (Linf, or the L2 norm; of cw its constant); steps; whether tolerances are drawn."""

    kind: str
    budget: float
    steps: int
    eot: bool = False

    @property
    def name(self) -> str:
        """As tables show it."""
        shown = "CW-L2" if self.kind == "cw" else f"PGD {self.kind.capitalize()} {self.budget:g}"
        return f"{shown}, EOT" if self.eot else shown


@dataclasses.dataclass(frozen=True, slots=True)
class Answers:
    """Logits by tolerance of GRID (T, N, C), at VOTES drawn tolerances (K, N, C), after a JPEG-75 re-save at the training tolerance (N, C), evaluations (T, N).

    The twin's have one tolerance, none drawn, no evaluations. `change` (N,): the L2 norm of the attack, of full scale.
    """

    grid: np.ndarray
    drawn: np.ndarray
    resaved: np.ndarray
    evaluations: np.ndarray
    change: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """At the training tolerance (N, C)."""
        return self.grid[GRID.index(TOLERANCE) if len(self.grid) > 1 else 0]

    def only(self, part: slice) -> Answers:
        """The answers of some of the pictures."""
        return Answers(self.grid[:, part], self.drawn[:, part], self.resaved[part], self.evaluations[:, part], self.change[part])


def attack(net: nn.Module, plan: TolerancePlan, pictures: Tensor, labels: Tensor, seed: int) -> Tensor:
    """The attacked pictures, rounded to whole levels."""
    made = []
    for n in range(0, len(pictures), PIECE):
        start, goal = pictures[n : n + PIECE], goal_of(net, labels[n : n + PIECE], eot=plan.eot, seed=seed + n)
        if plan.kind == "cw":
            found = gradient.cw_l2(start, goal, weight=plan.budget, steps=plan.steps, rate=12.0)
        else:
            descend = gradient.linf if plan.kind == "linf" else gradient.l2
            found = descend(start, goal.loss, budget=plan.budget * 255, steps=plan.steps, random=True, seed=seed + n)
        made.append(found.detach().round().clamp(0, 255))
    return torch.cat(made)


def goal_of(net: nn.Module, labels: Tensor, *, eot: bool, seed: int) -> gradient.Goal:
    """Away from the labels at the training tolerance, or in the mean over tolerances drawn at each call."""
    plain = gradient.classes_goal(net, labels, targeted=False)
    if not eot or not isinstance(net, OdeNet):
        return plain
    answered = gradient.classes_goal(lambda logits: logits, labels, targeted=False)
    rng = np.random.default_rng(seed)

    def mean(measure: Callable[[Tensor], Tensor]) -> gradient.Loss:
        def over_tolerances(x: Tensor) -> Tensor:
            states = net.down(x)
            return torch.stack([measure(net.solve(states, drawn_tolerances(len(x), rng))[0]) for _ in range(EOT_DRAWS)]).mean(0)

        return over_tolerances

    return gradient.Goal(mean(answered.loss), mean(answered.margin))


def drawn_tolerances(count: int, rng: np.random.Generator) -> Tensor:
    """One tolerance a picture, drawn from RANGE by the logarithm."""
    low, high = np.log(RANGE)
    return torch.from_numpy(np.exp(rng.uniform(low, high, count)).astype(np.float32))


@torch.no_grad()
def answers(net: nn.Module, pictures: Tensor, originals: Tensor, seed: int) -> Answers:
    """What the net answers of the pictures; the draws depend on `seed` alone."""
    rng, parts = np.random.default_rng(seed), []
    for n in range(0, len(pictures), PIECE):
        piece = pictures[n : n + PIECE]
        saved = net(jpeg(piece, 75))
        if isinstance(net, OdeNet):
            states = net.down(piece)
            solved = [net.solve(states, each) for each in GRID]
            drawn = torch.stack([net.solve(states, drawn_tolerances(len(piece), rng))[0] for _ in range(VOTES)])
            grid, evaluations = torch.stack([logits for logits, _ in solved]), torch.stack([count for _, count in solved])
        else:
            grid = net(piece)[None]
            drawn, evaluations = grid[:0], torch.zeros(0, len(piece))
        parts.append((grid, drawn, saved[None], evaluations))
    grid, drawn, saved, evaluations = (torch.cat(each, 1).numpy() for each in zip(*parts, strict=True))
    change = ((pictures - originals) / 255).flatten(1).norm(dim=1).numpy()
    return Answers(grid, drawn, saved[0], evaluations, change)


def jpeg(pictures: Tensor, quality: int) -> Tensor:
    """Grey pictures after a JPEG of this quality."""
    pixels = pictures.clamp(0, 255).round().byte()[:, 0].numpy()
    saved = [cv2.imdecode(cv2.imencode(".jpg", each, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE) for each in pixels]
    return torch.from_numpy(np.stack(saved)[:, None].astype(np.float32))
