"""EfficientNet-Lite0 and -Lite2 (Google, Apache-2.0) in torch, read from the PyPI wheels' .pth files, and their ONNX form for the detectors."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn import functional

from detectors.nets.sface import narrow

# repeats, kernel, stride, expansion, output channels of the seven stages (MnasNet's grid, without squeeze and excitation, ReLU6)
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
MEAN = (127.0, 127.0, 127.0)
DEVIATION = (128.0, 128.0, 128.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """Width and depth multipliers and the side of the input in pixels."""

    width: float
    depth: float
    side: int


LITE0, LITE2 = Size(1.0, 1.0, 224), Size(1.1, 1.2, 260)


class LiteNet(nn.Module):
    """(N, 3, S, S) float32 RGB 0..255 -> logits (N, 1000) of ImageNet; `layers` gives what every block saw as well."""

    def __init__(self, size: Size = LITE0) -> None:
        super().__init__()
        self.size = size
        self._conv_stem, self._bn0 = Same(3, 32, 3, 2), _norm(32)
        blocks, channels = [], 32
        for number, (repeats, kernel, stride, expansion, out) in enumerate(STAGES):
            fixed = number in (0, len(STAGES) - 1)
            wide = _rounded(out * size.width)
            for turn in range(repeats if fixed else math.ceil(repeats * size.depth)):
                blocks.append(Block(channels, wide, kernel, stride if turn == 0 else 1, expansion))
                channels = wide
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1, self._fc = Same(channels, 1280, 1, 1), _norm(1280), nn.Linear(1280, 1000)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)

    def layers(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Logits (N, 1000), pooled features (N, 1280), and each block's output averaged over the picture."""
        seen = functional.relu6(self._bn0(self._conv_stem((pictures - self.mean) / self.deviation)))
        pooled = []
        for block in self._blocks:
            seen = block(seen)
            pooled.append(seen.mean((2, 3)))
        features = functional.relu6(self._bn1(self._conv_head(seen))).mean((2, 3))
        return self._fc(features), features, pooled

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.layers(pictures)[0]


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow; the names are those of the published weights."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.widens, self.skips = expansion != 1, stride == 1 and channels == out
        if self.widens:
            self._expand_conv, self._bn0 = Same(channels, wide, 1, 1), _norm(wide)
        self._depthwise_conv, self._bn1 = Same(wide, wide, kernel, stride, wide), _norm(wide)
        self._project_conv, self._bn2 = Same(wide, out, 1, 1), _norm(out)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, out, H / stride, W / stride)."""
        return self.narrowed(seen, self.filtered(seen))

    def filtered(self, seen: torch.Tensor) -> torch.Tensor:
        """The wide maps after each channel's filter, (N, C x expansion, H / stride, W / stride)."""
        wide = functional.relu6(self._bn0(self._expand_conv(seen))) if self.widens else seen
        return functional.relu6(self._bn1(self._depthwise_conv(wide)))

    def narrowed(self, seen: torch.Tensor, filtered: torch.Tensor) -> torch.Tensor:
        """The block's output, of its input and its wide maps."""
        narrow_ = self._bn2(self._project_conv(filtered))
        return seen + narrow_ if self.skips else narrow_


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow pads it (SAME: the odd pixel on the right and below)."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, 0, groups=groups, bias=False)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """The convolution."""
        lacking = [max((math.ceil(side / self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - side, 0) for side in map(int, seen.shape[2:])]
        if any(lacking):
            seen = functional.pad(seen, (lacking[1] // 2, lacking[1] - lacking[1] // 2, lacking[0] // 2, lacking[0] - lacking[0] // 2))
        return super().forward(seen)


def read(path: Path | str, size: Size = LITE0) -> LiteNet:
    """The network with the published weights, in evaluation mode. Raises RuntimeError when it is another net's file."""
    net = LiteNet(size)
    net.load_state_dict(torch.load(str(path), map_location="cpu", weights_only=True))
    return net.eval().requires_grad_(False)


class Exported(nn.Module):
    """What the detectors read: logits, pooled features, and all blocks' averages side by side."""

    def __init__(self, net: LiteNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits, features and layers."""
        logits, features, pooled = self.net.layers(pictures)
        return logits, features, torch.cat(pooled, 1)


def export(net: LiteNet, path: Path | str) -> None:
    """Write the net as ONNX (input `pictures`, outputs `logits`, `features`, `layers`), its large weights as float16 that onnxruntime widens."""
    outputs, example = ["logits", "features", "layers"], torch.zeros(1, 3, net.size.side, net.size.side)
    axes = {name: {0: "n"} for name in ("pictures", *outputs)}
    torch.onnx.export(
        Exported(net).eval(), (example,), str(path), input_names=["pictures"], output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False
    )
    model = onnx.load(str(path))
    narrow(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _rounded(channels: float) -> int:
    """To a multiple of eight, never more than a tenth less."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near
