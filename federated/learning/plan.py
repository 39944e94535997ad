"""Whether what an administrator asks of a run can work at all: no flwr, no torch, so that a form may import it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from federated.contract.run_plan import RunPlan
from federated.learning import privacy
from federated.learning.errors import PlanError

PERSONAL = {
    "fine-tune": "each camera goes on from the shared weights with passes over its own data, used only where that is better on held-back data",
    "last-layer": "the same with the last layer only: less to learn, less to get wrong",
    "none": "every camera runs the shared weights as they are",
}  # what becomes of the shared weights at a node; best first, as measured


@dataclasses.dataclass(frozen=True, slots=True)
class Strategy:
    """How the nodes' updates become one: `least` is the smallest number of nodes with which it does what it promises."""

    name: str
    least: int
    promise: str
    root: bool = False  # it measures the nodes against a root set, so the portal must have one of the task


STRATEGIES = {
    each.name: each
    for each in (
        Strategy("fedavg", 2, "mean weighted by the number of samples; outliers are only clipped by the guard"),
        Strategy("trimmed-mean", 3, "in every weight the largest and the smallest fifth (at least one of each) are left out"),
        Strategy("median", 3, "the middle value in every weight: less than half of the nodes may lie"),
        Strategy("krum", 5, "the mean of the updates that lie nearest to each other, without a fifth of the nodes (multi-Krum; one liar in five)"),
        Strategy("bulyan", 7, "Krum chooses, then the values nearest the middle are averaged (one liar in seven)"),
        Strategy("fedprox", 2, "the weighted mean, and each node is held near the common weights: for nodes that differ much"),
        Strategy("fedadam", 2, "the mean update drives Adam at the portal: for many rounds of small steps"),
        Strategy("fltrust", 2, "a node counts as far as its update points where the portal's own root set points and helps there; most may lie", root=True),
    )
}


def check(config: RunPlan, *, root: bool = False) -> None:
    """Raise PlanError when the plan cannot work, before anything is started. `root`: whether the portal has a root set of this task."""
    for name, low, high in (("rounds", 1, 500), ("local_epochs", 1, 100), ("min_sites", 1, 10_000), ("deadline_s", 1, 86_400), ("wait_s", 0, 86_400)):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise PlanError(f"{name} must lie between {low} and {high}, not {value!r}")
    if not 0 <= config.learning_rate <= 1:
        raise PlanError(f"learning_rate must lie between 0 (the task's own) and 1, not {config.learning_rate!r}")
    if isinstance(config.share, bool) or not 0 < config.share <= 1:
        raise PlanError(f"share must lie above 0 and be at most 1 (every node), not {config.share!r}")
    if not isinstance(config.compare, bool):
        raise PlanError(f"compare is true or false, not {config.compare!r}")
    if config.personal not in PERSONAL:
        raise PlanError(f"personal is one of {', '.join(PERSONAL)}, not {config.personal!r}")
    check_strategy(config.strategy, config.min_sites)
    if STRATEGIES[config.strategy].root and not root:
        raise PlanError(f"{config.strategy} {NO_ROOT.format(task=config.task)}")
    if config.sites and len(set(config.sites)) < config.min_sites:
        raise PlanError(f"{config.min_sites} nodes must answer, but only {len(set(config.sites))} may take part")
    if not all(site.isdecimal() for site in config.sites):
        raise PlanError("sites must be node ids in decimal form")
    if config.base_model and not Path(config.base_model).is_file():
        raise PlanError(f"there is no model to start from at {config.base_model}")
    privacy.check_plan(config)


def check_strategy(name: str, nodes: int) -> None:
    """Raise PlanError unless the strategy is known and keeps its promise with this number of nodes."""
    if name not in STRATEGIES:
        raise PlanError(f"unknown strategy {name!r}: choose one of {', '.join(STRATEGIES)}")
    if nodes < STRATEGIES[name].least:
        raise PlanError(f"{name} needs at least {STRATEGIES[name].least} nodes to do what it promises, not {nodes}")


def recommended(nodes: int, *, root: bool = False) -> str:
    """What a form offers first: trust by the root set where there is one, or else the middle value from five nodes on.

    With fewer nodes, those that the guard leaves out would leave too few for a middle. Measured by `python -m federated bench attacks`.
    """
    return "fltrust" if root else "median" if nodes >= FEW else "fedavg"


def liars(nodes: int, strategy: str) -> int:
    """How many nodes may lie without harm, as the strategy's authors prove it: Krum n >= 2f + 3, Bulyan n >= 4f + 3, others less than half or none."""
    tolerated = {"krum": (nodes - 3) // 2, "bulyan": (nodes - 3) // 4, "median": (nodes - 1) // 2, "trimmed-mean": max(1, nodes // 5)}
    return max(0, tolerated.get(strategy, 0)) if strategy in STRATEGIES and nodes >= STRATEGIES[strategy].least else 0


FEW = 5
NO_ROOT = "needs a root set of the task {task} at the portal: an administrator adds one on the page Root set"


def offered(nodes: int, *, root: bool = False) -> list[dict[str, Any]]:
    """For a form: every strategy with `works` (with so many nodes, with or without a root set) and `why`."""
    return [{"name": each.name, "works": not (why := _closed(each, nodes, root)), "why": why or each.promise} for each in STRATEGIES.values()]


def _closed(strategy: Strategy, nodes: int, root: bool) -> str:
    if nodes < strategy.least:
        return f"needs at least {strategy.least} nodes that must answer"
    return "needs a root set of this task at the portal" if strategy.root and not root else ""


def to_run_config(config: RunPlan) -> dict[str, str | int | float | bool]:
    """The plan as Flower's run configuration: flat, text and numbers only."""
    values = {name.replace("_", "-"): "" if value is None else value for name, value in _fields(config).items()}
    return {**values, "sites": " ".join(config.sites)}


def from_run_config(values: dict[str, Any]) -> RunPlan:
    """The opposite of `to_run_config`. Raises PlanError for unknown names."""
    named = {name.replace("-", "_"): value for name, value in values.items()}
    if unknown := sorted(set(named) - {field.name for field in dataclasses.fields(RunPlan)}):
        raise PlanError(f"unknown setting {unknown[0]!r}")
    named["sites"] = tuple(str(named.get("sites", "")).split())
    for name in ("base_model", "resume"):
        named[name] = named.get(name) or None
    return RunPlan(**named)


def _fields(config: RunPlan) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
