"""A node's end of a run: trains on what lies in the agent's folder and answers with weights and a few numbers, nothing else."""

from __future__ import annotations

import dataclasses
import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from federated.learning import alone, fab, personal, progress, snapshot, task, terms, weights
from federated.learning.weights import Arrays

if TYPE_CHECKING:
    import numpy as np
    import torch

app = ClientApp()


class SiteFailed(Exception):
    """Why this node could not do its part, in words that give away nothing about its data; the traceback stays in the node's own log."""


@app.train()
def train(message: Message, context: Context) -> Message:
    """Fit the weights on all but the latest fifth of the local samples; measure on that fifth before and after."""
    return _answer(message, context, _train)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Measure the weights on the latest fifth of the local samples; as asked, make own weights of them, and see what this node reaches alone."""
    return _answer(message, context, functools.partial(_evaluate, start=_arrays(message, "start") if "start" in message.content.array_records else None))


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What one message asks this node to do, and what it does it with."""

    todo: task.Task
    arrays: Arrays
    samples: task.Split
    config: ConfigRecord
    context: Context
    writer: progress.ProgressWriter


def _train(work: Work) -> RecordDict:
    todo, config, samples, net = work.todo, work.config, work.samples, work.todo.net(0)
    weights.put(net, work.arrays)
    before = todo.metric(net, samples.held_back)
    hold_near(net, float(config.get("proximal-mu", 0.0)))  # type: ignore[arg-type]
    work.writer.begin(progress.TRAIN, int(config["epochs"]) * todo.steps(samples.train))  # type: ignore[arg-type]
    work.writer.count(net)
    spent = _fit(todo, net, samples.train, config, work.context)
    if config.get("server-round") == 1 and not spent and not config.get("proximal-mu"):
        alone.keep(work.context.state, weights.of(net), config)
    numbers = {"num-examples": len(samples.train), "loss-before": before, "loss-after": todo.metric(net, samples.held_back), **spent}
    record = ArrayRecord({name: Array(value) for name, value in weights.of(net).items()})
    return RecordDict({"arrays": record, "metrics": MetricRecord(numbers), "site": ConfigRecord({"version": fab.version()})})


def _fit(todo: task.Task, net: torch.nn.Module, samples: np.ndarray, config: ConfigRecord, context: Context) -> dict[str, float]:
    """Train in place; with local privacy, what of it was spent."""
    if context.run_config.get("privacy") == "local":
        from federated.learning import dpsgd

        return dpsgd.fit(todo, net, samples, dict(config), folder=_folder(context), run=str(context.run_id), plan=dict(context.run_config))
    todo.fit(net, samples, epochs=int(config["epochs"]), lr=float(config["lr"]), seed=int(config["seed"]))  # type: ignore[arg-type]
    return {}


def hold_near(net: torch.nn.Module, strength: float) -> None:
    """FedProx (Li et al. 2020): every gradient also pulls back to the weights that were sent, whatever the task's own loss is."""
    if strength <= 0:
        return
    for parameter in net.parameters():
        sent = parameter.detach().clone()
        parameter.register_hook(lambda gradient, parameter=parameter, sent=sent: gradient + strength * (parameter.detach() - sent))


def _evaluate(work: Work, *, start: Arrays | None) -> RecordDict:
    todo, config, samples, net = work.todo, work.config, work.samples, work.todo.net(0)
    work.writer.begin(progress.MEASURE)
    weights.put(net, work.arrays)
    numbers = {"num-examples": len(samples.held_back), "loss": todo.metric(net, samples.held_back)}
    numbers |= personal.answer(todo, work.arrays, samples, config, _folder(work.context), writer=work.writer)
    if start:
        numbers |= alone.answer(todo, start, samples, config, alone.kept(work.context.state, config), writer=work.writer)
    snapshot.forget(_folder(work.context))
    return RecordDict({"metrics": MetricRecord(numbers)})


def _arrays(message: Message, name: str) -> Arrays:
    return {key: value.numpy() for key, value in message.content.array_records[name].items()}


def _answer(message: Message, context: Context, work: Callable[[Work], RecordDict]) -> Message:
    try:
        todo, folder, config = task.load(str(context.run_config["task"])), _folder(context), message.content.config_records["config"]
        terms.check(folder, dict(context.run_config))
        with progress.reported(folder, todo, str(context.run_id)) as writer:
            frozen = snapshot.take(folder, todo, str(context.run_id), anew=config.get("server-round") == 1)
            return Message(work(Work(todo, _arrays(message, "arrays"), todo.samples(frozen), config, context, writer)), reply_to=message)
    except (task.TaskError, weights.WeightsMismatch) as error:
        raise SiteFailed(str(error)) from error
    except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong may quote local paths or data, so only its kind leaves the node
        traceback.print_exc()
        raise SiteFailed(f"{type(error).__name__} while working; the node's log has the details") from None


def _folder(context: Context) -> Path:
    return Path(str(context.node_config["folder"]))
