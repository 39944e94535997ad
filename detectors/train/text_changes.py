"""How well changes of hands are found in accounts that nobody saw: `python -m detectors.train.text_changes TRAIN.csv [--seed 0]`. Ships nothing.

Scores come from `detectors.train.text` (scikit-learn; about ten minutes): each post by models that saw neither its account nor whom that imitates.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from detectors.evaluators.account_change import figures
from detectors.train import text


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.text_changes", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    data = text.read(asked.file)
    print(json.dumps(figures(text.unseen_scores(data, asked.seed)["imitated-scores"], data.rows, asked.seed), indent=1))


if __name__ == "__main__":
    main()
