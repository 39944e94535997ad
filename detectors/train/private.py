"""DP-SGD (Abadi et al. 2016): every sample's gradient is cut to one length and Gaussian noise is added, so that no single sample shows in the weights.

What a task gives is its loss, sample by sample; the numbers of the recipe come from an accountant (federated.learning.privacy). Noise and choice of samples are
drawn from the operating system's entropy: who knows the seed of a run must not be able to take the noise out again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

PIECE = 64  # samples whose gradients are in memory at once

Losses = Callable[[nn.Module, Tensor], Tensor]  # net, samples (N, ...) -> the loss of each (N,); no sample's may depend on another's


@dataclasses.dataclass(frozen=True, slots=True)
class PrivateRecipe:
    """`rate`: the chance of each sample to be in a step; `sigma`: standard deviation of the noise in units of `clip`, the longest gradient of a sample."""

    rate: float
    steps: int
    sigma: float
    clip: float
    lr: float
    hold: float = 0.0  # of FedProx: how strongly to stay near the weights of the start


def fit(net: nn.Module, samples: np.ndarray, losses: Losses, recipe: PrivateRecipe, rng: np.random.Generator | None = None) -> float:
    """Train in place with plain gradient descent; the mean loss of the samples of the last step that had any. `rng` only for tests."""
    rng = rng or np.random.default_rng()
    whole = WholeNet(net, losses)
    weights = {name: value.detach() for name, value in whole.named_parameters() if value.requires_grad}
    start = {name: value.clone() for name, value in weights.items()}
    net.train()
    last = float("nan")
    for _ in range(recipe.steps):
        chosen = np.flatnonzero(rng.random(len(samples)) < recipe.rate)
        total, mean = clipped_sum(whole, weights, samples[chosen], recipe.clip)
        last = last if mean is None else mean
        expected = max(1.0, recipe.rate * len(samples))  # not the number drawn: that one would tell of the samples
        for name, value in weights.items():
            noise = torch.from_numpy(rng.normal(0.0, recipe.sigma * recipe.clip, value.shape).astype(np.float32))
            value -= recipe.lr * ((total[name] + noise) / expected + recipe.hold * (value - start[name]))
    net.eval()
    return last


def clipped_sum(whole: nn.Module, weights: dict[str, Tensor], samples: np.ndarray, clip: float) -> tuple[dict[str, Tensor], float | None]:
    """The sum over the samples of their gradients, each cut to the L2 norm `clip`; and their mean loss (None without samples)."""
    total, losses = {name: torch.zeros_like(value) for name, value in weights.items()}, []

    def one(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return functional_call(whole, values, (sample[None],))[0]

    each = vmap(grad_and_value(one), in_dims=(None, 0))
    for at in range(0, len(samples), PIECE):
        gradients, values = each(weights, torch.from_numpy(np.ascontiguousarray(samples[at : at + PIECE], np.float32)))
        lengths = torch.sqrt(sum(value.flatten(1).square().sum(1) for value in gradients.values()))
        share = torch.nan_to_num((clip / lengths.clamp(min=1e-12)).clamp(max=1.0), nan=0.0)
        for name, value in gradients.items():
            total[name] += torch.einsum("n,n...->...", share, torch.nan_to_num(value))
        losses.append(values)
    return total, float(torch.cat(losses).mean()) if losses else None


class WholeNet(nn.Module):
    """A net with its loss on top, so that one call gives the loss of each sample whatever method of the net the loss uses."""

    def __init__(self, net: nn.Module, losses: Losses):
        super().__init__()
        self.net, self.losses = net, losses

    def forward(self, samples: Tensor) -> Tensor:
        return self.losses(self.net, samples)
