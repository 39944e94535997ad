"""The types that flow between the five parts: what a camera sees, what an agent says, what a tool reports."""

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
class Event:
    """What an agent says: something happened at a camera. `id` (UUIDv7) is the idempotency key, `seq` the order within the camera."""

    id: str
    site: str
    camera: str
    t: float
    seq: int
    kind: str
    score: float
    legal_mode: str
    detections: tuple[Detection, ...] = ()
    snapshot: str | None = None  # sha256 of a JPEG
    clip: str | None = None  # sha256 of a WebM
    models: dict[str, str] = dataclasses.field(default_factory=dict)  # detector name -> sha256 of its weights
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


def event_from_json(data: dict[str, Any]) -> Event:
    """Build an Event from its JSON form. Raises ValueError that names the field when one is missing, unknown or of the wrong type."""
    known = {field.name: field for field in dataclasses.fields(Event)}
    if unknown := sorted(set(data) - set(known)):
        raise ValueError(f"unknown field {unknown[0]!r}")
    for name in ("id", "site", "camera", "t", "seq", "kind", "score", "legal_mode"):
        if name not in data:
            raise ValueError(f"missing field {name!r}")
    try:
        uuid.UUID(data["id"])
        numbers = {"t": float(data["t"]), "seq": int(data["seq"]), "score": float(data["score"])}
        detections = tuple(_detection_from_json(each) for each in data.get("detections", ()))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ValueError(f"wrong value: {error}") from error
    if not all(np.isfinite(list(numbers.values()))):
        raise ValueError("t, seq and score must be finite")
    return Event(**{**data, **numbers, "detections": detections})


def _detection_from_json(data: dict[str, Any]) -> Detection:
    box = data.get("box")
    return Detection(**{**data, "box": None if box is None else Box(*map(float, box))})
