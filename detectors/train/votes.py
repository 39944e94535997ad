"""Train a fusion: small nets, each beside a line, that vote on measures; on the processor in a minute."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from detectors import fusion

VOTES, HIDDEN, EPOCHS, BATCH = 6, 24, 40, 64
DECAY, NOISE, DROPPED = 0.05, 0.1, 0.2


def train(values: np.ndarray, wanted: np.ndarray, weight: np.ndarray, names: tuple[str, ...], seed: int = 0, votes: int = VOTES) -> fusion.Fusion:
    """A fusion of measures (N, M) that is to give 1 where `wanted` (N,) holds; each row counts as `weight` (N,) says."""
    mean, scale = values.mean(0), values.std(0) + 1e-3
    seen = torch.from_numpy(np.clip((values - mean) / scale, -fusion.CLIP, fusion.CLIP).astype(np.float32))
    goal, share = torch.from_numpy(wanted.astype(np.float32)), torch.from_numpy(weight.astype(np.float32))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("hidden", "bias", "out", "offset", "linear")}
    for vote in range(votes):
        torch.manual_seed(seed * 100 + vote)
        inner, out, line = nn.Linear(seen.shape[1], HIDDEN), nn.Linear(HIDDEN, 1), nn.Linear(seen.shape[1], 1, bias=False)
        nn.init.zeros_(line.weight)
        optimiser = torch.optim.AdamW([*inner.parameters(), *out.parameters(), *line.parameters()], lr=3e-3, weight_decay=DECAY)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(seen)).split(BATCH):
                shown = nn.functional.dropout(seen[chosen] + NOISE * torch.randn(len(chosen), seen.shape[1]), DROPPED)
                score = (out(nn.functional.dropout(torch.relu(inner(shown)), DROPPED)) + line(shown))[:, 0]
                loss = (nn.functional.binary_cross_entropy_with_logits(score, goal[chosen], reduction="none") * share[chosen]).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        for name, tensor in (("hidden", inner.weight.T), ("bias", inner.bias), ("out", out.weight[0]), ("offset", out.bias[0]), ("linear", line.weight[0])):
            parts[name].append(tensor.detach().numpy().copy())
    return fusion.Fusion(mean, scale, **{name: np.stack(each) for name, each in parts.items()}, names=names)
