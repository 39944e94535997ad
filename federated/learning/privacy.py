"""Differential privacy of a run, honestly accounted: which plans can have it, how much noise it takes, how much of the wanted epsilon is spent.

The arithmetic is Google's dp-accounting: the exact Gaussian mechanism for `central`, privacy loss distributions of the Poisson-sampled Gaussian for
`local` (rounded upwards). No flwr, no torch here, so that a form may import it; dp-accounting brings SciPy, so it is imported where it is used.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from federated.learning.errors import PlanError

if TYPE_CHECKING:
    from federated.contract.run_plan import RunPlan
    from federated.learning.task import Task

FIGURES = Path(__file__).parent / "figures"
KINDS = ("none", "central", "local")
UNITS = {"central": "one camera (its node)", "local": "one training sample of one camera (its node)"}
COVERS = (
    "the weights of this run; not the losses and counts that cameras report, and not what earlier runs on the same data gave away. "
    "A heritage site with several cameras is as many units: together they are promised that many times less"
)
LEAST_EPSILON, MOST_EPSILON, MOST_DELTA = 0.1, 50.0, 0.01
MEANS = ("fedavg", "fedprox")  # strategies with a mean in which every node can count the same
ROUNDING = 2e-3  # of a privacy loss distribution; always upwards
SEARCH = 2e-3  # how near to the smallest sigma that keeps the promise
NODE_CLIP, SAMPLE_CLIP = 0.01, 1.0  # where a task says nothing: longest update of a node, longest gradient of a sample


@dataclasses.dataclass(frozen=True, slots=True)
class Steps:
    """So many steps of DP-SGD, each with every sample at the chance `rate` and noise of `sigma` times the clip."""

    rate: float
    sigma: float
    steps: int


def check_plan(config: RunPlan) -> None:
    """Raise PlanError, with a sentence, for a promise that cannot be kept."""
    if config.privacy not in KINDS:
        raise PlanError(f"unknown kind of privacy {config.privacy!r}: choose one of {', '.join(KINDS)}")
    if config.privacy == "none":
        if config.epsilon:
            raise PlanError("an epsilon without a kind of privacy promises nothing: choose central or local, or set epsilon to 0")
        return
    _check_numbers(config)
    if config.privacy == "central" and config.strategy not in MEANS:
        raise PlanError(
            f"central privacy bounds what one camera can change in a mean where all count the same: choose {' or '.join(MEANS)}. With {config.strategy} one "
            "camera can move the result by more than its own share, so no honest epsilon can be given"
        )
    if config.privacy == "central" and config.delta >= 1 / config.min_sites:
        raise PlanError(f"delta must be below 1 / {config.min_sites}, one in the number of cameras: else all of one camera's part may be given away")
    if config.privacy == "local" and (why := why_not_local(config.task)):
        raise PlanError(f"{config.task} cannot train with local privacy: {why}")


def why_not_local(task: str) -> str:
    """Why cameras cannot train this task with local privacy; empty when they can."""
    from federated.learning.task import load, names

    if task not in names() or hasattr(load(task), "sample_losses"):
        return ""
    return getattr(load(task), "not_private", "it gives no loss for each single sample, so no single sample's part can be bounded")


def clip_of(config: RunPlan, task: Task) -> float:
    """The longest update of a node (central) or gradient of a sample (local): the plan's, else the task's own."""
    own = getattr(task, "node_clip", NODE_CLIP) if config.privacy == "central" else getattr(task, "sample_clip", SAMPLE_CLIP)
    return config.clip or own


def central_sigma(epsilon: float, delta: float, rounds: int, earlier: Sequence[float] = ()) -> float:
    """Noise, in units of the clip, for each of `rounds` more rounds, so that all together with those of `earlier` sigmas keep the promise.

    Raises PlanError when the earlier rounds have spent it.
    """
    from dp_accounting import get_sigma_gaussian

    wanted = get_sigma_gaussian(epsilon, delta) ** -2
    left = wanted - sum(sigma**-2 for sigma in earlier)
    if left <= 1e-9 * wanted:
        raise PlanError(f"the earlier rounds have spent epsilon {epsilon:g}: nothing is left for another")
    return math.sqrt(rounds / left)


def central_epsilon(sigmas: Sequence[float], delta: float) -> float:
    """What rounds with these sigmas have spent together: Gaussians compose to one Gaussian."""
    from dp_accounting import get_epsilon_gaussian

    return float(get_epsilon_gaussian(sum(sigma**-2 for sigma in sigmas) ** -0.5, delta)) if sigmas else 0.0


def local_sigma(epsilon: float, delta: float, rate: float, steps: int, earlier: Sequence[Steps] = ()) -> float:
    """Noise for each of `steps` more steps, so that all together with `earlier` ones keep the promise; the last one's again when that is enough.

    Raises PlanError when the earlier steps have spent it.
    """
    if earlier and local_epsilon([*earlier, Steps(rate, earlier[-1].sigma, steps)], delta) <= epsilon:
        return earlier[-1].sigma
    if earlier and local_epsilon(earlier, delta) >= epsilon:
        raise PlanError(f"the earlier rounds have spent epsilon {epsilon:g}: nothing is left for another")
    return _sigma_for(epsilon, delta, rate, steps, tuple(earlier))


def local_epsilon(done: Sequence[Steps], delta: float) -> float:
    """What these steps have spent together of every sample."""
    return _epsilon_of(tuple(done), delta) if done else 0.0


def statement(config: RunPlan, task: Task, epsilon: float, sigma: float | None) -> dict[str, Any]:
    """What a run's events and a model's card say; `epsilon` is what was spent, not what was wanted."""
    return {
        "kind": config.privacy,
        "epsilon": round(epsilon, 4),
        "wanted": config.epsilon,
        "delta": config.delta,
        "sigma": sigma and round(sigma, 4),
        "clip": clip_of(config, task),
        "unit": UNITS[config.privacy],
        "covers": COVERS,
    }


def measured() -> list[dict[str, Any]]:
    """What privacy cost when it was measured (`python -m federated bench privacy`), one record a task; `without` and `untrained` are two of its rows."""
    records = [json.loads(file.read_text()) for file in sorted(FIGURES.glob("privacy-*.json"))]
    plain = [{row["kind"]: row for row in record["rows"] if not row["wanted"]} for record in records]
    return [{**record, "without": rows["none"], "untrained": rows["untrained"]} for record, rows in zip(records, plain, strict=True)]


def _check_numbers(config: RunPlan) -> None:
    for name, low, high in (("epsilon", LEAST_EPSILON, MOST_EPSILON), ("delta", 1e-12, MOST_DELTA), ("clip", 0, 1000)):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
            raise PlanError(f"{name} must lie between {low:g} and {high:g}, not {value!r}")


@functools.lru_cache(256)
def _epsilon_of(done: tuple[Steps, ...], delta: float) -> float:
    return float(_accountant().compose(_event(done)).get_epsilon(delta))


@functools.lru_cache(256)
def _sigma_for(epsilon: float, delta: float, rate: float, steps: int, earlier: tuple[Steps, ...]) -> float:
    import dp_accounting as dp

    def event(sigma: float) -> Any:
        return _event([*earlier, Steps(rate, sigma, steps)])

    return float(dp.calibrate_dp_mechanism(_accountant, event, epsilon, delta, dp.LowerEndpointAndGuess(0.2, 2.0), tol=SEARCH))


def _accountant() -> Any:
    from dp_accounting.pld import PLDAccountant

    return PLDAccountant(value_discretization_interval=ROUNDING)


def _event(done: Sequence[Steps]) -> Any:
    import dp_accounting as dp

    alike: dict[tuple[float, float], int] = {}
    for each in done:
        alike[each.rate, each.sigma] = alike.get((each.rate, each.sigma), 0) + each.steps
    made = ((dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(sigma)), count) for (rate, sigma), count in alike.items())
    return dp.ComposedDpEvent([dp.SelfComposedDpEvent(step, count) for step, count in made])
