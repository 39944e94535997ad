"""The desk tool of classical video forensics: each technique finds something, finds nothing, or cannot say and why. It is never a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detectors import drawing
from detectors.forensics.clips import container, frames
from detectors.forensics.clips.container import ClipFile
from detectors.forensics.clips.frames import ReducedClip
from detectors.forensics.clips.techniques import SIGNS, measure, times_of
from detectors.forensics.clips.words import WORDS
from detectors.forensics.exhibit import Measurement
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import Evidence, ModelCard, PictureEvidence, PlotEvidence, PlotSeries, Progress, Report, ReportField, ReportPart, TimelineEntry, Verdict

MOST_POINTS = 600  # of the curve: more cannot be told apart on a page
MOST_CUTS = 40  # in the timeline


@tool("video-forensics", family="forensics", media=("video",), inputs=1, words=WORDS)
class VideoForensics:
    """Programs and dates, frame rate, cuts, doubled frames, joined encodings, hidden parts, missing frames, stills, repeats and sound of a video file."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one video file. Raises BadInput with the reason."""
        progress(0.0, Message("clip-reading"))
        file = container.read(paths[0])
        lasts = max(1e-3, min(float(np.ptp(file.times)), frames.MOST_FRAMES * float(np.ptp(file.times)) / len(file.times)))
        clip = frames.reduce(paths[0], lambda t: progress(min(0.7, 0.05 + 0.65 * max(0.0, t - file.times[0]) / lasts), Message("clip-decoding")))
        progress(0.75, Message("clip-measuring"))
        found = measure(file, clip)
        outcomes = {name: self._outcome(name, each) for name, each in found.items()}
        progress(0.9, Message("clip-drawing"))
        parts = tuple(self._part(name, each, outcomes[name]) for name, each in found.items())
        moments = _timeline(file, clip, found, outcomes)
        return Report(_conclude(file, clip, found, outcomes), parts, moments, _evidence(paths[0], clip, found, outcomes), seconds=float(np.ptp(file.times)))

    def _outcome(self, name: str, measured: Measurement) -> str:
        """ "found", "nothing", "silent" (cannot say) or "fact" (nothing to decide)."""
        if measured.score is None:
            return "silent"
        if name not in SIGNS:
            return "fact"
        return "found" if measured.score >= self.card.thresholds[name] else "nothing"

    def _part(self, name: str, measured: Measurement, outcome: str) -> ReportPart:
        fields = [ReportField("outcome", Message("forensics-outcome"), Message(f"forensics-is-{outcome}"))]
        if measured.why is not None:
            fields.append(ReportField("why", Message("forensics-why"), measured.why))
        if outcome in ("found", "nothing"):
            fields.append(ReportField("score", Message(f"clip-score-{name}"), float(f"{measured.score:.3g}")))
            fields.append(ReportField("threshold", Message("forensics-threshold"), self.card.thresholds[name]))
        if outcome in ("found", "fact"):
            fields += [ReportField(key, Message(label), value) for key, label, value in measured.facts]
        fields.append(ReportField("limit", Message("forensics-limit"), Message(f"clip-limit-{name}")))
        return ReportPart(name, Message(f"clip-part-{name}"), tuple(fields))


def _conclude(file: ClipFile, clip: ReducedClip, found: Mapping[str, Measurement], outcomes: Mapping[str, str]) -> Verdict:
    """What may be told of it all: how many hints there are, and that they are hints."""
    signs = [name for name in SIGNS if outcomes[name] == "found"]
    reasons = [Message(f"clip-found-{name}", dict(zip(("at", "again"), times_of(found[name]), strict=False))) for name in signs]
    counts = {each: [outcomes[name] for name in SIGNS].count(each) for each in ("nothing", "silent")}
    if counts["nothing"]:
        reasons.append(Message("forensics-rest", {"count": counts["nothing"]}))
    if counts["silent"]:
        reasons.append(Message("forensics-silent", {"count": counts["silent"]}))
    if not file.whole:
        reasons.append(Message("clip-not-whole"))
    if not clip.whole:
        reasons.append(Message("clip-not-all", {"seconds": float(clip.times[-1] - clip.times[0])}))
    reasons.append(Message("clip-errs"))
    if signs:
        return Verdict(Message("forensics-signs", {"count": len(signs)}), None, None, "suspicious", tuple(reasons))
    return Verdict(Message("forensics-no-signs" if counts["nothing"] else "forensics-nothing-to-say"), None, None, "unsure", tuple(reasons))


def _timeline(file: ClipFile, clip: ReducedClip, found: Mapping[str, Measurement], outcomes: Mapping[str, str]) -> tuple[TimelineEntry, ...]:
    """Cuts, and where each hint begins, in the clip's own seconds."""
    begins = float(clip.times[0])
    moments = [(t, "cut") for t in frames.cuts(clip)[:MOST_CUTS]]
    if outcomes["joined"] == "found":
        moments += [(t, "joined") for t in file.encodings[1:MOST_CUTS]]
    if outcomes["repeat"] == "found":
        moments += zip(times_of(found["repeat"]), ("repeat-first", "repeat-again"), strict=True)
    for name in ("missing", "still"):
        if outcomes[name] == "found":
            moments += [(t, name) for t in times_of(found[name])]
    entries = [TimelineEntry(round(max(0.0, t - begins), 3), name, None, Message(f"clip-moment-{name}")) for t, name in moments]
    return tuple(sorted(entries, key=lambda each: each.t))


def _evidence(path: Path, clip: ReducedClip, found: Mapping[str, Measurement], outcomes: Mapping[str, str]) -> tuple[Evidence, ...]:
    shown: list[Evidence] = []
    if len(changes := clip.changes):
        every = -(-len(changes) // MOST_POINTS)
        tops = [float(changes[n : n + every].max()) for n in range(0, len(changes), every)]  # of each stretch the largest: a cut is one frame long
        times = [float(clip.times[n + 1] - clip.times[0]) for n in range(0, len(changes), every)]
        curve = PlotSeries(Message("clip-axis-change"), tuple(round(t, 3) for t in times), tuple(round(top, 3) for top in tops))
        shown.append(PlotEvidence("changes", Message("clip-evidence-changes"), Message("clip-axis-seconds"), Message("clip-axis-change"), (curve,)))
    if outcomes["repeat"] == "found":
        first, again = times_of(found["repeat"])
        both = frames.pictures(path, (first, again))
        if len(both) == 2:
            caption = Message("clip-evidence-repeat", {"first": first, "again": again})
            shown.append(PictureEvidence("repeat", caption, drawing.side_by_side(*both, zoom=1)))
    return tuple(shown)
