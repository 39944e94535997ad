"""Weights as plain named arrays: to and from a net, a record on the wire, a file."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.files import replacing

if TYPE_CHECKING:
    import torch

Arrays = dict[str, np.ndarray]


class WeightsMismatch(Exception):
    """The weights do not fit the net; the message names the first difference."""


def of(net: torch.nn.Module) -> Arrays:
    """A copy of a net's weights."""
    return {name: value.detach().cpu().numpy().copy() for name, value in net.state_dict().items()}


def put(net: torch.nn.Module, arrays: Arrays) -> None:
    """Load weights into a net. Raises WeightsMismatch unless names and shapes are the same."""
    import torch

    check(arrays, of(net))
    net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})


def check(arrays: Arrays, like: Arrays) -> None:
    """Raise WeightsMismatch unless both have the same names, shapes and types."""
    if list(arrays) != list(like):
        different = sorted(set(arrays) ^ set(like)) or ["their order"]
        raise WeightsMismatch(f"other weights than expected: {different[0]}")
    for name, value in arrays.items():
        if value.shape != like[name].shape or value.dtype != like[name].dtype:
            raise WeightsMismatch(f"{name} is {value.dtype}{value.shape}, not {like[name].dtype}{like[name].shape}")


def norm(arrays: Arrays, start: Arrays) -> float:
    """L2 norm of the difference over all weights."""
    return float(np.sqrt(sum(float(np.square(value.astype(np.float64) - start[name]).sum()) for name, value in arrays.items())))


def digest(arrays: Arrays) -> str:
    """sha256 over names and numbers."""
    found = hashlib.sha256()
    for name, value in arrays.items():
        found.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return found.hexdigest()


def size(arrays: Arrays) -> int:
    """Bytes of the raw numbers."""
    return sum(value.nbytes for value in arrays.values())


def save(arrays: Arrays, path: Path) -> None:
    """Write an NPZ, so that a killed writer leaves the old file whole."""
    with replacing(path) as file:
        np.savez(file, **{f"{index:04d} {name}": value for index, (name, value) in enumerate(arrays.items())})


def read(path: Path) -> Arrays:
    """Read what `save` wrote, in the same order. Raises WeightsMismatch for anything else."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name.split(" ", 1)[1]: found[name] for name in sorted(found.files)}
    except (ValueError, IndexError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsMismatch(f"{path} holds no weights: {error}") from error


def read_model(path: Path, kept: Path) -> Arrays:
    """The weights of a model file: an NPZ itself, or for an ONNX file the NPZ that was kept beside its making (`kept/<sha256>.npz`), else its initializers."""
    if path.suffix != ".onnx":
        return read(path)
    content = path.read_bytes()
    twin = kept / f"{hashlib.sha256(content).hexdigest()}.npz"
    return read(twin) if twin.exists() else _initializers(content)


def _initializers(content: bytes) -> Arrays:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph: Any = onnx.load_from_string(content).graph
    except DecodeError as error:
        raise WeightsMismatch(f"not an ONNX file: {error}") from error
    return {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
