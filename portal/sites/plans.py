"""A site's plan as somebody uploads it: looked at before it is decoded, drawn anew without whatever else the file carried."""

from __future__ import annotations

import cv2
import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from detectors import image
from detectors.errors import BadInput
from portal.core.reasons import in_words

LARGEST_BYTES = 10 * 2**20
LARGEST_PIXELS = 24_000_000  # decoded that is 72 MB
LONGEST_SIDE = 3000  # of what is kept
KINDS = ("JPEG", "PNG", "WebP")


def redrawn(content: bytes) -> bytes:
    """The plan as PNG or JPEG of at most LONGEST_SIDE pixels a side. Raises ValidationError with a sentence."""
    if len(content) > LARGEST_BYTES:
        raise ValidationError(_("A plan has at most %(most)d MB.") % {"most": LARGEST_BYTES // 2**20})
    if _is_drawing(content):
        raise ValidationError(_("This is an SVG drawing, which can hold programs: save it as PNG and upload that."))
    try:
        width, height = image.size_of(content)
        kind = image.kind_of(content)
        if kind not in KINDS:
            raise ValidationError(_("A plan is a PNG, JPEG or WebP picture."))
        if width * height > LARGEST_PIXELS or min(width, height) * 50 < max(width, height):
            raise ValidationError(_("This picture is %(w)d x %(h)d: a plan has at most %(most)d million pixels, and is no strip.") % _size(width, height))
        pixels = _on_white(content) if kind != "JPEG" else image.read(content)
    except BadInput as error:
        raise ValidationError(_("The plan cannot be read: %(why)s.") % {"why": in_words(error)}) from error
    longest = max(pixels.shape[:2])
    if longest > LONGEST_SIDE:
        pixels = cv2.resize(pixels, None, fx=LONGEST_SIDE / longest, fy=LONGEST_SIDE / longest, interpolation=cv2.INTER_AREA)
    suffix, options = (".png", []) if kind == "PNG" else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 92])
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


def _on_white(content: bytes) -> np.ndarray:
    """A picture whose transparent parts are white, as paper is."""
    image.inspect(content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4:
        return image.read(content)
    alpha = pixels[:, :, 3:].astype(np.uint16)
    return ((pixels[:, :, :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)


def _is_drawing(content: bytes) -> bool:
    head = content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<?xml", b"<svg", b"<!doctype svg", b"<!--")) or content[:2] == b"\x1f\x8b"


def _size(width: int, height: int) -> dict[str, int]:
    return {"w": width, "h": height, "most": LARGEST_PIXELS // 1_000_000}
