"""Pictures and clips on the wire: their types by their first bytes, and how large they may be."""

from __future__ import annotations

JPEG, WEBM = "image/jpeg", "video/webm"
MAGIC = {JPEG: b"\xff\xd8\xff", WEBM: b"\x1a\x45\xdf\xa3"}
MEDIA_BYTES = 10 * 1024 * 1024  # of a picture or clip of an event
FRAME_BYTES = 2 * 1024 * 1024  # of a camera's last frame, while somebody looks


def media_type(content: bytes) -> str | None:
    """The type of a picture or clip by its first bytes; None when it is neither JPEG nor WebM."""
    return next((name for name, magic in MAGIC.items() if content.startswith(magic)), None)
