"""Pixels and text in, findings out."""

from __future__ import annotations

from detectors.errors import BadDataset, BadInput, DetectorError, UnknownDetector, WeightsError, WrongHash
from detectors.registry import card, entry, load, names

__all__ = ["BadDataset", "BadInput", "DetectorError", "UnknownDetector", "WeightsError", "WrongHash", "card", "entry", "load", "names"]
