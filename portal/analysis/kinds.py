"""The name of what a file is, by its first bytes; whether a tool reads it, `detectors.inputs` decides."""

from __future__ import annotations

from detectors import BadInput, image

HEAD = 4096  # bytes that decide
BEGINNINGS = {
    b"\x1a\x45\xdf\xa3": "WebM",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"\x00\x00\x01\xba": "MPEG",
    b"\x00\x00\x01\xb3": "MPEG",
}
RIFF = {b"AVI ": "AVI", b"WAVE": "WAV"}
TEXT = "Text"


def name_of(head: bytes) -> str:
    """The name of the kind; text when it is nothing else."""
    if head[:4] == b"RIFF" and head[8:12] in RIFF:
        return RIFF[head[8:12]]
    if head[:4] in BEGINNINGS:
        return BEGINNINGS[head[:4]]
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] in (b"\xfb", b"\xf3", b"\xf2")):
        return "MP3"
    try:
        return image.kind_of(head)
    except BadInput:
        return "MP4" if head[4:8] == b"ftyp" else TEXT
