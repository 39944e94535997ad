"""A toy desk tool in one file: it finds the moments at which a video's picture changes all at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors import image
from detectors.errors import BadInput
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import ModelCard, PictureEvidence, PlotEvidence, PlotSeries, Progress, Report, ReportField, ReportPart, TimelineEntry, Verdict

CHANGE = 0.15  # of the full range of grey, on average over the picture
SIZE = (64, 48)
WORDS = {
    "title": {"en": "Scene changes (toy)", "it": "Cambi di scena (giocattolo)"},
    "about": {"en": "Finds where a video's picture changes all at once.", "it": "Trova dove l'immagine di un video cambia tutta in una volta."},
    "toy-watching": {"en": "watching", "it": "visione"},
    "toy-no-frames": {"en": "the video has no frames that can be read", "it": "il video non ha fotogrammi leggibili"},
    "toy-changes": {"en": ("{count} change of scene", "{count} changes of scene"), "it": ("{count} cambio di scena", "{count} cambi di scena")},
    "toy-seconds": {"en": "The video was watched for {seconds:.1f} s.", "it": "Il video è stato guardato per {seconds:.1f} s."},
    "toy-change-at": {"en": "the picture changes by {change:.0%}", "it": "l'immagine cambia del {change:.0%}"},
    "toy-video": {"en": "Video", "it": "Video"},
    "toy-frames": {"en": "Frames", "it": "Fotogrammi"},
    "toy-first-frame": {"en": "The first frame", "it": "Il primo fotogramma"},
    "toy-change-curve": {"en": "Change from frame to frame", "it": "Cambiamento da un fotogramma all'altro"},
    "toy-time": {"en": "Seconds", "it": "Secondi"},
    "toy-change": {"en": "Change", "it": "Cambiamento"},
}
CARD = {
    "version": "1",
    "licence": "Apache-2.0",
    "source": "tests/contract/toy_tools/scene_changes.py",
    "preprocessing": {"size": list(SIZE)},
    "thresholds": {"change": CHANGE},
    "data": "none",
    "metrics": {},
    "limits": "a toy",
}


@tool("toy-scene-changes", family="toys", media=("video",), inputs=1, words=WORDS, card=CARD)
class SceneChanges:
    """Sudden changes in a video."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """A timeline of changes, their curve and the first frame. Raises BadInput for a video that cannot be read."""
        reader = cv2.VideoCapture(str(paths[0]))
        fps, total = reader.get(cv2.CAP_PROP_FPS) or 25.0, max(1.0, reader.get(cv2.CAP_PROP_FRAME_COUNT))
        first, last, changes = None, None, []
        while (read := reader.read())[0]:
            grey = cv2.resize(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            changes.append(0.0 if last is None else float(np.abs(grey - last).mean()))
            first, last = read[1] if first is None else first, grey
            progress(min(0.99, len(changes) / total), Message("toy-watching"))
        reader.release()
        if first is None:
            raise BadInput(Message("toy-no-frames"))
        found = [(n / fps, change) for n, change in enumerate(changes) if change > CHANGE]
        times = tuple(round(n / fps, 3) for n in range(len(changes)))
        curve = PlotSeries(Message("toy-change"), times, tuple(changes))
        reasons = (Message("toy-seconds", {"seconds": len(changes) / fps}),)
        return Report(
            Verdict(Message("toy-changes", {"count": len(found)}), max(changes), CHANGE, "suspicious" if found else "clear", reasons),
            parts=(ReportPart("video", Message("toy-video"), (ReportField("frames", Message("toy-frames"), len(changes)),)),),
            timeline=tuple(TimelineEntry(round(t, 3), "change", change, Message("toy-change-at", {"change": change})) for t, change in found),
            evidence=(
                PictureEvidence("first-frame", Message("toy-first-frame"), image.encode_png(first)),
                PlotEvidence("curve", Message("toy-change-curve"), Message("toy-time"), Message("toy-change"), (curve,)),
            ),
        )
