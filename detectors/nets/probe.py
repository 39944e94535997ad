"""Two linear probes on frozen maps of EfficientNet-Lite0, read by parts of the face, as one small net."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from detectors.deepfake.crops import POINTS
from detectors.deepfake.logistic import LARGEST, Logistic
from detectors.nets.lite import LiteNet

MAPS = {4: (8, 2, 3), 10: (16, 0, 2)}  # after this block: pixels of a crop a cell; cells read before and behind a place
PLACES = [*map(tuple, POINTS[:3].tolist()), tuple(POINTS[3:].mean(0).tolist()), (80, 30), (40, 110), (120, 110), (80, 145)]
NUMBERS = len(PLACES) * (40 + 112)  # eyes, nose, mouth, forehead, cheeks, chin: each the means of the two maps' channels


class ProbeNet(nn.Module):
    """(N, 3, 160, 160) RGB 0..255 -> log-odds (N, K), one of each probe."""

    def __init__(self, lite: LiteNet, probes: Sequence[Logistic] = ()) -> None:
        super().__init__()
        self.stem, self.norm, self.blocks = lite._conv_stem, lite._bn0, nn.ModuleList(list(lite._blocks)[: max(MAPS) + 1])
        self.register_buffer("mean", lite.mean.clone())
        self.register_buffer("deviation", lite.deviation.clone())
        for name in ("mean", "deviation", "weights"):
            self.register_buffer(f"probe_{name}", torch.tensor(np.array([getattr(each, name) for each in probes]), dtype=torch.float32))
        self.register_buffer("probe_bias", torch.tensor([each.bias for each in probes], dtype=torch.float32))

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """What the probes read, (N, NUMBERS)."""
        seen, found = functional.relu6(self.norm(self.stem((pictures - self.mean) / self.deviation))), []
        for number, block in enumerate(self.blocks):
            seen = block(seen)
            if number in MAPS:
                found += [place_mean(seen, place, *MAPS[number]) for place in PLACES]
        return torch.cat(found, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Log-odds."""
        seen = self.features(pictures)[:, None]
        steps = ((seen - self.probe_mean) / self.probe_deviation).clamp(-LARGEST, LARGEST)
        return (steps * self.probe_weights).sum(2) + self.probe_bias


def place_mean(seen: torch.Tensor, place: tuple[float, float], cell: int, before: int, behind: int) -> torch.Tensor:
    """The mean (N, C) of a map (N, C, S, S) around one place of a crop."""
    left, top = (int(each / cell) for each in place)
    return seen[:, :, max(0, top - before) : top + behind, max(0, left - before) : left + behind].mean((2, 3))
