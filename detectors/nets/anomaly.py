"""How much motion is normal for what is seen: a small net that looks at one grey picture and expects the motion of every 8 x 8 block.

A walker has a walker's motion, a tree a tree's, paving none. The net learns this from a camera's own normal footage; a cyclist looks nearly
like a walker but moves more, and the excess shows it. It has no normalisation layers, so a small crop is judged as the
whole picture is, and averaging the weights of many sites is sound.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PAST = 4  # earlier frames a window holds besides the one that is judged (detectors.anomaly.PAST says the same without torch)
CELL = 8  # pixels a side of the blocks the surprise is told for
FLOOR = 0.004  # motion (share of full scale) below which everything is noise


class AnomalyNet(nn.Module):
    """Windows (N, PAST + 1, H, W) of grey values 0..1, oldest first -> excess motion (N, H / 8, W / 8), in hundredths of full scale.

    H and W are multiples of 8. 53,306 float32 weights.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.look = nn.Sequential(
            _down(2, width),
            _down(width, 2 * width),
            _down(2 * width, 2 * width),
            _same(2 * width, 2 * width),
            nn.Conv2d(2 * width, 2, 3, padding=1),
        )

    def forward(self, windows: Tensor) -> Tensor:
        return 100 * FLOOR * (self.motion(windows).exp() - self.expect(windows)[0].exp())

    def surprise(self, windows: Tensor) -> Tensor:
        """What training makes small: the Gaussian negative log-likelihood of the log motion seen, (N, H / 8, W / 8)."""
        mean, spread = self.expect(windows)
        return 0.5 * ((self.motion(windows) - mean) / spread).clamp(-10, 10) ** 2 + spread.log()

    def expect(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of the log motion expected in every block from the picture alone, each (N, H / 8, W / 8)."""
        now = windows[:, -1:]
        local = now - functional.avg_pool2d(now, 9, 1, 4, count_include_pad=False)
        output = self.look(torch.cat([now - 0.5, 4 * local], 1))
        return 4 * output[:, 0], 0.1 + functional.softplus(output[:, 1])

    def motion(self, windows: Tensor) -> Tensor:
        """Log of the mean absolute change from frame to frame in every block, (N, H / 8, W / 8)."""
        change = (windows[:, 1:] - windows[:, :-1]).abs().mean(1, keepdim=True)
        return torch.log(functional.avg_pool2d(change, CELL)[:, 0] + FLOOR) - math.log(FLOOR)


def _down(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU())


def _same(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.ReLU())
