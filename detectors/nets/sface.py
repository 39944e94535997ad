"""SFace's network (a MobileNet v1 with PReLU, Zhong et al., arXiv 2205.12010) in torch, its weights read from the ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

DIMENSIONS = 128
LARGE = 1024  # numbers from which a weight is written as float16
# output channels and stride of the thirteen depthwise-separable blocks, after a first convolution to 32 channels
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


class SFaceNet(nn.Module):
    """(N, 3, 112, 112) float32 RGB 0..255 -> (N, 128), not normalised. Modules bear the names of the ONNX file's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"conv_1": _layer(3, 32, 3, 1, 1)})
        channels = 32
        for number, (out, stride) in enumerate(BLOCKS, 2):
            self.layers[f"conv_{number}_dw"] = _layer(channels, channels, 3, stride, channels)
            self.layers[f"conv_{number}"] = _layer(channels, out, 1, 1, 1)
            channels = out
        self.bn1 = nn.BatchNorm2d(channels, eps=2e-5)
        self.pre_fc1 = nn.Linear(channels * 49, DIMENSIONS)
        self.fc1 = nn.BatchNorm1d(DIMENSIONS, eps=2e-5)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Embeddings of aligned crops."""
        seen = (crops - 127.5) * 0.0078125
        for layer in self.layers.values():
            seen = layer(seen)
        return self.fc1(self.pre_fc1(self.bn1(seen).flatten(1)))


def read(path: Path | str) -> SFaceNet:
    """The network with the weights of SFace's ONNX file, in evaluation mode. Raises KeyError when it is another net's file."""
    tensors = {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each), np.float32)) for each in onnx.load(str(path)).graph.initializer}
    net = SFaceNet()
    with torch.no_grad():
        for name, (convolution, norm, activation) in net.layers.items():
            convolution.weight.copy_(tensors[f"{name}_conv2d_weight"])
            _read_norm(norm, tensors, f"{name}_batchnorm")
            activation.weight.copy_(tensors[f"{name}_relu_gamma"].flatten())
        _read_norm(net.bn1, tensors, "bn1")
        _read_norm(net.fc1, tensors, "fc1")
        net.pre_fc1.weight.copy_(tensors["pre_fc1_weight"])
        net.pre_fc1.bias.copy_(tensors["pre_fc1_bias"])
    return net.eval()


class MaxPReLU(nn.Module):
    """PReLU as max(x, slope * x), right for slopes up to 1: onnxruntime's PRelu takes half the net's time, this a sixth."""

    def __init__(self, slope: torch.Tensor) -> None:
        super().__init__()
        self.slope = nn.Parameter(slope.detach().clamp(max=1.0).view(1, -1, 1, 1))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """The activation of (N, C, H, W)."""
        return torch.maximum(seen, self.slope * seen)


def export(net: SFaceNet, path: Path | str) -> None:
    """Write the net as ONNX (input `data`, output `fc1`, any number of crops), its large weights as float16 that onnxruntime widens when it loads them."""
    for layer in net.layers.values():
        if isinstance(layer[2], nn.PReLU):
            layer[2] = MaxPReLU(layer[2].weight)
    axes, example = {"data": {0: "n"}, "fc1": {0: "n"}}, torch.zeros(1, 3, 112, 112)
    torch.onnx.export(net.eval(), (example,), str(path), input_names=["data"], output_names=["fc1"], dynamic_axes=axes, opset_version=17, dynamo=False)
    model = onnx.load(str(path))
    narrow(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def narrow(graph: onnx.GraphProto, least_axes: int = 1) -> None:
    """Large initializers of so many axes become float16, each widened again by a Cast: half the file, the same arithmetic."""
    floats = [each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT and len(each.dims) >= least_axes]
    large = [each for each in floats if np.prod(each.dims) >= LARGE]
    for tensor in large:
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half"))
        graph.node.insert(0, onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))


def _layer(channels: int, out: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out, eps=1e-3), nn.PReLU(out))


def _read_norm(norm: nn.Module, tensors: dict[str, torch.Tensor], name: str) -> None:
    for mine, theirs in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_var")):
        getattr(norm, mine).copy_(tensors[f"{name}_{theirs}"])
