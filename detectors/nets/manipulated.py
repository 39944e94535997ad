"""The net for manipulated faces: the first eleven blocks of EfficientNet-Lite0, with a map of where and one number for each kind."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from detectors.nets.lite import LiteNet

BLOCKS, CHANNELS, PLACES = 11, 112, 5  # up to a sixteenth of the side, where a cell still sees one part of a face only; places along a side
KINDS = ("blended", "edited", "generated")


class ManipulatedNet(nn.Module):
    """(N, 3, S, S) RGB 0..255 -> logits (N, 3) of KINDS, logits (N, S/16, S/16) of the face's parts, and the features (N, 224) below them.

    "blended" reads the mean and the highest of each channel; "edited" and "generated" also where in the face they stand.
    """

    def __init__(self, lite: LiteNet | None = None) -> None:
        super().__init__()
        lite = lite or LiteNet()
        self.stem, self.norm, self.blocks = lite._conv_stem, lite._bn0, nn.ModuleList(list(lite._blocks)[:BLOCKS])
        self.where, self.whole = nn.Conv2d(CHANNELS, 1, 1), nn.Linear(2 * CHANNELS, 1)
        self.placed = nn.Linear(2 * CHANNELS + PLACES**2 * CHANNELS, 2)
        self.dropout, self.strong_dropout = nn.Dropout(0.2), nn.Dropout(0.5)
        self.register_buffer("mean", lite.mean.clone())
        self.register_buffer("deviation", lite.deviation.clone())

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits of the kinds, logits of the map, features."""
        seen = functional.relu6(self.norm(self.stem((pictures - self.mean) / self.deviation)))
        for block in self.blocks:
            seen = block(seen)
        features = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
        places = torch.cat([features, functional.adaptive_avg_pool2d(seen, PLACES).flatten(1)], 1)
        kinds = torch.cat([self.whole(self.dropout(features)), self.placed(self.strong_dropout(places))], 1)
        return kinds, self.where(seen)[:, 0], features
