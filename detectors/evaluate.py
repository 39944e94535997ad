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
    """What an evaluator found out. `threshold` is {"value", "from"}; `extra` goes into the answer as it is.

    `headline` names the metrics without which there is no answer (the first one, when it names none). A metric that could not be measured has no value: never
    a number that chance would give as well.
    """

    n: int
    metrics: dict[str, dict[str, float | None]]
    threshold: dict[str, Any]
    model: dict[str, str]
    inference_s: float
    skipped: list[dict[str, str]] = dataclasses.field(default_factory=list)
    headline: tuple[str, ...] = ()
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
    refuse_unmeasured(outcome, folder)
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


def refuse_unmeasured(outcome: Evaluation, folder: Path) -> None:
    """Raises BadDataset when the data cannot answer the question: nothing usable in it, one class only, no score at all."""
    if outcome.n < 1 or not outcome.metrics:
        raise BadDataset(f"{folder}: nothing in here could be judged; left out: {_left_out(outcome.skipped)}")
    for name in outcome.headline or tuple(outcome.metrics)[:1]:
        if outcome.metrics[name]["value"] is None:
            raise BadDataset(
                f"{folder}: {name} cannot be measured on this data: it needs items of every class (as labelled in the tables) that have a score; "
                f"left out: {_left_out(outcome.skipped)}"
            )


def _left_out(skipped: list[dict[str, str]]) -> str:
    return "; ".join(f"{each['item']} ({each['reason']})" for each in skipped[:3]) + (" ..." if len(skipped) > 3 else "") or "nothing"


def model_of(name: str) -> dict[str, str]:
    """Name, version and sha256 of a detector as its card says."""
    card = detectors.card(name)
    return {"name": card.name, "version": card.version, "sha256": card.sha256}


@functools.cache
def _all() -> dict[str, Evaluator]:
    for module in pkgutil.iter_modules([str(FOLDER)]):
        importlib.import_module(f"detectors.evaluators.{module.name}")
    return _evaluators
