"""Uploaded footage of ordinary life -> the clips that a camera's agent would have kept of it. Judged by content, never by a file's name."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext as _

from detectors import BadInput, video
from detectors.anomaly import small
from detectors.types import Frame
from federated.learning.tasks.anomaly import FOLDER, HELD_BACK
from portal.core.file_names import shown_name

RATE = 5.0  # frames a second, as an agent analyses and keeps them: the motion from frame to frame is what is learned
CLIP = 50  # frames of one file, as an agent keeps them
LEAST = 300  # frames in all, a minute: with fewer the root's training would be shorter than a site's
LONGEST_S, LARGEST, MOST_FILES = 300.0, 200 * 2**20, 8  # seconds, bytes and files in all: it is read while the browser waits
KINDS = ((4, b"ftyp"), (0, b"\x1a\x45\xdf\xa3"), (8, b"AVI "))  # MP4, WebM and Matroska, AVI; a play list could make the reader open other files


@dataclasses.dataclass(frozen=True, slots=True)
class FootageFile:
    """One uploaded file, as the page and the audit log name it."""

    name: str
    sha256: str
    size: int
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenClips:
    """What was written: `sha256` is over all frames in their order."""

    sources: list[FootageFile]
    frames: int
    clips: int
    sha256: str


def write(files: Sequence[File[Any]], folder: Path) -> WrittenClips:
    """Write the clips below `folder` as an agent's folder has them. Raises ValidationError with a sentence that names the file."""
    _check_size(files)
    with tempfile.TemporaryDirectory() as scratch:
        kept = [_keep(file, Path(scratch) / str(number)) for number, file in enumerate(files)]
        sources, parts, left = [], list[np.ndarray](), LONGEST_S
        for source, path in kept:
            parts.append(frames := _frames(source.name, path, left))
            left -= len(frames) / RATE
            sources.append(dataclasses.replace(source, seconds=round(len(frames) / RATE, 1)))
    if (total := sum(map(len, parts))) < LEAST:
        seconds = {"have": total / RATE, "need": LEAST / RATE}
        raise ValidationError(_("%(have).0f seconds of footage are too few: at least %(need).0f are needed.") % seconds)
    return WrittenClips(sources, total, *_write_clips(parts, folder))


def _check_size(files: Sequence[File[Any]]) -> None:
    if not files:
        raise ValidationError(_("Choose at least one video."))
    if len(files) > MOST_FILES:
        raise ValidationError(_("At most %(most)d videos at once.") % {"most": MOST_FILES})
    if sum(file.size for file in files) > LARGEST:
        raise ValidationError(_("The videos are too large: at most %(most)d MB in all.") % {"most": LARGEST // 2**20})


def _keep(file: File[Any], path: Path) -> tuple[FootageFile, Path]:
    name, digest = shown_name(file.name), hashlib.sha256()
    if not file.size:
        raise ValidationError(_("%(name)s is empty.") % {"name": name})
    with path.open("wb") as target:
        for chunk in file.chunks():
            digest.update(chunk)
            target.write(chunk)
    with path.open("rb") as kept:
        head = kept.read(16)
    if not any(head[at:].startswith(mark) for at, mark in KINDS):
        raise ValidationError(_("%(name)s is no MP4, WebM or AVI video.") % {"name": name})
    return FootageFile(name, digest.hexdigest(), file.size, 0.0), path


def _frames(name: str, path: Path, left_s: float) -> np.ndarray:
    """(T, 160, 240) at RATE."""
    try:
        found = list(_within(name, _thinned(video.frames(path)), int(left_s * RATE)))
    except BadInput as error:
        raise ValidationError(_("%(name)s is no video that can be decoded.") % {"name": name}) from error
    return np.stack(found)


def _thinned(frames: Iterator[Frame]) -> Iterator[Frame]:
    """RATE of a second's frames, or all when there are fewer."""
    due = 0.0
    for frame in frames:
        if frame.t >= due - 1e-6:
            due = max(due + 1 / RATE, frame.t)
            yield frame


def _within(name: str, frames: Iterator[Frame], most: int) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames):
        if number >= most:
            raise ValidationError(_("%(name)s makes it too long: at most %(most)d minutes in all.") % {"name": name, "most": LONGEST_S // 60})
        yield small(frame.image)


def _write_clips(parts: list[np.ndarray], folder: Path) -> tuple[int, str]:
    """The end of every video comes last, because the latest fifth is held back: so each has its part in it."""
    target, digest, number = folder / FOLDER, hashlib.sha256(), 0
    target.mkdir(parents=True)
    cuts = [(part, int(len(part) * (1 - HELD_BACK))) for part in parts]
    for part in [*(part[:cut] for part, cut in cuts), *(part[cut:] for part, cut in cuts)]:
        for at in range(0, len(part), CLIP):
            np.savez_compressed(target / f"{number:015d}.npz", frames=part[at : at + CLIP])
            digest.update(part[at : at + CLIP].tobytes())
            number += 1
    return number, digest.hexdigest()
