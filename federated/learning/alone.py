"""What a node reaches alone: beside "before" and "together" the number that says whether training together was worth it to this node.

The same start, as many passes in the same pieces, the same seeds, but its own samples only, judged on the same held-back fifth. What a node makes of the
first round's weights it makes alone, so that is kept and not trained again. The rest is asked for with the vote and bounded in time: a node that cannot
make it has no such number, and its vote counts all the same. The number for the footage of all nodes in one place cannot be had in a real run, because
such a place must not exist: `python -m federated bench triple` has it for the lab's data.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from federated.contract.run_plan import RunPlan
from federated.learning import gate, task, time_limit, weights
from federated.learning.progress import ALONE, ProgressWriter
from federated.learning.weights import Arrays

if TYPE_CHECKING:
    import torch

SHARE = 0.5  # of the deadline: the other half is left for the vote itself and the way there and back
NUMBER, BEFORE = "loss-alone", "loss-before"  # as a node says them
FIRST, RECIPE = "alone-first", "alone-recipe"  # as a node keeps them for the length of a run


def question(plan: RunPlan, learning_rate: float) -> dict[str, int | float]:
    """What goes with the vote's message; nothing when the plan does not compare."""
    if not plan.compare:
        return {}
    seconds = SHARE * plan.deadline_s
    return {"alone-s": seconds, "rounds": plan.rounds, "epochs": plan.local_epochs, "lr": plan.learning_rate or learning_rate, "seed": plan.seed}


def keep(state: RecordDict, made: Arrays, config: Mapping[str, Any]) -> None:
    """Keep what this node made of the first round's weights, in Flower's state of the run at the node."""
    state[FIRST] = ArrayRecord({name: Array(value) for name, value in made.items()})
    state[RECIPE] = ConfigRecord({"epochs": int(config["epochs"]), "lr": float(config["lr"]), "seed": int(config["seed"]) - 1})


def kept(state: RecordDict, config: Mapping[str, Any]) -> Arrays | None:
    """What was kept, if it was made as the question wants it."""
    if FIRST not in state or any(state.config_records[RECIPE][name] != config.get(name) for name in ("epochs", "lr", "seed")):
        return None
    return {name: value.numpy() for name, value in state.array_records[FIRST].items()}


def answer(
    todo: task.Task,
    start: Arrays,
    samples: task.Split,
    config: Mapping[str, Any],
    first: Arrays | None = None,
    clock: Callable[[], float] = time.monotonic,
    writer: ProgressWriter | None = None,
) -> dict[str, float]:
    """The node's loss with the starting weights and, when asked and in time, with those it reaches alone. `first`: what it has already made of `start`."""
    net = todo.net(0)
    weights.put(net, start)
    numbers = {BEFORE: todo.metric(net, samples.held_back)}
    if "alone-s" not in config:
        return numbers
    try:
        weights.put(net, first or start)
        if writer:
            writer.begin(ALONE, (int(config["rounds"]) - bool(first)) * int(config["epochs"]) * todo.steps(samples.train))
            writer.count(net)
        _train(todo, net, samples, config, clock, done=1 if first else 0)
        return {**numbers, NUMBER: todo.metric(net, samples.held_back)}
    except time_limit.TimeUp as error:
        print(f"no number for this node alone: {error}")
    except (task.TaskError, RuntimeError, ValueError, ArithmeticError, MemoryError):  # the vote is worth more than this number
        traceback.print_exc()
    return numbers


def warning(together: Mapping[str, float], alone: Mapping[str, float]) -> str:
    """A sentence when most nodes would have done better alone, with the gate's own margin; empty otherwise. `together`: what each node would run."""
    better = gate.better_alone(together, alone)
    if 2 * len(better) <= len(alone):
        return ""
    return f"together is worse than alone on the held-back data of {len(better)} of {len(alone)} nodes: {', '.join(better)}"


def _train(todo: task.Task, net: torch.nn.Module, samples: task.Split, config: Mapping[str, Any], clock: Callable[[], float], done: int) -> None:
    rounds, began = int(config["rounds"]), clock()
    until = began + float(config["alone-s"])
    time_limit.stop_at(net, until, clock)
    for number in range(1 + done, rounds + 1):
        todo.fit(net, samples.train, epochs=int(config["epochs"]), lr=float(config["lr"]), seed=int(config["seed"]) + number)
        expected = (clock() - began) / (number - done) * (rounds - done)
        if began + expected > until:
            raise time_limit.TimeUp(f"{rounds} rounds would take {expected:.0f} of the {float(config['alone-s']):.0f} s there are")


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Only the finite ones."""
    return {node: value for node, value in values.items() if value is not None and math.isfinite(value)}
