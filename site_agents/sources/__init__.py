"""Where pictures come from: one decorated generator a file; every file of this folder is found by itself."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from federated.contract.address import redact
from site_agents.errors import CameraSourceError


@dataclasses.dataclass(frozen=True, slots=True)
class SourceSettings:
    """Where pictures come from. `path` is a file, a folder, an address (stream) or a device (webcam)."""

    kind: str
    path: str = dataclasses.field(repr=False)  # an address may hold a password
    loop: bool = False
    pace: str = "real-time"
    fps: float = 5.0  # frames a second analysed at the most
    telemetry: str = ""  # drone: CSV t,lat,lon,alt,heading
    stale_after: float = 5.0  # seconds without a new frame after which the camera is stale


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """One picture as a source gives it: `n` counts from 0 for each start or pass, `at` is seconds into the clip.

    `t` is the moment of capture in seconds of the steady clock (`site_agents.clock`): when it came, whatever time the stream itself claims.
    """

    image: np.ndarray
    t: float
    n: int
    at: float
    telemetry: dict[str, float] | None = None


os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "8")  # below "fatal" FFmpeg writes addresses with their tokens to stderr; it is read at the first capture
PLACES = ("file", "folder", "webcam")  # kinds whose path is a place on this machine
Reader = Callable[[SourceSettings, Path], Iterator[Shot]]
_readers: dict[str, Reader] = {}


def source(kind: str) -> Callable[[Reader], Reader]:
    """Register a generator `read(config, folder)`; it raises CameraSourceError when it cannot go on and releases what it holds when closed."""

    def register(reader: Reader) -> Reader:
        _readers[kind] = reader
        return reader

    return register


def kinds() -> list[str]:
    """The kinds of sources there are, sorted."""
    return sorted(readers())


def open_source(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Start reading; relative paths are taken from `folder`. Raises CameraSourceError."""
    if config.kind not in readers():
        raise CameraSourceError(f"there is no source {config.kind!r}; there are {', '.join(kinds())}")
    if "://" in config.path and config.kind in PLACES:
        raise CameraSourceError(f'{redact(config.path)} is an address: write kind = "stream"', "address")
    return _readers[config.kind](config, folder)


@functools.cache
def readers() -> dict[str, Reader]:
    """The readers there are, by kind of source."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"site_agents.sources.{module.name}")
    return _readers
