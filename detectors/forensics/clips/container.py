"""What a video file says of itself: programs, dates, tracks, the times of its frames, where an encoding begins, what an edit list hides.

Read with PyAV (FFmpeg's libraries), which keeps to the presentation times of the container. Edit lists of MP4 and QuickTime (ISO/IEC 14496-12, `elst`) are
read from the boxes: FFmpeg applies them and does not show them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from detectors.errors import BadInput
from detectors.messages import Message, declare

MOST_PACKETS = 500_000  # of the picture track: nearly five hours at 30 frames a second
CONTAINERS = {"mov": "MP4 / QuickTime", "matroska": "Matroska / WebM", "mpeg": "MPEG-PS", "mpegts": "MPEG-TS", "ogg": "Ogg"}
NOTE = re.compile(rb"(x26[45]) \(?[^\0]{0,20}?(?:- core |build )(\d{1,4})")
BOXES = (b"moov", b"trak", b"edts", b"mdia")  # boxes that hold boxes

declare(
    {
        "clip-no-picture": {
            "en": "{name} holds no moving picture that can be decoded: only sound, a cover, or a kind of video that is not supported",
            "it": "{name} non contiene immagini in movimento decodificabili: solo audio, una copertina o un tipo di video non supportato",
        }
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """A track as the container describes it; `start` and `seconds` are None where it does not say. `cover`: a still picture that players show beside sound."""

    kind: str
    codec: str
    start: float | None
    seconds: float | None
    tags: dict[str, str]
    size: tuple[int, int] | None = None
    cover: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class EditList:
    """The edit list of the picture track: what of it is shown, in seconds of the track, and how long the track is."""

    shown: tuple[tuple[float, float], ...]
    seconds: float

    @property
    def hidden(self) -> float:
        """Seconds of the track that players do not show."""
        covered, at = 0.0, 0.0
        for begin, end in sorted(self.shown):
            covered += max(0.0, min(end, self.seconds) - max(begin, at))
            at = max(at, end)
        return max(0.0, self.seconds - covered)


@dataclasses.dataclass(frozen=True, slots=True)
class ClipFile:
    """What was read. `times`: when each frame is shown, seconds, sorted (N,); `encodings`: seconds at which an encoder wrote its note (x264, x265);
    `whole`: whether every packet was read, else the file is cut off or damaged, or longer than is read.
    """

    form: str
    tags: dict[str, str]
    tracks: tuple[Track, ...]
    times: np.ndarray
    encodings: tuple[float, ...]
    encoder: str
    edits: EditList | None
    whole: bool

    @property
    def container(self) -> str:
        """The container as people call it; FFmpeg names all that one reader reads."""
        return CONTAINERS.get(self.form.split(",")[0], self.form.split(",")[0].upper())

    @property
    def picture(self) -> Track:
        """The first track with moving pictures that can be decoded."""
        return next(each for each in self.tracks if each.kind == "video" and each.codec and not each.cover)

    @property
    def sounds(self) -> list[Track]:
        """The tracks with sound."""
        return [each for each in self.tracks if each.kind == "audio"]


def read(path: Path) -> ClipFile:
    """Read a file's tracks and the packets of its picture track, without decoding. Raises BadInput when there is no moving picture."""
    with opened(path) as container:
        stream = moving(container, path)
        tracks = tuple(_track(each) for each in container.streams)
        times, encodings, encoder, whole = _packets(container, stream)
        form, tags = container.format.name, _tags(container.metadata)
    if not len(times):
        raise BadInput(Message("video-no-frame", {"name": path.name}))
    return ClipFile(form, tags, tracks, times, encodings, encoder, edit_list_of(path) if "mp4" in form else None, whole)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A video file opened with PyAV, whatever bytes its descriptions hold. Raises BadInput where FFmpeg cannot open or read it."""
    import av  # 20 MB that only this tool needs

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise BadInput(Message("video-not-decodable", {"name": path.name})) from error


def moving(container: Any, path: Path) -> Any:
    """The first stream of moving pictures that FFmpeg has a decoder for. Raises BadInput when there is none."""
    found = next((each for each in container.streams.video if each.codec_context is not None and not _is_cover(each)), None)
    if found is None:
        raise BadInput(Message("clip-no-picture", {"name": path.name}))
    return found


def _is_cover(stream: Any) -> bool:
    import av  # 20 MB that only this tool needs

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _track(stream: Any) -> Track:
    codec = stream.codec_context.name if stream.codec_context else ""
    start = None if stream.start_time is None else float(stream.start_time * stream.time_base)
    seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
    if seconds is None and (written := re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))):
        seconds = int(written[1]) * 3600 + int(written[2]) * 60 + float(written[3])
    if stream.type != "video":
        return Track(stream.type, codec, start, seconds, _tags(stream.metadata))
    size = (stream.codec_context.width, stream.codec_context.height) if stream.codec_context else None
    return Track("video", codec, start, seconds, _tags(stream.metadata), size, _is_cover(stream))


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    return {key.lower(): value[:200] for key, value in metadata.items() if value}


def _packets(container: Any, stream: Any) -> tuple[np.ndarray, tuple[float, ...], str, bool]:
    """Times of the frames, sorted; where an encoder's note stands; the encoder of the first; whether all packets could be read."""
    import av  # 20 MB that only this tool needs

    times, encodings, encoder, whole = [], [], "", True
    try:
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size:
                continue
            if len(times) == MOST_PACKETS:
                whole = False
                break
            t = float(packet.pts * stream.time_base)
            times.append(t)
            if packet.is_keyframe and (note := NOTE.search(bytes(packet)[:4096])):
                encodings.append(t)
                encoder = encoder or f"{note[1].decode()} {note[2].decode()}"
    except av.error.FFmpegError:
        whole = False  # cut off or damaged from here on
    return np.sort(np.array(times, float)), tuple(encodings), encoder, whole


def edit_list_of(path: Path) -> EditList | None:
    """The edit list of the first track whose media are video. None where there is none, or the boxes cannot be followed."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            return _edit_list(file, size)
    except (struct.error, ValueError, OverflowError):
        return None


def _edit_list(file: BinaryIO, size: int) -> EditList | None:
    scale, tracks = 0, []
    for name, begin, end in _boxes(file, 0, size):
        file.seek(begin)
        if name == b"mvhd":
            scale = _scale(file.read(min(end - begin, 32)))
        elif name == b"trak":
            tracks.append({})
        elif tracks and name == b"elst":
            tracks[-1]["elst"] = file.read(min(end - begin, 2**16))
        elif tracks and name == b"mdhd":
            tracks[-1]["mdhd"] = file.read(min(end - begin, 36))
        elif tracks and name == b"hdlr":
            tracks[-1]["kind"] = file.read(12)[8:]
    track = next((each for each in tracks if each.get("kind") == b"vide"), {})
    if not scale or "elst" not in track or "mdhd" not in track:
        return None
    media_scale = _scale(track["mdhd"])
    length = struct.unpack(">Q", track["mdhd"][24:32])[0] if track["mdhd"][0] else struct.unpack(">I", track["mdhd"][16:20])[0]
    shown = []
    for lasts, begin in _segments(track["elst"]):
        if begin >= 0:  # -1 is a pause in which nothing is shown
            shown.append((begin / media_scale, begin / media_scale + lasts / scale))
    return EditList(tuple(shown), length / media_scale) if shown and media_scale else None


def _boxes(file: BinaryIO, begin: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """(name, where its content begins, where it ends) of every box, in the order of the file; boxes that hold boxes come before their content."""
    while begin + 8 <= end:
        file.seek(begin)
        length, name = struct.unpack(">I4s", file.read(8))
        content = begin + 8
        if length == 1:
            length, content = struct.unpack(">Q", file.read(8))[0], begin + 16
        stop = end if length == 0 else begin + length
        if stop < content or stop > end:
            return
        yield name, content, stop
        if name in BOXES and depth < 8:
            yield from _boxes(file, content, stop, depth + 1)
        begin = stop


def _scale(head: bytes) -> int:
    """Units a second of an mvhd or mdhd box, of either version."""
    at = 20 if head[0] else 12
    return struct.unpack(">I", head[at : at + 4])[0]


def _segments(box: bytes) -> Iterator[tuple[int, int]]:
    """(duration in the film's units, first unit of the track) of each segment."""
    form, step = (">Qq", 20) if box[0] else (">Ii", 12)
    count = struct.unpack(">I", box[4:8])[0]
    for n in range(min(count, (len(box) - 8) // step)):
        yield struct.unpack_from(form, box, 8 + n * step)
