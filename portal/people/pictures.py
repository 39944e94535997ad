"""The pictures somebody is enrolled with: one face in each, made into templates; no picture is kept."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

import detectors
from detectors import image
from detectors.faces import small


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of one picture: two templates (128 numbers each, L2-normalised) and the picture's sha256."""

    vector: np.ndarray
    small: np.ndarray
    picture_sha256: str

    def kept(self) -> dict[str, Any]:
        """The fields of a Template."""
        return {"vector": self.vector, "small": self.small, "picture_sha256": self.picture_sha256, "model_sha256": embedder().card.sha256}


def read(pictures: Sequence[bytes]) -> list[Sample]:
    """A sample of each picture. Raises ValidationError with a sentence when there is none or one does not show one face."""
    if not pictures:
        raise ValidationError(_("At least one picture is needed."))
    return [_sample(picture, number) for number, picture in enumerate(pictures, 1)]


@functools.cache
def finder() -> Any:
    """The face finder, opened once."""
    return detectors.load("faces")


@functools.cache
def embedder(name: str = "face-embedding") -> Any:
    """An embedding net, opened once."""
    return detectors.load(name)


def _sample(picture: bytes, number: int) -> Sample:
    try:
        pixels = image.read(picture)
    except detectors.BadInput as error:
        raise ValidationError(_("Picture %(n)d cannot be read: %(why)s.") % {"n": number, "why": str(error).rstrip(".")}) from error
    faces = finder().find(pixels)
    if not faces:
        raise ValidationError(_("No face was found in picture %(n)d.") % {"n": number})
    if len(faces) > 1:
        raise ValidationError(_("%(k)d faces were found in picture %(n)d: show one person only.") % {"k": len(faces), "n": number})
    sharp, shrunken = (embedder(name).embed(pixels, faces)[0].embedding for name in ("face-embedding", "face-embedding-small"))
    return Sample(sharp, small.template(sharp, shrunken), hashlib.sha256(picture).hexdigest())
