"""When the frames of a clip are shown: at an even rate or not, and where frames are missing from an even rate."""

from __future__ import annotations

import numpy as np

EVEN = 0.1  # a distance may differ so much from the median and be even
MOSTLY = 0.97  # of the distances must be even for the rate to be constant
LEAST = 12  # frames


def pace(times: np.ndarray) -> tuple[float, bool] | None:
    """(frames a second, whether the rate is constant); None of too few frames. Times of a millisecond's grain are taken as they were meant."""
    if len(times) < LEAST:
        return None
    apart = np.diff(times)
    middle = float(np.median(apart))
    if middle <= 0:
        return None
    grain = 0.0011  # Matroska and WebM count milliseconds
    even = np.abs(apart - middle) <= EVEN * middle + grain
    return 1 / float(np.mean(apart[even])) if even.any() else 1 / middle, float(even.mean()) >= MOSTLY


def gaps(times: np.ndarray) -> tuple[float, float] | None:
    """(frames missing in the longest gap, when it begins) of a constant rate; None where the rate varies: then a long gap means nothing."""
    rate = pace(times)
    if rate is None or not rate[1]:
        return None
    apart = np.diff(times)
    n = int(apart.argmax())
    return max(0.0, float(apart[n]) * rate[0] - 1), float(times[n])
