"""Pixels and text in, findings out."""

from __future__ import annotations

from detectors.errors import BadDataset, BadInput, DetectorError, StreamShared, UnknownDetector, WeightsError, WrongHash
from detectors.registry import card, entry, load, names, shared, tools, worded

__all__ = [
    "BadDataset",
    "BadInput",
    "DetectorError",
    "StreamShared",
    "UnknownDetector",
    "WeightsError",
    "WrongHash",
    "card",
    "entry",
    "load",
    "names",
    "shared",
    "tools",
    "worded",
]
