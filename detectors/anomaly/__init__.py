"""Unusual motion for this camera."""

from __future__ import annotations

from detectors.anomaly.prepare import PAST, small

__all__ = ["PAST", "small"]
