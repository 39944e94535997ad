"""Quantisation tables: whose they are, and the quality they stand for.

Kornblum, *Using JPEG quantization tables to identify imagery processed by software*, Digital Investigation 5, 2008. The standard tables are those of ITU-T
T.81, annex K, scaled as libjpeg does; those of Photoshop come with Pillow (PIL.JpegPresets), where it is installed.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from detectors.forensics.exhibit import Exhibit, Measurement, cannot
from detectors.jpegfile import nearest_quality, standard_tables
from detectors.messages import Message, text

PRESETS = "Photoshop / Pillow"


@dataclasses.dataclass(frozen=True, slots=True)
class TableFamily:
    """`name`: "standard", "preset" (with the setting) or "own"; `quality` that of the nearest standard table, `distance` the mean relative difference."""

    name: str
    setting: str
    quality: int
    distance: float


def family(tables: Mapping[int, np.ndarray], luma: np.ndarray) -> TableFamily:
    """Whose tables these are."""
    quality, distance = nearest_quality(luma)
    others = [each for each in tables.values() if each is not luma]
    if distance == 0 and all((each == standard_tables()[quality]).all((1, 2)).any() for each in others):
        return TableFamily("standard", "", quality, 0.0)
    if settings := [setting for setting, preset in presets().items() if np.array_equal(preset, luma)]:  # two settings share one table of brightness
        return TableFamily("preset", ", ".join(settings), quality, distance)
    return TableFamily("own", "", quality, distance)


@functools.cache
def presets() -> dict[str, np.ndarray]:
    """Luminance tables by the name of their setting."""
    try:
        from PIL.JpegPresets import presets as found
    except ImportError:
        return {}
    return {name.replace("_", " "): np.array(each["quantization"][0]).reshape(8, 8) for name, each in found.items()}


def examine(exhibit: Exhibit) -> Measurement:
    """A fact, no sign of anything: there is no threshold, and `score` is the estimated quality."""
    if exhibit.jpeg is None:
        return cannot("forensics-no-tables", kind=exhibit.kind)
    if exhibit.jpeg.luma is None:
        return cannot("forensics-tables-missing")
    found = family(exhibit.jpeg.tables, exhibit.jpeg.luma)
    names = {"standard": Message("forensics-tables-standard"), "own": Message("forensics-tables-own")}
    facts = [
        ("family", "forensics-family", names.get(found.name) or text(f"{PRESETS}: {found.setting}")),
        ("quality", "forensics-quality", found.quality),
        ("sampling", "forensics-sampling", exhibit.jpeg.sampling or None),
        ("progressive", "forensics-progressive", exhibit.jpeg.progressive),
    ]
    return Measurement(float(found.quality), facts=tuple(facts))
