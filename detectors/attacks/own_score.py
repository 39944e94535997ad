"""An attacker who has the detector's program and the gradient of its score: selective and orthogonal steps.

Bryniarski, Hendrycks, Carlini and others, *Evading Adversarial Example Detection Defenses with Orthogonal Projected Gradient Descent* (ICLR 2022, arXiv
2106.15023): where a picture does not fool the net, a step for that; where it does, a step down the score that leaves the margin as it is. A sum of both
losses with one weight (Carlini and Wagner 2017) wastes steps on the one that is reached.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from detectors.attacks.gradient import Goal


@dataclasses.dataclass(frozen=True, slots=True)
class LoweredBatch:
    """Of each picture the version with the lowest score that still fools the net (N, 3, H, W), whole levels, its log-odds (inf where none was
    found) and those at the start (N,).
    """

    pictures: torch.Tensor
    log_odds: torch.Tensor
    before: torch.Tensor


def lower(
    clean: torch.Tensor,
    attacked: torch.Tensor,
    goal: Goal,
    log_odds: Callable[[torch.Tensor], torch.Tensor],
    *,
    budget: float,
    steps: int,
    slack: float,
    seed: int = 0,
) -> LoweredBatch:
    """From pictures that fool the net to ones that are scored lower, within `budget` levels of the clean ones; all whole levels, 0..255.

    Each step moves by one level those pixels whose gradient is in the steeper half. `slack`: how far past its goal the attack stays.
    """
    drawn, x = torch.Generator().manual_seed(seed), attacked.clone()
    best, lowest, before = x.clone(), torch.full((len(x),), torch.inf), torch.empty(0)
    for turn in range(steps + 1):
        seen = x.detach().requires_grad_()
        margin, score = goal.margin(seen), log_odds(seen)
        before = score.detach() if turn == 0 else before
        better = (margin < 0) & (score < lowest)
        best[better], lowest[better] = x[better], score.detach()[better]
        to_goal = torch.autograd.grad(margin.sum(), seen)[0]
        down = torch.autograd.grad(score.sum(), seen)[0]
        along = (down * to_goal).flatten(1).sum(1) / to_goal.square().flatten(1).sum(1).clamp_min(1e-20)
        direction = torch.where((margin < -slack).view(-1, 1, 1, 1), down - along.view(-1, 1, 1, 1) * to_goal, to_goal)
        size = direction.abs() * (0.5 + torch.rand(direction.shape, generator=drawn))  # else the same half would move each time
        steep = size > size.flatten(1).median(1).values.view(-1, 1, 1, 1)
        x = (clean + (x - direction.sign() * steep - clean).clamp(-budget, budget)).clamp(0, 255).detach()
    return LoweredBatch(best, lowest, before)
