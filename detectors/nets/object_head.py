"""The head that says how likely an alert is a false alarm: one hidden layer, small enough for a few dozen labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.objects.head import SIZE

HIDDEN = 16
LAST = "say"  # the last layer's name in every file of weights that was ever published


class Head(nn.Module):
    """Features (N, SIZE) of `detectors.objects.head.describe` -> probability of a false alarm (N,). It starts by saying 0.5 of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(SIZE, HIDDEN)
        self.add_module(LAST, nn.Linear(HIDDEN, 1))
        nn.init.zeros_(self.get_submodule(LAST).weight)
        nn.init.zeros_(self.get_submodule(LAST).bias)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(features))

    def logits(self, features: Tensor) -> Tensor:
        """The log odds (N,)."""
        return self.get_submodule(LAST)(torch.relu(self.mix(features)))[:, 0]
