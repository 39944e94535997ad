"""How strongly a file was compressed, so that error rates measured on files like it can be named."""

from __future__ import annotations

STANDARD_SUM = 3688  # of the 64 numbers of the JPEG standard's luminance table, which is quality 50
QUANTISATION, SCAN = 0xDB, 0xDA  # markers
ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length


def jpeg_quality(content: bytes) -> int | None:
    """The quality, 1 to 100, by the scale of libjpeg, that a JPEG's first luminance table stands for; None when this is no JPEG or has no such table."""
    if content[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, size = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xFF or marker in ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == SCAN:
            break
        if marker == QUANTISATION and size >= 67 and content[at + 4 : at + 5] == b"\0" and len(content) >= at + 69:
            return _quality_of(100 * sum(content[at + 5 : at + 69]) / STANDARD_SUM)
        at += 2 + size
    return None


def bits_a_pixel(size: int, frames: int, width: int, height: int) -> float:
    """Bits that a clip of `size` bytes spends on each pixel of each frame; 0 when it has none."""
    return 8 * size / pixels if (pixels := frames * width * height) else 0.0


def _quality_of(scale: float) -> int:
    """libjpeg scales the table by 200 - 2q per cent from quality 50 on, and by 5000 / q below."""
    return max(1, min(100, round((200 - scale) / 2 if scale <= 100 else 5000 / scale)))
