"""Double compression of the whole picture: it was saved as a JPEG before, at another quality and on the same grid.

Popescu and Farid, *Statistical Tools for Digital Forensics*, Information Hiding 2004: quantised twice, histograms of DCT coefficients have gaps and peaks at
regular distances, which are peaks of the histogram's spectrum. The plain rival is how much better all coefficients fit the steps of one lower quality than
those around it (Farid's ghost, over the whole picture), which also estimates the earlier quality.
"""

from __future__ import annotations

import numpy as np

from detectors.forensics.blocks import coefficients
from detectors.forensics.exhibit import Exhibit, Measurement, cannot
from detectors.forensics.ghosts import QUALITIES, StepFit
from detectors.jpegfile import ZIGZAG

APART = 2  # steps of QUALITIES to either side
BELOW = 3
REACH = 40  # of a histogram, in steps of the file's own table
FREQUENCIES = ZIGZAG[1:7]


def examine(exhibit: Exhibit, steps: StepFit) -> Measurement:
    """The largest peak of the histograms' spectra over the median; `plain` is the deepest dip of the overall misfit below the last quality."""
    if exhibit.small:
        return cannot("forensics-too-small")
    if exhibit.jpeg is None:
        return cannot("forensics-no-tables", kind=exhibit.kind)
    if not exhibit.single_grid:
        return cannot("forensics-colours")
    sides = (steps.overall[: -2 * APART] + steps.overall[2 * APART :]) / 2
    dips = np.where(QUALITIES[APART:-APART] <= steps.last - BELOW, sides - steps.overall[APART:-APART], 0)
    earlier = steps.last - BELOW >= QUALITIES
    best = int(np.where(earlier, steps.overall, np.inf).argmin())  # the deepest dip may lie at a quality of half the steps
    facts = (("quality", "forensics-earlier-quality", int(QUALITIES[best])),)
    return Measurement(max(periodicity(each) for each in histograms(exhibit)), facts=facts, plain=float(dips.max()))


def histograms(exhibit: Exhibit) -> list[np.ndarray]:
    """Counts of the quantised coefficients from -REACH to REACH of the first frequencies; none when the file has no table of its own."""
    if not exhibit.single_grid:
        return []
    table, found = exhibit.jpeg.luma.reshape(64), coefficients(exhibit.luma)
    counts = []
    for place in FREQUENCIES:
        whole = np.rint(found[..., place] / table[place]).astype(int)
        counts.append(np.bincount(whole[np.abs(whole) <= REACH] + REACH, minlength=2 * REACH + 1))
    return counts


def periodicity(counts: np.ndarray) -> float:
    """The largest peak of the spectrum of a histogram whose slow fall was taken out, over the median."""
    shape = np.log1p(np.delete(counts, REACH).astype(float))
    slow = np.convolve(np.pad(shape, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    found = np.abs(np.fft.rfft(shape - slow))[6:]
    return float(found.max() / (np.median(found) + 1e-6))
