"""How strongly a file was compressed, so that error rates measured on files like it can be named."""

from __future__ import annotations

from detectors import jpegfile


def jpeg_quality(content: bytes) -> int | None:
    """The quality, 1 to 100, of libjpeg's table that a JPEG's first luminance table is most like; None when this is no JPEG or has no such table."""
    luma = jpegfile.parse(content).luma if content[:2] == b"\xff\xd8" else None
    return None if luma is None else jpegfile.nearest_quality(luma)[0]


def bits_a_pixel(size: int, frames: int, width: int, height: int) -> float:
    """Bits that a clip of `size` bytes spends on each pixel of each frame; 0 when it has none."""
    return 8 * size / pixels if (pixels := frames * width * height) else 0.0
