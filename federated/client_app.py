"""A site's end of a run: trains on what lies in the agent's folder and answers with weights and four numbers, nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from federated import fab, task, weights
from federated.weights import Arrays

app = ClientApp()


class SiteFailed(Exception):
    """Why this site could not do its part, in words that give away nothing about its data; the traceback stays in the site's own log."""


@app.train()
def train(message: Message, context: Context) -> Message:
    """Fit the weights on all but the latest fifth of the local samples; measure on that fifth before and after."""
    return _answer(message, context, _train)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Measure the weights on the latest fifth of the local samples."""
    return _answer(message, context, _evaluate)


def _train(todo: task.Task, arrays: Arrays, samples: task.Split, config: ConfigRecord) -> RecordDict:
    net = todo.net(0)
    weights.put(net, arrays)
    before = todo.metric(net, samples.held_back)
    todo.fit(net, samples.train, epochs=int(config["epochs"]), lr=float(config["lr"]), seed=int(config["seed"]))  # type: ignore[arg-type]
    numbers = {"num-examples": len(samples.train), "loss-before": before, "loss-after": todo.metric(net, samples.held_back)}
    record = ArrayRecord({name: Array(value) for name, value in weights.of(net).items()})
    return RecordDict({"arrays": record, "metrics": MetricRecord(numbers), "site": ConfigRecord({"version": fab.version()})})


def _evaluate(todo: task.Task, arrays: Arrays, samples: task.Split, config: ConfigRecord) -> RecordDict:
    net = todo.net(0)
    weights.put(net, arrays)
    numbers = {"num-examples": len(samples.held_back), "loss": todo.metric(net, samples.held_back)}
    return RecordDict({"metrics": MetricRecord(numbers)})


def _answer(message: Message, context: Context, work: Callable[..., RecordDict]) -> Message:
    try:
        todo = task.load(str(context.run_config["task"]))
        samples = todo.samples(Path(str(context.node_config["folder"])))
        arrays = {name: value.numpy() for name, value in message.content.array_records["arrays"].items()}
        return Message(work(todo, arrays, samples, message.content.config_records["config"]), reply_to=message)
    except (task.TaskError, weights.WeightsMismatch) as error:
        raise SiteFailed(str(error)) from error
    except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong may quote local paths or data, so only its kind leaves the site
        traceback.print_exc()
        raise SiteFailed(f"{type(error).__name__} while working; the site's log has the details") from None
