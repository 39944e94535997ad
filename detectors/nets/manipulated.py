"""The net for blended faces: the first eleven blocks of EfficientNet-Lite0, with a map of where and one number for the whole face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
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


def take_over(net: ManipulatedNet, path: Path) -> None:
    """Read the weights of an exported net back: what batch normalisation was folded into is divided by `net`'s own, whose statistics stay."""
    graph = onnx.load(str(path)).graph
    tensors = {each.name: torch.from_numpy(numpy_helper.to_array(each).astype(np.float32)) for each in graph.initializer}
    tensors |= {node.output[0]: tensors[node.input[0]] for node in graph.node if node.op_type in ("Cast", "Identity") and node.input[0] in tensors}
    layers = [[tensors[name] for name in node.input[1:]] for node in graph.node if node.op_type in ("Conv", "Gemm")]
    folded = [(net.stem, net.norm)]
    for block in net.blocks:
        folded += [(block._expand_conv, block._bn0)] if block.widens else []
        folded += [(block._depthwise_conv, block._bn1), (block._project_conv, block._bn2)]
    with torch.no_grad():
        for (convolution, norm), (kernel, bias) in zip(folded, layers[: len(folded)], strict=True):
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            used = scale.abs() > 1e-4
            convolution.weight[used] = kernel[used] / scale[used, None, None, None]
            norm.bias.copy_(bias + norm.running_mean * scale)
        for head, (kernel, bias) in zip((net.whole, net.where), layers[len(folded) :], strict=True):
            head.weight.copy_(kernel)
            head.bias.copy_(bias)
