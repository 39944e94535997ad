"""All techniques of video forensics in the order in which they are reported, each with the figure that a threshold is set on."""

from __future__ import annotations

import numpy as np

from detectors.forensics.clips import frames, timing
from detectors.forensics.clips.container import ClipFile
from detectors.forensics.clips.frames import ReducedClip
from detectors.forensics.exhibit import Measurement, cannot
from detectors.messages import Message

# What counts as a hint of editing; the others are facts of the file's history.
SIGNS = ("joined", "hidden", "missing", "still", "repeat", "sound")
TECHNIQUES = ("writer", "pace", "cuts", "doubled", *SIGNS)
REPEATED_CODECS = ("h264", "hevc")  # whose encoder x264 or x265 leaves a note where it begins
SHOWN = 8  # times of cuts, or of joints, that are named


def measure(file: ClipFile, clip: ReducedClip) -> dict[str, Measurement]:
    """What each technique measured, by its name."""
    return {
        "writer": _writer(file),
        "pace": _pace(file),
        "cuts": _cuts(clip),
        "doubled": _doubled(clip),
        "joined": _joined(file),
        "hidden": _hidden(file),
        "missing": _missing(file),
        "still": _still(clip),
        "repeat": _repeat(clip),
        "sound": _sound(file),
    }


def _writer(file: ClipFile) -> Measurement:
    tags = file.tags | file.picture.tags
    made = next((tags[key] for key in ("com.apple.quicktime.software", "software", "encoder", "encoding_tool", "handler_name") if key in tags), None)
    device = " ".join(filter(None, (tags.get("com.apple.quicktime.make") or tags.get("make"), tags.get("com.apple.quicktime.model") or tags.get("model"))))
    facts = (
        ("form", "clip-form", file.container),
        ("codec", "clip-codec", " + ".join(each.codec for each in file.tracks if each.kind in ("video", "audio"))),
        ("writer", "clip-writer", made),
        ("encoder", "clip-encoder", file.encoder or None),
        ("device", "clip-device", device or None),
        ("created", "clip-created", tags.get("creation_time")),
    )
    return Measurement(0.0, facts=facts)


def _pace(file: ClipFile) -> Measurement:
    found = timing.pace(file.times)
    if found is None:
        return cannot("clip-too-few-frames")
    rate, constant = found
    facts = (("rate", "clip-rate", round(rate, 2)), ("constant", "clip-constant", constant), ("frames", "clip-frames", len(file.times)))
    return Measurement(0.0, facts=facts)


def _cuts(clip: ReducedClip) -> Measurement:
    found = frames.cuts(clip)
    return Measurement(float(len(found)), facts=(("count", "clip-cuts", len(found)), ("times", "clip-at", _times(found))))


def _doubled(clip: ReducedClip) -> Measurement:
    found = frames.doubled(clip)
    if found is None:
        return cannot("clip-nothing-moves")
    share, even = found
    facts = (("share", "clip-doubled-share", round(share, 3)), ("even", "clip-doubled-even", even if share else None))
    return Measurement(share, facts=facts)


def _joined(file: ClipFile) -> Measurement:
    if file.picture.codec not in REPEATED_CODECS or not file.encoder:
        return cannot("clip-no-note")
    later = [t for t in file.encodings if t > file.encodings[0]]
    return Measurement(float(len(later)), facts=(("times", "clip-at", _times(later)),), plain=float(len(frames_apart(file))))


def frames_apart(file: ClipFile) -> np.ndarray:
    """The distances of frames that are no multiple of the median one: the plainest trace of a joint."""
    apart = np.diff(file.times)
    return apart[np.abs(apart - np.median(apart)) > timing.EVEN * np.median(apart)] if len(apart) else apart


def _hidden(file: ClipFile) -> Measurement:
    if "mp4" not in file.form:
        return cannot("clip-no-edit-lists", form=file.container)
    if file.edits is None:
        return Measurement(0.0, facts=(("segments", "clip-segments", 0),), plain=0.0)
    facts = (("segments", "clip-segments", len(file.edits.shown)), ("hidden", "clip-hidden-seconds", round(file.edits.hidden, 2)))
    return Measurement(file.edits.hidden, facts=facts, plain=float(len(file.edits.shown)))


def _missing(file: ClipFile) -> Measurement:
    found = timing.gaps(file.times)
    if found is None:
        return cannot("clip-varies")
    missing, at = round(found[0], 2), found[1]
    return Measurement(missing, facts=(("missing", "clip-missing-frames", round(missing)), ("times", "clip-at", _times([at]))), plain=float(np.ptp(file.times)))


def _still(clip: ReducedClip) -> Measurement:
    found = frames.still(clip)
    if found is None:
        return cannot("clip-nothing-moves")
    seconds, at = found
    facts = (("seconds", "clip-lasts", round(seconds, 2)), ("times", "clip-at", _times([at])))
    return Measurement(seconds, facts=facts, plain=_plain_still(clip))


def _plain_still(clip: ReducedClip) -> float:
    """The plainest figure: the share of frames that equal the one before them exactly."""
    return float((clip.changes == 0).mean()) if len(clip.changes) else 0.0


def _repeat(clip: ReducedClip) -> Measurement:
    found = frames.repeat(clip)
    if found is None:
        return cannot("clip-no-repeat-possible")
    facts = (("times", "clip-at", _times([found.first, found.again])), ("seconds", "clip-lasts", round(found.seconds, 2)))
    return Measurement(found.ratio, facts=facts, plain=-found.closest)


def _sound(file: ClipFile) -> Measurement:
    if not file.sounds:
        return cannot("clip-no-sound")
    sound, begins, ends = file.sounds[0], float(file.times[0]), float(file.times[-1])
    if sound.seconds is None:
        return cannot("clip-sound-length")
    start = sound.start or 0.0
    apart = max(abs(start - begins), abs(start + sound.seconds - ends))
    facts = (("sound", "clip-sound-seconds", round(sound.seconds, 2)), ("picture", "clip-picture-seconds", round(ends - begins, 2)))
    return Measurement(apart, facts=facts, plain=abs(sound.seconds - (ends - begins)))


def _times(found: list[float]) -> tuple[Message, ...] | None:
    """Seconds as a person reads them, at most SHOWN of them; None of none."""
    return tuple(Message("clip-second", {"t": round(t, 1)}) for t in found[:SHOWN]) or None


def times_of(measured: Measurement) -> list[float]:
    """The seconds among the facts of a technique, to a tenth."""
    return [float(each.params["t"]) for name, _, value in measured.facts if name == "times" and value for each in value]
