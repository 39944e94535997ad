"""The types that flow between the five parts: what a camera sees, what a tool reports."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from detectors.messages import Message, message_to_json

BANDS = ("clear", "unsure", "suspicious")
MEDIA = ("picture", "video", "audio", "text", "table")  # what a tool may read

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


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
    """One picture of one camera. `image` is BGR uint8 (H, W, 3), `t` seconds of capture that only rise, `n` counts from 0 for each source start."""

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
    """A tool's judgement. `band` is one of BANDS; `reasons` come in the order in which they are to be read. Raises ValueError."""

    label: Message
    score: float | None
    threshold: float | None
    band: str
    reasons: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if self.band not in BANDS:
            raise ValueError(f"a verdict's band is one of {', '.join(BANDS)}, not {self.band!r}")


@dataclasses.dataclass(frozen=True, slots=True)
class ReportField:
    """One finding of a part: `key` is for programs, `label` and the value for people.

    `value` is a text, a number, yes or no, a Message, nothing, or a tuple of these.
    """

    key: str
    label: Message
    value: Any


@dataclasses.dataclass(frozen=True, slots=True)
class ReportPart:
    """A section of a report; `name` is for programs, `title` for people."""

    name: str
    title: Message
    fields: tuple[ReportField, ...]

    def value(self, key: str) -> Any:
        """The value of the field with this key. Raises KeyError."""
        return {field.key: field.value for field in self.fields}[key]


@dataclasses.dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something a tool found at a moment `t`, in seconds from the start of a video or a sound."""

    t: float
    kind: str
    score: float | None
    message: Message


@dataclasses.dataclass(frozen=True, slots=True)
class PictureEvidence:
    """A picture as PNG bytes. Read back from a report's JSON it holds the sha256 only."""

    kind: ClassVar[str] = "picture"
    media_type: ClassVar[str] = "image/png"
    name: str
    caption: Message
    content: bytes = b""
    sha256: str = ""

    def __post_init__(self) -> None:
        _hash_content(self)


@dataclasses.dataclass(frozen=True, slots=True)
class ClipEvidence:
    """A short video as WebM bytes. Read back from a report's JSON it holds the sha256 only."""

    kind: ClassVar[str] = "clip"
    media_type: ClassVar[str] = "video/webm"
    name: str
    caption: Message
    content: bytes = b""
    sha256: str = ""

    def __post_init__(self) -> None:
        _hash_content(self)


@dataclasses.dataclass(frozen=True, slots=True)
class PlotSeries:
    """One curve of a plot: as many `x` as `y`, all finite."""

    label: Message
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PlotEvidence:
    """Curves over one axis as numbers, drawn where they are shown; `marks` are places on the x axis that stand out, each with its words."""

    kind: ClassVar[str] = "plot"
    name: str
    caption: Message
    x_label: Message
    y_label: Message
    series: tuple[PlotSeries, ...]
    marks: tuple[tuple[float, Message], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class TableEvidence:
    """Rows of values as in a ReportField, as many in each as there are columns."""

    kind: ClassVar[str] = "table"
    name: str
    caption: Message
    columns: tuple[Message, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class TextSpan:
    """Characters `start` to `end` (exclusive) of a text, and what was found in them."""

    start: int
    end: int
    label: Message
    score: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MarkedTextEvidence:
    """A text with passages marked. Raises ValueError when a span lies outside it."""

    kind: ClassVar[str] = "marked-text"
    name: str
    caption: Message
    text: str
    spans: tuple[TextSpan, ...]

    def __post_init__(self) -> None:
        if not all(0 <= span.start < span.end <= len(self.text) for span in self.spans):
            raise ValueError(f"a span of {self.name} lies outside its text of {len(self.text)} characters")


Evidence = PictureEvidence | ClipEvidence | PlotEvidence | TableEvidence | MarkedTextEvidence
Progress = Callable[[float, Message], None]  # the share done, 0..1 and rising, and what is done now


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a tool says of its inputs; `models` names each model used by its weights' sha256, `inputs` each file by its own, in their order.

    `seconds`: how long what was examined lasts, as far as it was looked at; None where time plays no part, or in reports from before it was kept.
    `names`: of accounts that stand in the report, as they were posted; what leaves the house has pseudonyms instead.

    Names of evidence are short words for addresses (small letters, digits, dashes), each once. Raises ValueError. `detectors.reports` has its JSON form.
    """

    verdict: Verdict
    parts: tuple[ReportPart, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    models: dict[str, str] = dataclasses.field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    seconds: float | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.evidence]
        if len(set(names)) < len(names) or not all(_SLUG.fullmatch(name) for name in names):
            raise ValueError(f"pieces of evidence need short names, each its own: {', '.join(names)}")


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
    """Turn any of these types into plain JSON data; arrays become lists, messages carry their English words, bytes are left out, evidence names its kind."""
    if isinstance(value, Message):
        return message_to_json(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        kind = {"kind": value.kind} if isinstance(value, Evidence) else {}
        return {**kind, **{name: to_json(each) for name, each in fields.items() if not isinstance(each, bytes)}}
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value


def _hash_content(evidence: PictureEvidence | ClipEvidence) -> None:
    if evidence.content:
        object.__setattr__(evidence, "sha256", hashlib.sha256(evidence.content).hexdigest())
