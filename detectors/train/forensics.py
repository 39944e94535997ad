"""Set the thresholds of picture or video forensics: `python -m detectors.train.forensics TRAIN [--clips] [--write]`.

TRAIN is the train split that `detectors.attacks.tampered` or `tampered_clips` made. Of pictures each technique gets the threshold that flags 1 % of its
harmless ones; of clips, which are fewer, one a quarter above the largest figure of an untouched clip; and never less than FLOORS.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from detectors.evaluators import picture_forensics, traces, video_forensics
from detectors.registry import FOLDER

FLOORS = {
    "thumbnail": 0.8,  # thumbnails made here are cleaner than those of cameras, which sharpen them
    "joined": 1.0,  # an encoding that begins later: one is one
    "hidden": 0.5,  # seconds: encoders begin with a few frames that nobody sees
    "missing": 1.5,  # frames: one that is late is not gone
    "still": 0.5,  # seconds
    "repeat": 2.0,  # times as much movement as difference
    "sound": 0.5,  # seconds: what phones and converters leave
}
MARGIN = 1.25


def of_clips(clips: traces.MeasuredFiles) -> dict[str, float]:
    """A threshold for each technique: a quarter above the largest figure of an untouched clip."""
    return {name: MARGIN * float(np.nanmax(scores[clips.untouched], initial=0.0)) for name, scores in clips.scores.items()}


def main() -> None:
    """Measure, print, and with --write keep the thresholds in the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("--clips", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.clips:
        name, found = "video-forensics", of_clips(video_forensics.measured(asked.train))
    else:
        name, found = "picture-forensics", picture_forensics.thresholds_of(picture_forensics.measured(asked.train))
    found = {technique: max(FLOORS.get(technique, 0.0), float(f"{value:.4g}")) for technique, value in found.items()}
    print(json.dumps(found))
    if asked.write:
        card = FOLDER / "weights" / "cards" / f"{name}.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | {"thresholds": found}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
