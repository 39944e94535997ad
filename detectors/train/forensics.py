"""Set the thresholds of picture forensics: `python -m detectors.train.forensics TRAIN [--write]`.

TRAIN is the train split that `detectors.attacks.tampered` made: each technique gets the threshold that flags 1 % of its harmless pictures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from detectors.evaluators.picture_forensics import measured, thresholds_of
from detectors.registry import FOLDER

FLOORS = {"thumbnail": 0.8}  # thumbnails made here are cleaner than those of cameras, which sharpen them
CARD = FOLDER / "weights" / "cards" / "picture-forensics.json"


def main() -> None:
    """Measure, print, and with --write keep the thresholds in the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    found = {name: max(FLOORS.get(name, 0.0), float(f"{value:.4g}")) for name, value in thresholds_of(measured(asked.train)).items()}
    print(json.dumps(found))
    if asked.write:
        card = json.loads(CARD.read_text())
        CARD.write_text(json.dumps(card | {"thresholds": found}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
