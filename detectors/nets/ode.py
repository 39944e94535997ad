"""ODE-Net, a net whose middle is a differential equation solved at a tolerance chosen at test time, and its residual twin.

After Chen 2018 (Neural Ordinary Differential Equations) and Carrara 2019 (WIFS), written here: strided residual blocks (there two, here three, so that it
trains on a processor: a digit's equation has 16 x 4 x 4 numbers), the equation dh/dt = f(h, t) over t
from 0 to 1 with f of two 3 x 3 convolutions that see the time as a channel, then norm, ReLU, average and a linear layer. The twin has six residual blocks
in the equation's place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.nets.dopri5 import integrate

TOLERANCE = 1e-3  # what the nets are trained at
MEAN, DEVIATION = 0.1307, 0.3081  # MNIST's, of the values 0..1
STRIDED, TWIN_BLOCKS = 3, 6


class OdeNet(nn.Module):
    """(N, 1, H, W) float32 grey 0..255 -> logits (N, classes); 28 x 28 is solved on 4 x 4. 16 filters: 20,170 weights."""

    def __init__(self, filters: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.down, self.slope, self.head = Downsample(filters), SlopeNet(filters), ClassHead(filters, classes)

    def forward(self, pictures: Tensor, tolerance: float | Tensor = TOLERANCE) -> Tensor:
        """Logits, solved at this tolerance (one for all pictures, or one each)."""
        return self.solve(self.down(pictures), tolerance)[0]

    def solve(self, states: Tensor, tolerance: float | Tensor) -> tuple[Tensor, Tensor]:
        """Logits of what `down` gave, and how many evaluations of the slope each picture took (N,)."""
        ends, evaluations = integrate(self.slope, states, tolerance)
        return self.head(ends), evaluations


class ResidualTwin(nn.Module):
    """The same beginning and end with six residual blocks between them; it has no tolerance. 16 filters: 43,178 weights."""

    def __init__(self, filters: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.down, self.head = Downsample(filters), ClassHead(filters, classes)
        self.blocks = nn.Sequential(*(ResidualBlock(filters, 1) for _ in range(TWIN_BLOCKS)))

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.blocks(self.down(pictures)))


class Downsample(nn.Module):
    """(N, 1, H, W) grey 0..255 -> (N, filters, about H / 8, about W / 8): a convolution, then strided residual blocks."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, filters, 3), *(ResidualBlock(filters, 2) for _ in range(STRIDED)))

    def forward(self, pictures: Tensor) -> Tensor:
        """The equation's start."""
        return self.layers((pictures / 255 - MEAN) / DEVIATION)


class ResidualBlock(nn.Module):
    """Norm, ReLU and convolution, twice, added to what came in (through a 1 x 1 convolution where it is made smaller)."""

    def __init__(self, filters: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(_norm(filters) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(filters, filters, 3, each, 1, bias=False) for each in (stride, 1))
        self.shortcut = nn.Conv2d(filters, filters, 1, stride, bias=False) if stride > 1 else None

    def forward(self, states: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / stride, W / stride)."""
        seen = torch.relu(self.norms[0](states))
        passed = states if self.shortcut is None else self.shortcut(seen)
        return passed + self.convolutions[1](torch.relu(self.norms[1](self.convolutions[0](seen))))


class SlopeNet(nn.Module):
    """f(h, t): norm, ReLU and a convolution that sees the time, twice, and a last norm that keeps the slope in bounds."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(_norm(filters) for _ in range(3))
        self.convolutions = nn.ModuleList(nn.Conv2d(filters + 1, filters, 3, padding=1) for _ in range(2))

    def forward(self, times: Tensor, states: Tensor) -> Tensor:
        """Times (N,), states (N, C, H, W) -> slopes (N, C, H, W)."""
        clock = times.view(-1, 1, 1, 1).expand(-1, 1, *states.shape[2:])
        for norm, convolution in zip(self.norms[:2], self.convolutions, strict=True):
            states = convolution(torch.cat([clock, torch.relu(norm(states))], 1))
        return self.norms[2](states)


class ClassHead(nn.Module):
    """Norm, ReLU, average over the picture, linear."""

    def __init__(self, filters: int, classes: int) -> None:
        super().__init__()
        self.norm, self.linear = _norm(filters), nn.Linear(filters, classes)

    def forward(self, states: Tensor) -> Tensor:
        """(N, C, H, W) -> logits (N, classes)."""
        return self.linear(torch.relu(self.norm(states)).mean((2, 3)))


def _norm(filters: int) -> nn.GroupNorm:
    """Groups of four channels."""
    return nn.GroupNorm(max(1, filters // 4), filters)
