"""From a score to a likelihood ratio: how much more often do pairs of one person look this alike than pairs of two people?"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors.errors import BadInput, WeightsError
from detectors.verification import cllr, cllr_min

DRAWS = 200  # bootstrap draws of people behind an interval
QUANTILES = np.linspace(0, 1, 101)
RIDGE = 1e-3  # keeps the slope finite when the two kinds of scores do not overlap
STEPS, LONGEST_STEP = 200, 4.0

Bands = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Ratio:
    """log10 of a likelihood ratio, its 95 % interval, and the most that may be said either way (`cap`)."""

    log10: float
    low: float
    high: float
    cap: float

    @property
    def capped(self) -> bool:
        """Whether the score alone would say more than the calibration set is large enough to support."""
        return abs(self.log10) >= self.cap


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """Labelled comparisons, one entry a pair: `score`, `same` (one person), `fold`, `person` (an index; what is resampled)."""

    score: np.ndarray
    same: np.ndarray
    fold: np.ndarray
    person: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One calibration: intercept and slope in natural logarithms, the same of every draw (DRAWS, 2), and what it rests on.

    `cllr` and `tippett` (101 quantiles of log10 LR of either kind) come from held-out folds.
    """

    genuine: int
    impostor: int
    people: int
    line: np.ndarray
    draws: np.ndarray
    cllr: float
    cllr_min: float
    tippett: dict[str, np.ndarray]

    @property
    def cap(self) -> float:
        """The rule: |log10 LR| is at most log10 of the number of pairs of the scarcer kind, as rarer events were never observed."""
        return cap_of(self.genuine, self.impostor)

    def log10(self, score: np.ndarray) -> np.ndarray:
        """log10 LR of scores, under the cap."""
        return np.clip((self.line[0] + self.line[1] * score) / math.log(10), -self.cap, self.cap)

    def ratio(self, score: float) -> Ratio:
        """The likelihood ratio of a score. Raises BadInput when it is not finite."""
        if not math.isfinite(score):
            raise BadInput("a score is a finite number")
        ratios = np.clip(np.vstack([self.line, self.draws]) @ [1, score] / math.log(10), -self.cap, self.cap)
        low, high = np.quantile(ratios[1:], [0.025, 0.975])
        return Ratio(float(ratios[0]), float(min(low, ratios[0])), float(max(high, ratios[0])), self.cap)


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Every calibration of one embedding: `cells` by the bands of the poorer and the better face, `landmarks` for the baseline."""

    population: str
    embedding: str  # sha256 of the network whose cosines were calibrated
    cells: dict[Bands, Cell]
    landmarks: Cell

    def cell(self, a: int, b: int) -> Cell | None:
        """The calibration for faces of these two bands, in either order; None when there is none."""
        return self.cells.get((min(a, b), max(a, b)))


def cap_of(genuine: int, impostor: int) -> float:
    """The largest |log10 LR| that a calibration on so many pairs supports."""
    return math.log10(max(1, min(genuine, impostor)))


def fit(score: np.ndarray, same: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Intercept and slope of log LR over the score: logistic regression in which both kinds weigh alike (Brümmer and du Preez 2006).

    `weight` counts each pair. Zeros, which say nothing, when a kind is missing or higher scores are no sign of one person.
    """
    weight = np.ones(len(score)) if weight is None else weight
    kinds = weight[same].sum(), weight[~same].sum()
    if not all(kinds):
        return np.zeros(2)
    share = weight / np.where(same, *kinds) / 2
    middle, spread = float(share @ score), max(float(np.sqrt(share @ (score - share @ score) ** 2)), 1e-9)
    line = _newton(np.column_stack([np.ones(len(score)), (score - middle) / spread]), same, share, RIDGE / sum(kinds))
    slope = line[1] / spread
    return np.array([line[0] - slope * middle, slope]) if slope > 0 else np.zeros(2)


def held_out(pairs: Pairs, weight: np.ndarray | None = None) -> np.ndarray:
    """log10 LR of every pair, each by a calibration on the other folds and under its cap; NaN where the others lack a kind."""
    weight = np.ones(len(pairs.score)) if weight is None else weight
    ratios = np.full(len(pairs.score), np.nan)
    for fold in np.unique(pairs.fold):
        here = pairs.fold == fold
        counts = [int((weight * (~here & kind)).sum()) for kind in (pairs.same, ~pairs.same)]
        if all(counts):
            line = fit(pairs.score[~here], pairs.same[~here], weight[~here])
            ratios[here] = np.clip((line[0] + line[1] * pairs.score[here]) / math.log(10), -cap_of(*counts), cap_of(*counts))
    return ratios


def cost(ratios: np.ndarray, same: np.ndarray) -> float:
    """Cllr of log10 likelihood ratios; NaN ones are left out."""
    return cost_of(ratios[same], ratios[~same])


def cost_of(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The same of the ratios of either kind."""
    genuine, impostor = (each[~np.isnan(each)] * math.log(10) for each in (genuine, impostor))
    return cllr(genuine, impostor) if len(genuine) and len(impostor) else math.nan


def calibrate(pairs: Pairs, *, draws: int = DRAWS, seed: int = 0) -> Cell:
    """A calibration with its bootstrap over people and its held-out cost. Raises BadInput unless both kinds are there."""
    if len({bool(each) for each in pairs.same}) < 2:
        raise BadInput("a calibration needs pairs of one person and pairs of two people")
    rng, people = np.random.default_rng(seed), int(pairs.person.max()) + 1
    counts = [np.bincount(rng.integers(people, size=people), minlength=people)[pairs.person].astype(float) for _ in range(draws)]
    ratios = held_out(pairs)
    return Cell(
        genuine=int(pairs.same.sum()),
        impostor=int((~pairs.same).sum()),
        people=len(np.unique(pairs.person)),
        line=fit(pairs.score, pairs.same),
        draws=np.stack([fit(pairs.score, pairs.same, count) for count in counts]),
        cllr=cost(ratios, pairs.same),
        cllr_min=cllr_min(pairs.score[pairs.same], pairs.score[~pairs.same]),
        tippett={name: np.nanquantile(ratios[kind], QUANTILES) for name, kind in (("genuine", pairs.same), ("impostor", ~pairs.same))},
    )


def to_json(table: Table) -> str:
    """A table as JSON text: scores and counts only."""
    cells = [{"bands": list(bands), **_cell_to_json(cell)} for bands, cell in sorted(table.cells.items())]
    data = {"population": table.population, "embedding": table.embedding, "cells": cells, "landmarks": _cell_to_json(table.landmarks)}
    return json.dumps(data, separators=(",", ":")) + "\n"


def from_json(text: str) -> Table:
    """Read a table. Raises WeightsError when the text is none."""
    try:
        data: dict[str, Any] = json.loads(text)
        cells = {(int(each["bands"][0]), int(each["bands"][1])): _cell_from_json(each) for each in data["cells"]}
        return Table(str(data["population"]), str(data["embedding"]), cells, _cell_from_json(data["landmarks"]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"this is no calibration table: {error!r}") from error


def read(path: Path) -> Table:
    """The table of a file. Raises WeightsError."""
    return from_json(path.read_text(encoding="utf-8"))


def _newton(x: np.ndarray, same: np.ndarray, share: np.ndarray, ridge: float) -> np.ndarray:
    """Weighted logistic regression on columns x (N, 2); steps are kept short, as separated kinds pull the slope far out."""
    line, penalty = np.zeros(2), np.diag([ridge, ridge])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ line, -50, 50)))
        slope = x.T @ (share * (chance - same)) + penalty @ line
        bend = (x * (share * chance * (1 - chance))[:, None]).T @ x + penalty
        step = np.linalg.solve(bend, slope)
        line = line - step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return line


def _cell_to_json(cell: Cell) -> dict[str, Any]:
    counts = {name: getattr(cell, name) for name in ("genuine", "impostor", "people")}
    costs = {name: round(getattr(cell, name), 5) for name in ("cllr", "cllr_min")}
    tippett = {name: _round(values, 2) for name, values in cell.tippett.items()}
    return {**counts, **costs, "line": _round(cell.line, 4), "draws": _round(cell.draws, 3), "tippett": tippett}


def _cell_from_json(data: dict[str, Any]) -> Cell:
    line, draws = np.asarray(data["line"], float), np.asarray(data["draws"], float)
    tippett = {name: np.asarray(data["tippett"][name], float) for name in ("genuine", "impostor")}
    if line.shape != (2,) or draws.ndim != 2 or draws.shape[1] != 2 or not (np.isfinite(line).all() and np.isfinite(draws).all()):
        raise ValueError("lines are pairs of finite numbers")
    counts = {name: int(data[name]) for name in ("genuine", "impostor", "people")}
    return Cell(**counts, line=line, draws=draws, cllr=float(data["cllr"]), cllr_min=float(data["cllr_min"]), tippett=tippett)


def _round(values: Sequence[float] | np.ndarray, digits: int) -> Any:
    return np.round(np.asarray(values, float), digits).tolist()
