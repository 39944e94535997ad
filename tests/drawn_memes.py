"""Memes that tests draw themselves: white letters with a black outline over and under a picture, and other texts."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
GROUND = (200, 180, 120)
ATTACK = "THESE CORRUPT, DISGUSTING LIARS ARE DESTROYING OUR BEAUTIFUL MUSEUM!"


def drawn(*texts: tuple[tuple[int, int], str], size: int = 36, area: tuple[int, int] = (640, 480), outlined: bool = True, turned: float = 0) -> np.ndarray:
    """A BGR picture with texts at their places, white with a black outline as memes have it, or plain black."""
    picture = Image.new("RGB", area, GROUND)
    font = ImageFont.truetype(str(FONTS / ("DejaVuSans-Bold.ttf" if outlined else "DejaVuSans.ttf")), size)
    for place, text in texts:
        look = {"fill": "white", "stroke_width": 3, "stroke_fill": "black"} if outlined else {"fill": "black"}
        ImageDraw.Draw(picture).multiline_text(place, text, font=font, **look)
    return np.ascontiguousarray(np.array(picture.rotate(turned, expand=True, fillcolor=GROUND))[..., ::-1])


def meme(path: Path, top: str = "THESE CORRUPT, DISGUSTING\nLIARS ARE DESTROYING", low: str = "OUR BEAUTIFUL MUSEUM!") -> Path:
    """A PNG of a meme; as it stands it reads ATTACK."""
    cv2.imwrite(str(path), drawn(((50, 20), top), ((50, 420), low), size=40, area=(800, 500)))
    return path
