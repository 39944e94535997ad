"""White-box attacks by gradients: FGSM, BIM, PGD (Linf and L2), MI-FGSM, CW-L2, deep features, and expectation over transformations (EOT).

Goodfellow 2015, Kurakin 2017, Madry 2018, Dong 2018, Carlini and Wagner 2017, Sabour 2016, Athalye 2018.
Pictures are (N, 3, H, W) float32 RGB 0..255, budgets in levels of 255.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn import functional

Loss = Callable[[torch.Tensor], torch.Tensor]  # (N, 3, H, W) -> (N,), to be made small


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """What an attack is after: `loss` is descended, `margin` is below zero where it has worked."""

    loss: Loss
    margin: Loss


def linf(
    start: torch.Tensor, loss: Loss, *, budget: float, steps: int, random: bool = False, momentum: float = 0.0, expectation: int = 0, seed: int = 0
) -> torch.Tensor:
    """Descend the loss by signs of its gradient within `budget` levels: FGSM (one step), BIM, PGD (`random` start), MI-FGSM (`momentum` 1).

    `expectation`: transformed looks a step (JPEG, resize, noise, blur; EOT), 0 for the picture as it is.
    """
    drawn, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    size = budget if steps == 1 else max(1.0, 2.5 * budget / steps)
    x = start + (torch.rand(start.shape, generator=drawn) * 2 - 1) * budget if random else start.clone()
    speed = torch.zeros_like(x)
    for _ in range(steps):
        gradient = torch.zeros_like(x)
        for turn in range(max(1, expectation)):
            seen = x.detach().requires_grad_()
            looked = transformed(seen, rng) if expectation and turn else seen
            gradient += torch.autograd.grad(loss(looked).sum(), seen)[0]
        speed = momentum * speed + gradient / gradient.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
        x = start + (x - size * speed.sign() - start).clamp(-budget, budget)
        x = x.clamp(0, 255).detach()
    return x


def l2(start: torch.Tensor, loss: Loss, *, budget: float, steps: int, random: bool = False, seed: int = 0) -> torch.Tensor:
    """Descend the loss along its gradient within `budget` levels of L2 norm (root of the sum of squares): BIM, PGD (`random` start)."""
    drawn, size = torch.Generator().manual_seed(seed), 2.5 * budget / steps
    x = start.clone()
    if random:
        x = (start + budget / 2 * functional.normalize(torch.randn(start.shape, generator=drawn).flatten(1)).view_as(start)).clamp(0, 255)
    for _ in range(steps):
        seen = x.detach().requires_grad_()
        gradient = torch.autograd.grad(loss(seen).sum(), seen)[0].flatten(1)
        moved = x.detach() - start - size * functional.normalize(gradient).view_as(start)
        norm = moved.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, *[1] * (start.dim() - 1))
        x = (start + moved * (budget / norm).clamp_max(1)).clamp(0, 255).detach()
    return x


def cw_l2(start: torch.Tensor, goal: Goal, *, weight: float, steps: int = 40, rate: float = 1.0) -> torch.Tensor:
    """Carlini and Wagner's L2 attack with one constant: the smallest change (mean square in levels) found on the way that works, else the last."""
    span = torch.atanh((start / 127.5 - 1).clamp(-0.999, 0.999)).requires_grad_()
    optimiser = torch.optim.Adam([span], lr=rate / 64)
    best, least = start.clone(), torch.full((len(start),), torch.inf)
    for _ in range(steps):
        x = (torch.tanh(span) + 1) * 127.5
        far, margin = (x - start).square().mean((1, 2, 3)), goal.margin(x)
        optimiser.zero_grad()
        (far + weight * margin.clamp_min(-0.1)).sum().backward()
        better = (margin < 0) & (far < least)
        with torch.no_grad():
            best[better], least[better] = x[better], far[better]
        optimiser.step()
    best[~torch.isfinite(least)] = x.detach()[~torch.isfinite(least)]
    return best


def transformed(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """One look at the pictures through something a defender may try; gradients pass (JPEG's rounding is passed straight through)."""
    kind = rng.choice(["jpeg", "jpeg", "resize", "noise", "blur"])
    if kind == "jpeg":
        return x + (jpeg(x.detach(), int(rng.integers(60, 95))) - x.detach())
    if kind == "resize":
        less = functional.interpolate(x, scale_factor=float(rng.uniform(0.5, 0.95)), mode="bilinear", antialias=True)
        return functional.interpolate(less, size=x.shape[2:], mode="bilinear")
    if kind == "noise":
        return x + torch.from_numpy(rng.normal(0, rng.uniform(2, 8), x.shape).astype(np.float32))
    return blurred(x, float(rng.uniform(0.5, 1.2)))


def jpeg(x: torch.Tensor, quality: int) -> torch.Tensor:
    """The pictures after a JPEG of this quality."""
    pixels = x.clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
    saved = [cv2.imdecode(cv2.imencode(".jpg", each, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR) for each in pixels[..., ::-1]]
    return torch.from_numpy(np.stack(saved)[..., ::-1].astype(np.float32)).permute(0, 3, 1, 2)


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """The pictures under a Gaussian of 7 x 7."""
    line = torch.from_numpy(cv2.getGaussianKernel(7, sigma).astype(np.float32))
    return functional.conv2d(functional.pad(x, (3, 3, 3, 3), mode="reflect"), (line @ line.T).expand(3, 1, 7, 7), groups=3)


def classes_goal(logits: Callable[[torch.Tensor], torch.Tensor], classes: torch.Tensor, *, targeted: bool) -> Goal:
    """Away from `classes`, or to them."""

    def loss(x: torch.Tensor) -> torch.Tensor:
        entropy = functional.cross_entropy(logits(x), classes, reduction="none")
        return entropy if targeted else -entropy

    def margin(x: torch.Tensor) -> torch.Tensor:
        found = logits(x)
        own = found.gather(1, classes[:, None])[:, 0]
        other = found.scatter(1, classes[:, None], -torch.inf).amax(1)
        return other - own if targeted else own - other

    return Goal(loss, margin)


def vectors_goal(embed: Callable[[torch.Tensor], torch.Tensor], vectors: torch.Tensor, *, targeted: bool, threshold: float) -> Goal:
    """Away from these unit vectors, or to them, by the cosine; it has worked when the cosine has passed the threshold of a match."""

    def loss(x: torch.Tensor) -> torch.Tensor:
        alike = (functional.normalize(embed(x)) * vectors).sum(1)
        return -alike if targeted else alike

    return Goal(loss, lambda x: threshold + loss(x) if targeted else loss(x) - threshold)


def features_goal(features: Callable[[torch.Tensor], torch.Tensor], wanted: torch.Tensor, margin: Loss) -> Goal:
    """To the features of guide pictures (Sabour 2016): squared distance, relative to the guide's length."""
    return Goal(lambda x: (features(x) - wanted).square().sum(1) / wanted.square().sum(1), margin)


def still_goal(goal: Goal, answers: Callable[[torch.Tensor], torch.Tensor], *, slack: float, weight: float) -> Goal:
    """The same goal by an attacker who knows that we look whether the answer moves: only just past the goal (by `slack`), and then as still as can be.

    It must not move under JPEG 75 nor under a slight blur: squared distances of the answers, times `weight`.
    """

    def loss(x: torch.Tensor) -> torch.Tensor:
        here, saved = answers(x), x + (jpeg(x.detach(), 75) - x.detach())
        moved = sum((answers(each) - here).square().sum(1) for each in (saved, blurred(x, 0.8)))
        return goal.margin(x).clamp_min(-slack) + goal.margin(saved).clamp_min(-slack) + weight * moved

    return Goal(loss, goal.margin)
