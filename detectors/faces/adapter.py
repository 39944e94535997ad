"""A light adapter on the frozen embedding of small faces: a residual layer pair, 66 thousand numbers, small enough to be trained together by many sites."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors.errors import WeightsError

DIMENSIONS, HIDDEN = 128, 256
ORDER = ("expand", "expand_bias", "contract", "contract_bias")  # the order of the arrays wherever they travel as a flat list
SHAPES = {"expand": (DIMENSIONS, HIDDEN), "expand_bias": (HIDDEN,), "contract": (HIDDEN, DIMENSIONS), "contract_bias": (DIMENSIONS,)}

Arrays = Sequence[np.ndarray]


def adapt(vectors: np.ndarray, arrays: Arrays) -> np.ndarray:
    """Embeddings (N, 128) of small faces moved to where the same faces lie when they are sharp: normalised x + relu(x E + e) C + c, float32."""
    expand, expand_bias, contract, contract_bias = arrays
    moved = vectors + np.maximum(vectors @ expand + expand_bias, 0) @ contract + contract_bias
    return (moved / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-12)).astype(np.float32)


def read(path: Path | str) -> list[np.ndarray]:
    """The four float32 arrays in the order of ORDER. Raises WeightsError when the file holds anything else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in ORDER]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is no face adapter: {error}") from error
    return check(arrays)


def write(path: Path | str, arrays: Arrays) -> None:
    """Write the arrays; the same numbers give the same bytes."""
    with Path(path).open("wb") as file:
        np.savez(file, **dict(zip(ORDER, check(arrays), strict=True)))


def check(arrays: Arrays) -> list[np.ndarray]:
    """The arrays as float32. Raises WeightsError unless there are four finite ones of the right shapes."""
    found = [np.asarray(each, np.float32) for each in arrays]
    if [each.shape for each in found] != list(SHAPES.values()) or not all(np.isfinite(each).all() for each in found):
        raise WeightsError(f"a face adapter is four finite arrays of {', '.join(f'{name} {shape}' for name, shape in SHAPES.items())}")
    return found
