"""Massoli's detector of adversarial faces: an LSTM over a face's distances to the medoids of all people, layer after layer."""

from __future__ import annotations

import torch
from torch import nn

HIDDEN = 100


class TrajectoryNet(nn.Module):
    """(N, L, P) distances of L layers to P medoids -> logit (N,) that the face was attacked. Massoli 2021, one direction, 100 hidden numbers."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(people, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 1)

    def forward(self, trajectories: torch.Tensor) -> torch.Tensor:
        """The logit, read after the last layer."""
        return self.head(self.lstm(trajectories)[0][:, -1])[:, 0]
