"""Linear probes on frozen maps of SFace and EfficientNet-Lite0 that look at a face's crop, as one net.

SFace's middle layers are the better witness (its last ones know whose face it is, no longer how it was made); Lite0's add a little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from detectors.deepfake.logistic import LARGEST, Logistic
from detectors.nets.lite import LiteNet
from detectors.nets.sface import MaxPReLU, SFaceNet

FACE_CUTS = ((24, 36, 112), (10, 12, 140))  # left, top and side of what SFace sees of a crop, as 112 x 112: the face, and the head around it
FACE_LAYERS = tuple(f"conv_{number}_dw" for number in range(8, 14))
PICTURE_CUT, PICTURE_SIDE = (25, 41, 110), 224  # what Lite0 sees
BLOCKS = (7, 8, 10, 11, 13)
NUMBERS = 2 * (len(FACE_CUTS) * 512 * len(FACE_LAYERS) + 480 + 480 + 672 + 672 + 1152)  # mean and deviation of every channel


class ProbeNet(nn.Module):
    """(N, 3, 160, 160) RGB 0..255 -> log-odds (N, K), one of each probe. Numbers are means over the crop and its mirror image."""

    def __init__(self, lite: LiteNet, face: SFaceNet, probes: Sequence[Logistic] = ()) -> None:
        super().__init__()
        self.face = nn.ModuleDict()
        for name, layer in face.layers.items():
            self.face[name] = nn.Sequential(layer[0], layer[1], MaxPReLU(layer[2].weight))
            if name == FACE_LAYERS[-1]:
                break
        self.stem, self.norm, self.blocks = lite._conv_stem, lite._bn0, nn.ModuleList(list(lite._blocks)[: max(BLOCKS) + 1])
        self.register_buffer("mean", lite.mean.clone())
        self.register_buffer("deviation", lite.deviation.clone())
        for name in ("mean", "deviation", "weights"):
            self.register_buffer(f"probe_{name}", torch.tensor(np.array([getattr(each, name) for each in probes]), dtype=torch.float32))
        self.register_buffer("probe_bias", torch.tensor([each.bias for each in probes], dtype=torch.float32))

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """What the probes read, (N, NUMBERS)."""
        return (self._one_side(pictures) + self._one_side(pictures.flip(3))) / 2

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Log-odds."""
        return self.log_odds(self.features(pictures))

    def log_odds(self, features: torch.Tensor) -> torch.Tensor:
        """Log-odds (N, K) of what the probes read."""
        steps = ((features[:, None] - self.probe_mean) / self.probe_deviation).clamp(-LARGEST, LARGEST)
        return (steps * self.probe_weights).sum(2) + self.probe_bias

    def _one_side(self, pictures: torch.Tensor) -> torch.Tensor:
        found = []
        for cut in FACE_CUTS:
            seen = (_cut(pictures, cut, 112, "bilinear") - 127.5) * 0.0078125
            for name, layer in self.face.items():
                seen = layer(seen)
                if name in FACE_LAYERS:
                    found.append(_summary(seen))
        seen = (_cut(pictures, PICTURE_CUT, PICTURE_SIDE, "bicubic") - self.mean) / self.deviation
        seen = functional.relu6(self.norm(self.stem(seen)))
        for number, block in enumerate(self.blocks):
            filtered = block.filtered(seen)
            if number in BLOCKS:
                found.append(_summary(filtered))
            seen = block.narrowed(seen, filtered) if number < max(BLOCKS) else seen
        return torch.cat(found, 1)


class ExportedProbe(nn.Module):
    """Log-odds, and what the probes read, for studies that fit others on it."""

    def __init__(self, net: ProbeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, K) and (N, NUMBERS)."""
        features = self.net.features(pictures)
        return self.net.log_odds(features), features


def _cut(pictures: torch.Tensor, cut: tuple[int, int, int], side: int, way: str) -> torch.Tensor:
    left, top, size = cut
    part = pictures[:, :, top : top + size, left : left + size]
    return part if size == side else functional.interpolate(part, size=(side, side), mode=way, align_corners=False)


def _summary(maps: torch.Tensor) -> torch.Tensor:
    """Mean and deviation of every channel of (N, C, H, W) over its places, (N, 2 C)."""
    mean = maps.mean((2, 3), keepdim=True)
    spread = ((maps - mean) ** 2).mean((2, 3)).sqrt()
    return torch.cat([mean[:, :, 0, 0], spread], 1)
