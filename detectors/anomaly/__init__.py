"""Unusual motion for this camera."""

from __future__ import annotations

from detectors.anomaly.prepare import LONGEST_GAP_S, PAST, small

__all__ = ["LONGEST_GAP_S", "PAST", "small"]
