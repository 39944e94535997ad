"""Error level: how much each place changes when the picture is saved once more at quality 90.

Krawetz, *A Picture's Worth: Digital Image Analysis and Forensics*, Black Hat USA 2007. The plain map follows texture (its own author's warning); the score
takes out what texture explains (the median over blocks alike in detail) and asks how far the mean of 5 x 5 blocks stands out.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.forensics.blocks import block_means, drawn_map, explained, neighbourhood, robust_z
from detectors.forensics.exhibit import Exhibit, Measurement, cannot

QUALITY, SIZE, WINDOW = 90, 8, 5


def examine(exhibit: Exhibit) -> Measurement:
    """The largest error level that texture does not explain, in robust standard deviations; `plain` is the largest plain one, in levels of 255."""
    if exhibit.small:
        return cannot("forensics-too-small")
    again = cv2.imdecode(cv2.imencode(".jpg", exhibit.pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1], cv2.IMREAD_COLOR)
    level = block_means(cv2.absdiff(exhibit.pixels, again).mean(2, dtype=np.float32), SIZE)
    detail = block_means(np.abs(exhibit.luma - cv2.blur(exhibit.luma, (3, 3))), SIZE)
    rest = explained(np.log(level + 0.1), detail)
    found = robust_z(neighbourhood(rest, WINDOW), 0.05)
    drawing = drawn_map(level, exhibit.luma.shape, 0, max(2.0, float(np.quantile(level, 0.995))))
    return Measurement(float(found.max()), drawing=drawing, plain=float(level.max()))
