"""What a file is, by its first bytes."""

from __future__ import annotations

from detectors import image

HEAD = 4096  # bytes that decide
VIDEO = {b"\x1a\x45\xdf\xa3": "WebM", b"OggS": "Ogg", b"\x00\x00\x01\xba": "MPEG", b"\x00\x00\x01\xb3": "MPEG"}


def kind_of(head: bytes) -> str:
    """The kind's name. Raises BadInput."""
    if head[4:8] == b"ftyp":
        return "MP4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    if found := VIDEO.get(head[:4]):
        return found
    return image.kind_of(head)
