"""An ONNX file run by torch, so that gradients pass through the very weights that ship; only the operations that our own nets are written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

Values = Sequence[Any]  # tensors, None for an input that is left out


class OnnxNet(nn.Module):
    """The graph of a file with one input. Inner results may be asked for by their names.

    Raises NotImplementedError (the operation) when the file has one that is not known here. Weights carry no gradient.
    """

    def __init__(self, path: Path | str, outputs: Sequence[str] = ()) -> None:
        super().__init__()
        graph = onnx.load(str(path)).graph
        self.fixed = {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in graph.initializer}
        self.input = next(each.name for each in graph.input if each.name not in self.fixed)
        self.outputs = tuple(outputs) or tuple(each.name for each in graph.output)
        self.steps: list[tuple[Callable[..., Any], list[str], str]] = []
        for node in graph.node:
            if node.op_type not in OPERATIONS:
                raise NotImplementedError(f"{path}: {node.op_type}")
            self._take(OPERATIONS[node.op_type], node)

    def _take(self, operation: Callable[..., Any], node: onnx.NodeProto) -> None:
        """A step of each run; what hangs on weights alone is worked out now."""
        facts = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        step = lambda given: operation(given, facts)  # noqa: E731
        if all(not name or name in self.fixed for name in node.input):
            self.fixed[node.output[0]] = step([self.fixed.get(name) for name in node.input])
        else:
            self.steps.append((step, list(node.input), node.output[0]))

    def forward(self, given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What was asked for, in that order."""
        found = {self.input: given}
        for step, names, name in self.steps:
            found[name] = step([found[each] if each in found else self.fixed.get(each) for each in names])
        return tuple(found[name] for name in self.outputs)


def _convolution(given: Values, facts: dict[str, Any]) -> torch.Tensor:
    seen, weight, *bias = given
    top, left, *_ends = facts.get("pads", [0, 0, 0, 0])
    return functional.conv2d(seen, weight, *bias, stride=facts["strides"], padding=(top, left), dilation=facts["dilations"], groups=facts["group"])


def _norm(given: Values, facts: dict[str, Any]) -> torch.Tensor:
    seen, weight, bias, mean, variance = given
    return functional.batch_norm(seen, mean, variance, weight, bias, eps=facts["epsilon"])


def _gemm(given: Values, facts: dict[str, Any]) -> torch.Tensor:
    seen, weight, bias = given
    return seen @ (weight.T if facts.get("transB") else weight) + bias


def _cast(given: Values, facts: dict[str, Any]) -> torch.Tensor:
    return given[0].to(torch.float32 if facts["to"] == onnx.TensorProto.FLOAT else torch.int64)


def _filled(given: Values, facts: dict[str, Any]) -> torch.Tensor:
    return torch.full(given[0].tolist(), numpy_helper.to_array(facts["value"]).item())


def _slice(given: Values, _facts: dict[str, Any]) -> torch.Tensor:
    seen, starts, ends, axes, steps = (each.numpy() for each in given)
    cut = [slice(None)] * seen.ndim
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps.tolist(), strict=True):
        cut[axis] = slice(start, None if end < -seen.shape[axis] else end, step)
    return torch.from_numpy(np.ascontiguousarray(seen[tuple(cut)]))


def _pad(given: Values, _facts: dict[str, Any]) -> torch.Tensor:
    begins, ends = given[1].reshape(2, -1).tolist()
    return functional.pad(given[0], [side for pair in zip(begins[::-1], ends[::-1], strict=True) for side in pair])


OPERATIONS: dict[str, Callable[[Values, dict[str, Any]], Any]] = {
    "Add": lambda given, _: given[0] + given[1],
    "Sub": lambda given, _: given[0] - given[1],
    "Mul": lambda given, _: given[0] * given[1],
    "Div": lambda given, _: given[0] / given[1],
    "Max": lambda given, _: torch.maximum(*given),
    "Clip": lambda given, _: given[0].clamp(*(each.item() for each in given[1:])),
    "PRelu": lambda given, _: torch.where(given[0] < 0, given[0] * given[1], given[0]),
    "Dropout": lambda given, _: given[0],
    "Flatten": lambda given, _: given[0].flatten(1),
    "ReduceMean": lambda given, facts: given[0].mean(facts["axes"], keepdim=bool(facts["keepdims"])),
    "Concat": lambda given, facts: torch.cat(list(given), facts["axis"]),
    "Reshape": lambda given, _: given[0].reshape(given[1].tolist()),
    "Transpose": lambda given, facts: given[0].permute(facts["perm"]),
    "Constant": lambda _, facts: torch.from_numpy(np.array(numpy_helper.to_array(facts["value"]))),
    "Conv": _convolution,
    "BatchNormalization": _norm,
    "Gemm": _gemm,
    "Cast": _cast,
    "ConstantOfShape": _filled,
    "Slice": _slice,
    "Pad": _pad,
}
