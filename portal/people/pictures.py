"""The pictures somebody is enrolled with: one clear face in each, made into templates; no picture is kept."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import detectors
from detectors import image, worded
from detectors.faces import quality, small, turned
from detectors.faces.embed import align
from portal.core import decoding

MOST = 12  # pictures of one person
LEAST = 0.25  # of each part of the quality: below, a picture teaches more about its light or pose than about the face
LARGEST = 4000  # pixels of the longer side that a face is looked for in


@dataclasses.dataclass(frozen=True, slots=True)
class EnrolmentSample:
    """What is kept of one picture: two templates (128 numbers each, L2-normalised) and the picture's sha256."""

    vector: np.ndarray
    small: np.ndarray
    picture_sha256: str

    def kept(self) -> dict[str, Any]:
        """The fields of a Template."""
        return {"vector": self.vector, "small": self.small, "picture_sha256": self.picture_sha256, "model_sha256": detectors.card("face-embedding").sha256}


def read(pictures: Sequence[bytes], *, turn: bool = False) -> list[EnrolmentSample]:
    """A sample of each picture. `turn`: those that lie on their side or head are turned first.

    Raises ValidationError with a sentence when there is none, one does not show one clear face, or they show different people.
    """
    if not pictures:
        raise ValidationError(_("At least one picture is needed."))
    if len(pictures) > MOST:
        raise ValidationError(_("%(n)d pictures are too many: %(most)d are enough.") % {"n": len(pictures), "most": MOST})
    samples = [_sample(picture, number, turn) for number, picture in enumerate(pictures, 1)]
    _check_apart(samples)
    return samples


def judge(picture: bytes, *, turn: bool = False) -> EnrolmentSample:
    """A picture's sample. Raises ValidationError with what is wrong, its code "turned" when the picture only has to be turned."""
    return _sample(picture, 0, turn)


def agreement(vectors: Sequence[Any]) -> list[float | None]:
    """For each template (128,) of one person its cosine to the mean of the others; None when it is the only one."""
    rows = np.asarray([np.asarray(vector, np.float32) for vector in vectors], np.float32)
    if len(rows) < 2:
        return [None] * len(rows)
    others = rows.sum(0) - rows
    return [float(row @ other / max(1e-9, np.linalg.norm(other))) for row, other in zip(rows, others, strict=True)]


def same_person() -> float:
    """The cosine from which two pictures may show the same person (the net's own, for verification)."""
    return float(detectors.card("face-embedding").thresholds["cosine"])


def _sample(picture: bytes, number: int, turn: bool) -> EnrolmentSample:
    """`number` 0: the only one that is talked about."""
    which = _("Picture %(n)d") % {"n": number} if number else _("This picture")
    try:
        pixels = decoding.decode(picture, LARGEST)
    except detectors.BadInput as error:
        raise ValidationError(_("%(which)s cannot be read: %(why)s.") % {"which": which, "why": worded(error.message, get_language() or "en")}) from error
    if _moves(picture):
        raise ValidationError(_("%(which)s is an animation: save one picture of it.") % {"which": which})
    finder = detectors.shared("faces")
    if degrees := turned.turn_needed(finder, pixels):
        if not turn:
            how = _("it stands on its head") if degrees == 180 else _("it lies on its side")
            raise ValidationError(_("%(which)s: %(how)s. Turn it, or let it be turned here.") % {"which": which, "how": how}, code="turned")
        pixels = turned.turn_by(pixels, degrees)
    faces = finder.find(pixels)
    if not faces:
        raise ValidationError(_("%(which)s: no face was found. Show the whole face, at least 40 pixels wide, looking to the camera.") % {"which": which})
    if len(faces) > 1:
        raise ValidationError(_("%(which)s: %(k)d faces were found. Show one person only.") % {"which": which, "k": len(faces)})
    check_quality(align(pixels, faces[0].landmarks), faces[0], which)
    sharp, shrunken = (detectors.shared(name).embed(pixels, faces)[0].embedding for name in ("face-embedding", "face-embedding-small"))
    return EnrolmentSample(sharp, small.template(sharp, shrunken), hashlib.sha256(picture).hexdigest())


def _moves(picture: bytes) -> bool:
    """Whether it is an animated GIF, WebP or PNG."""
    kind = image.kind_of(picture)
    head = picture[:4096]
    return (
        (kind == "GIF" and picture.count(b"\x21\xf9\x04") > 1) or (kind == "WebP" and b"ANIM" in head) or (kind == "PNG" and b"acTL" in head.split(b"IDAT")[0])
    )


def check_quality(crop: np.ndarray, face: Any, which: str) -> None:
    """What is wrong, worst first, and what to do about it."""
    found = quality.judge(crop, face)
    advice = {
        "small": _("the face is too small: come nearer"),
        "blurred": _("the face is blurred: hold still, and focus"),
        "turned": _("the face is turned away: look to the camera"),
        "dark": _("the face is too dark: turn to the light"),
        "bright": _("the face is too bright: less light, or none from the front"),
        "flat": _("the face has no contrast: even light from one side"),
        "covered eyes": _("the eyes are covered: take off dark glasses, hat or hair"),
        "covered mouth": _("the mouth is covered: take off mask or scarf, hands down"),
    }
    poor = sorted((value, name) for name, value in found.parts.items() if value < (quality.GOOD if name.startswith("covered") else LEAST))
    if poor:
        raise ValidationError(_("%(which)s: %(what)s.") % {"which": which, "what": "; ".join(str(advice[name]) for _value, name in poor)})


def _check_apart(samples: Sequence[EnrolmentSample]) -> None:
    """The same picture twice teaches nothing, and all must show one person."""
    seen: dict[str, int] = {}
    for number, sample in enumerate(samples, 1):
        if sample.picture_sha256 in seen:
            raise ValidationError(_("Pictures %(a)d and %(b)d are the same file.") % {"a": seen[sample.picture_sha256], "b": number})
        seen[sample.picture_sha256] = number
    alone = [n for n, cosine in enumerate(agreement([sample.vector for sample in samples]), 1) if cosine is not None and cosine < same_person()]
    if alone:
        raise ValidationError(_("Picture %(n)s does not look like the same person as the others.") % {"n": ", ".join(map(str, alone))})
