"""The net for blended faces: the first eleven blocks of EfficientNet-Lite0, with a map of where and one number for the whole face."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from detectors.nets.lite import LiteNet

BLOCKS, CHANNELS = 11, 112  # up to a sixteenth of the side, where a cell still sees one part of a face only


class ManipulatedNet(nn.Module):
    """(N, 3, S, S) RGB 0..255 -> logits (N,) of the face and (N, S/16, S/16) of its parts."""

    def __init__(self, lite: LiteNet | None = None) -> None:
        super().__init__()
        lite = lite or LiteNet()
        self.stem, self.norm, self.blocks = lite._conv_stem, lite._bn0, nn.ModuleList(list(lite._blocks)[:BLOCKS])
        self.where, self.whole = nn.Conv2d(CHANNELS, 1, 1), nn.Linear(2 * CHANNELS, 1)
        self.dropout = nn.Dropout(0.2)
        self.register_buffer("mean", lite.mean.clone())
        self.register_buffer("deviation", lite.deviation.clone())

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the face, logits of the map."""
        seen = functional.relu6(self.norm(self.stem((pictures - self.mean) / self.deviation)))
        for block in self.blocks:
            seen = block(seen)
        features = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
        return self.whole(self.dropout(features))[:, 0], self.where(seen)[:, 0]
