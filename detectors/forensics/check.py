"""The desk tool of classical file forensics: each technique finds something, finds nothing, or cannot say and why. It is never a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detectors import image
from detectors.forensics import doubled
from detectors.forensics.exhibit import Exhibit, Measurement, open_exhibit
from detectors.forensics.techniques import SIGNS, TECHNIQUES, WEAK, measure
from detectors.forensics.words import WORDS
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import Evidence, ModelCard, PictureEvidence, PlotEvidence, PlotSeries, Progress, Report, ReportField, ReportPart, Verdict

ALWAYS_DRAWN = ("thumbnail", "ghosts", "error-level", "noise")  # the others only when something was found


@tool("picture-forensics", family="forensics", media=("picture",), inputs=1, words=WORDS)
class PictureForensics:
    """Quantisation tables, thumbnail, earlier saves, ghosts, error level, noise, resampling and copied parts of a picture file."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one picture file. Raises BadInput with the reason."""
        progress(0.0, Message("forensics-reading"))
        exhibit = open_exhibit(image.read_bytes(paths[0]))
        found = measure(exhibit, lambda done: progress(0.1 + 0.7 * done / len(TECHNIQUES), Message("forensics-measuring")))
        progress(0.9, Message("forensics-drawing"))
        outcomes = {name: self._outcome(name, each) for name, each in found.items()}
        parts = tuple(self._part(name, each, outcomes[name]) for name, each in found.items())
        return Report(conclude(exhibit, found, outcomes), parts=parts, evidence=_evidence(exhibit, found, outcomes))

    def _outcome(self, name: str, measured: Measurement) -> str:
        """ "found", "weak" (found by a technique that finds hardly more than it flags), "nothing", "silent" (cannot say) or "fact" (nothing to decide)."""
        if measured.score is None:
            return "silent"
        if name not in self.card.thresholds:
            return "fact"
        if measured.score < self.card.thresholds[name]:
            return "nothing"
        return "weak" if name in WEAK else "found"

    def _part(self, name: str, measured: Measurement, outcome: str) -> ReportPart:
        fields = [ReportField("outcome", Message("forensics-outcome"), Message(f"forensics-is-{outcome}"))]
        if measured.why is not None:
            fields.append(ReportField("why", Message("forensics-why"), measured.why))
        if outcome in ("found", "weak", "nothing"):
            fields.append(ReportField("score", Message("forensics-score"), float(f"{measured.score:.4g}")))
            fields.append(ReportField("threshold", Message("forensics-threshold"), self.card.thresholds[name]))
        if outcome in ("found", "weak", "fact") or name == "thumbnail":
            fields += [ReportField(key, Message(label), value) for key, label, value in measured.facts]
        fields.append(ReportField("limit", Message("forensics-limit"), Message(f"forensics-limit-{name}")))
        return ReportPart(name, Message(f"forensics-part-{name}"), tuple(fields))


def conclude(exhibit: Exhibit, found: Mapping[str, Measurement], outcomes: Mapping[str, str]) -> Verdict:
    """What may be told of it all: how many hints there are, and that they are hints."""
    signs = [name for name in SIGNS if outcomes[name] == "found"]
    reasons = []
    for name in found:
        if outcomes[name] == "found":
            facts = {key: value for key, _, value in found[name].facts if key == "quality"}
            reasons.append(Message(f"forensics-found-{name}", facts))
    counts = {each: list(outcomes.values()).count(each) for each in ("nothing", "silent")}
    if counts["nothing"]:
        reasons.append(Message("forensics-rest", {"count": counts["nothing"]}))
    if counts["silent"]:
        reasons.append(Message("forensics-silent", {"count": counts["silent"]}))
    if exhibit.cut:
        high, wide = exhibit.luma.shape if exhibit.orientation < 5 else exhibit.luma.shape[::-1]
        reasons.append(Message("forensics-cut", {"width": wide, "height": high}))
    reasons.append(Message("forensics-errs"))
    if signs:
        return Verdict(Message("forensics-signs", {"count": len(signs)}), None, None, "suspicious", tuple(reasons))
    return Verdict(Message("forensics-no-signs" if counts["nothing"] else "forensics-nothing-to-say"), None, None, "unsure", tuple(reasons))


def _evidence(exhibit: Exhibit, found: Mapping[str, Measurement], outcomes: Mapping[str, str]) -> tuple[Evidence, ...]:
    shown: list[Evidence] = []
    for name, measured in found.items():
        if name == "double" and outcomes[name] == "found" and (counts := doubled.histograms(exhibit)):
            series = PlotSeries(Message("forensics-blocks"), tuple(map(float, np.arange(-doubled.REACH, doubled.REACH + 1))), tuple(map(float, counts[0])))
            axes = Message("forensics-step"), Message("forensics-blocks")
            shown.append(PlotEvidence("histogram", Message("forensics-evidence-histogram"), *axes, (series,)))
        if measured.drawing is not None and (outcomes[name] == "found" or name in ALWAYS_DRAWN):
            drawing = measured.drawing if measured.upright else np.ascontiguousarray(image.turned(measured.drawing, exhibit.orientation))
            shown.append(PictureEvidence(name, Message(f"forensics-evidence-{name}"), image.encode_png(drawing)))
    return tuple(shown)
