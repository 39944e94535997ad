"""Train the LSTM over distance trajectories, as published: Adam 3e-4, batches of 128 with both kinds equally often, 100 epochs, cross-entropy."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from detectors.nets.trajectory import TrajectoryNet

EPOCHS, BATCH, RATE = 100, 128, 3e-4


def train(trajectories: np.ndarray, attacked: np.ndarray, seed: int = 0, epochs: int = EPOCHS) -> TrajectoryNet:
    """The net for (N, L, P) float32 trajectories of which `attacked` (N,) are attacked faces; both kinds must be among them."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = TrajectoryNet(trajectories.shape[2])
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    pools = [np.flatnonzero(attacked), np.flatnonzero(~attacked)]
    half, longest = BATCH // 2, max(len(pool) for pool in pools)
    for _ in range(epochs):
        orders = [np.concatenate([rng.permutation(pool) for _ in range(-(-longest // len(pool)))])[:longest] for pool in pools]
        for first in range(0, longest, half):
            rows = np.concatenate([order[first : first + half] for order in orders])
            loss = functional.binary_cross_entropy_with_logits(net(torch.from_numpy(trajectories[rows])), torch.from_numpy(attacked[rows].astype(np.float32)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


def scores(net: TrajectoryNet, trajectories: np.ndarray) -> np.ndarray:
    """Logits (N,) of (N, L, P) trajectories."""
    with torch.no_grad():
        return net(torch.from_numpy(trajectories)).numpy()
