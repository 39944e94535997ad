"""Judge detectors on labelled data: one evaluator a file in `evaluators/`, one JSON object as the answer."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import detectors
from detectors.errors import BadDataset, UnknownDetector

FOLDER = Path(__file__).with_name("evaluators")


@dataclasses.dataclass(slots=True)
class Evaluation:
    """What an evaluator found out. `threshold` is {"value", "from"}; `extra` goes into the answer as it is."""

    n: int
    metrics: dict[str, dict[str, float | None]]
    threshold: dict[str, Any]
    model: dict[str, str]
    inference_s: float
    skipped: list[dict[str, str]] = dataclasses.field(default_factory=list)
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


Evaluator = Callable[..., Evaluation]
_evaluators: dict[str, Evaluator] = {}


def evaluator(name: str) -> Callable[[Evaluator], Evaluator]:
    """Register `function(folder, **options) -> Evaluation` as the evaluator `name`."""

    def register(function: Evaluator) -> Evaluator:
        _evaluators[name] = function
        return function

    return register


def names() -> list[str]:
    """The names of all evaluators, sorted."""
    return sorted(_all())


def evaluate(name: str, dataset: Path | str, **options: Any) -> dict[str, Any]:
    """Judge on a data set; the JSON object of the answer. Raises UnknownDetector, BadDataset, WeightsError."""
    if name not in _all():
        raise UnknownDetector(f"there is no evaluator {name!r}; there are {', '.join(names())}")
    folder = Path(dataset)
    if not folder.exists():
        raise BadDataset(f"{folder}: there is no such folder")
    start = time.perf_counter()
    outcome = _all()[name](folder, **options)
    return {
        "name": name,
        "dataset": folder.resolve().name,
        "n": outcome.n,
        "metrics": outcome.metrics,
        "threshold": outcome.threshold,
        "seconds": round(time.perf_counter() - start, 2),
        "ms_per_item": round(1000 * outcome.inference_s / max(1, outcome.n), 3),
        "model": outcome.model,
        "skipped": outcome.skipped,
        **outcome.extra,
    }


def model_of(name: str) -> dict[str, str]:
    """Name, version and sha256 of a detector as its card says."""
    card = detectors.card(name)
    return {"name": card.name, "version": card.version, "sha256": card.sha256}


@functools.cache
def _all() -> dict[str, Evaluator]:
    for module in pkgutil.iter_modules([str(FOLDER)]):
        importlib.import_module(f"detectors.evaluators.{module.name}")
    return _evaluators
