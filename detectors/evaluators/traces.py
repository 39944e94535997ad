"""What the evaluators of picture and of video forensics share: every technique on every file of a set with known truth, and its figures by source."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import datasets
from detectors.errors import BadDataset, BadInput
from detectors.forensics.exhibit import Measurement
from detectors.metrics import auc, interval

RESAMPLES = 200


def _label(text: str) -> str:
    if text not in ("untouched", "tampered"):
        raise ValueError(text)
    return text


COLUMNS: dict[str, Callable[[str], Any]] = {"path": str, "label": _label, "kind": str, "source": str}


@dataclasses.dataclass(frozen=True, slots=True)
class MeasuredFiles:
    """Scores and plain figures by technique, (N,) each with NaN where it cannot say; the kind of each, which are untouched, rows by source."""

    scores: dict[str, np.ndarray]
    plain: dict[str, np.ndarray]
    kinds: np.ndarray
    untouched: np.ndarray
    sources: list[np.ndarray]
    skipped: list[dict[str, str]]
    seconds: float

    def over(self, name: str, bound: float) -> np.ndarray:
        """Which are flagged by this technique."""
        return np.nan_to_num(self.scores[name], nan=-np.inf) >= bound

    def area(self, scores: np.ndarray, sought: np.ndarray, harmless: np.ndarray) -> dict[str, float | None]:
        """AUC of these scores, those sought against the harmless, where the technique can say; 95 % interval by source."""
        usable = ~np.isnan(scores) & (sought | harmless)
        return interval(self.sources, lambda drawn: self._area(scores, sought, usable, drawn), resamples=RESAMPLES)

    @staticmethod
    def _area(scores: np.ndarray, sought: np.ndarray, usable: np.ndarray, drawn: Sequence[np.ndarray]) -> float:
        at = np.concatenate(drawn)
        at = at[usable[at]]
        return auc(scores[at], sought[at])

    def share(self, chosen: np.ndarray, flagged: np.ndarray) -> dict[str, float | None]:
        """Which share of the chosen is flagged; 95 % interval by source."""

        def of(drawn: Sequence[np.ndarray]) -> float:
            at = np.concatenate(drawn)
            at = at[chosen[at]]
            return float(flagged[at].mean()) if len(at) else float("nan")

        return interval(self.sources, of, resamples=RESAMPLES)

    def technique(self, name: str, bound: float) -> dict[str, Any]:
        """The threshold of a technique, how often it cannot say, and what it flags of each kind."""
        flagged = self.over(name, bound)
        return {
            "threshold": bound,
            "cannot_say": round(float(np.isnan(self.scores[name]).mean()), 4),
            "found_by_kind": {kind: round(float(flagged[self.kinds == kind].mean()), 4) for kind in sorted(set(self.kinds))},
        }


def measured(folder: Path, names: Sequence[str], look: Callable[[Path], dict[str, Measurement]]) -> MeasuredFiles:
    """Every technique on every file of a data set. Raises BadDataset."""
    rows = datasets.read_table(folder / "labels.csv", COLUMNS)
    kept, found, skipped, seconds = [], [], [], 0.0
    for row in rows:
        start = time.perf_counter()
        try:
            found.append(look(folder / row["path"]))
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
            continue
        seconds += time.perf_counter() - start
        kept.append(row)
    if {row["label"] for row in kept} != {"untouched", "tampered"}:
        raise BadDataset(f"labels.csv, line {len(rows) + 1}: no usable files of both labels, untouched and tampered; expected columns {','.join(COLUMNS)}")
    sources: dict[str, list[int]] = {}
    for n, row in enumerate(kept):
        sources.setdefault(row["source"], []).append(n)

    def column(name: str, field: str) -> np.ndarray:
        values = [getattr(each[name], field) for each in found]
        return np.array([np.nan if value is None else value for value in values], float)

    return MeasuredFiles(
        scores={name: column(name, "score") for name in names},
        plain={name: column(name, "plain") for name in names},
        kinds=np.array([row["kind"] for row in kept]),
        untouched=np.array([row["label"] == "untouched" for row in kept]),
        sources=[np.array(each) for each in sources.values()],
        skipped=skipped,
        seconds=seconds,
    )
