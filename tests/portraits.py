"""The demo's portraits, alone and side by side, as the files that people put on the desk or choose for enrolment."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

STAFF = Path(__file__).resolve().parents[1] / "infra" / "footage" / "staff"


def wall(*numbers: int) -> bytes:
    """A grey wall with these portraits side by side."""
    sheet = Image.new("RGB", (640, 480), "grey")
    for place, number in enumerate(numbers):
        sheet.paste(Image.open(STAFF / f"custode-{number}.jpg"), (10 + 310 * place, 20))
    return _saved(sheet)


def drawing() -> bytes:
    """A face that is none."""
    sheet = Image.new("RGB", (300, 360), "white")
    ImageDraw.Draw(sheet).ellipse((60, 60, 240, 280), outline="black", width=6)
    return _saved(sheet)


def face(number: int) -> bytes:
    """One portrait, as it came."""
    return (STAFF / f"custode-{number}.jpg").read_bytes()


def _saved(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
