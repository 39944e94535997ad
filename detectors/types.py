"""The types that flow between the five parts: what a camera sees, what a tool reports."""

from __future__ import annotations

import dataclasses
import os
import time
import uuid
from typing import Any, NamedTuple

import numpy as np


class Box(NamedTuple):
    """An axis-aligned rectangle in pixels: left, top, width, height. It may reach past the image's edge."""

    x: float
    y: float
    w: float
    h: float

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of the lower edge, where a standing person touches the ground."""
        return self.x + self.w / 2, self.y + self.h


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera. `image` is BGR uint8 (H, W, 3), `t` Unix seconds of capture, `n` counts from 0 for each source start."""

    image: np.ndarray
    camera: str
    t: float
    n: int
    telemetry: dict[str, float] | None = None  # a drone's lat, lon, alt, heading


@dataclasses.dataclass(frozen=True, slots=True)
class Face:
    """A face found in an image. `landmarks` is (5, 2): eyes, nose tip, mouth corners, as YuNet orders them; `embedding` is L2-normalised."""

    box: Box
    score: float
    landmarks: np.ndarray
    quality: float | None = None
    embedding: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Detection:
    """One finding in one frame. `kind` is the class ("person", "suitcase", "face", "anomaly", ...), `score` 0..1, `track` the tracker's number."""

    kind: str
    score: float
    box: Box | None = None
    track: int | None = None
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A tool's judgement. `band` is "clear", "unsure" or "suspicious"; `reasons` are sentences a person can read."""

    label: str
    score: float | None
    threshold: float | None
    band: str
    reasons: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a tool says about a file. `evidence` maps a name to PNG bytes; everything else is plain JSON data."""

    verdict: Verdict
    parts: tuple[dict[str, Any], ...] = ()
    timeline: tuple[dict[str, Any], ...] = ()
    evidence: dict[str, bytes] = dataclasses.field(default_factory=dict)
    models: dict[str, str] = dataclasses.field(default_factory=dict)
    input_sha256: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class ModelCard:
    """What stands beside weights: they carry their own preprocessing, thresholds, data, metrics and licence."""

    name: str
    version: str
    family: str
    sha256: str
    licence: str
    source: str
    preprocessing: dict[str, Any]
    thresholds: dict[str, Any]
    data: str
    metrics: dict[str, Any]
    limits: str
    signature: str = ""


def uuid7(t: float | None = None) -> str:
    """A UUID version 7 (RFC 9562): milliseconds of `t`, then 74 random bits, so that identifiers sort by time."""
    milliseconds = int((time.time() if t is None else t) * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def to_json(value: Any) -> Any:
    """Turn any of these types into plain JSON data; arrays become lists, evidence bytes are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        fields.pop("evidence", None)
        return {name: to_json(each) for name, each in fields.items()}
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
