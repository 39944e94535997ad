"""What a bad site may answer: functions from its honest reply to what it sends instead."""

from __future__ import annotations

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict


def _with(change):
    def tamper(reply: Message) -> Message:
        if not reply.has_error() and "arrays" in reply.content.array_records:
            arrays = {name: value.numpy() for name, value in reply.content.array_records["arrays"].items()}
            reply.content["arrays"] = ArrayRecord({name: Array(np.asarray(value)) for name, value in change(arrays).items()})
        return reply

    return tamper


def metric_lie(name, value):
    def tamper(reply: Message) -> Message:
        if not reply.has_error():
            reply.content["metrics"] = MetricRecord({**reply.content.metric_records["metrics"], name: value})
        return reply

    return tamper


def empty(reply: Message) -> Message:
    reply.content = RecordDict()
    return reply


def two_records(reply: Message) -> Message:
    reply.content["more"] = ArrayRecord()
    return reply


def config_only(reply: Message) -> Message:
    reply.content = RecordDict({"config": ConfigRecord({"hello": "world"})})
    return reply


nan = _with(lambda arrays: {name: np.full_like(value, np.nan) for name, value in arrays.items()})
infinite = _with(lambda arrays: {name: np.full_like(value, np.inf) for name, value in arrays.items()})
hundredfold = _with(lambda arrays: {name: value * 100 + 100 for name, value in arrays.items()})
wrong_shape = _with(lambda arrays: {name: np.zeros((7, 7), value.dtype) for name, value in arrays.items()})
wrong_type = _with(lambda arrays: {name: value.astype(np.float64) for name, value in arrays.items()})
renamed = _with(lambda arrays: {f"x{name}": value for name, value in arrays.items()})
missing = _with(lambda arrays: dict(list(arrays.items())[:1]))
reordered = _with(lambda arrays: dict(reversed(arrays.items())))
no_weights = _with(lambda arrays: {})
flipped = _with(lambda arrays: {name: -value for name, value in arrays.items()})
huge_claim = metric_lie("num-examples", 10**9)
negative_claim = metric_lie("num-examples", -5)
zero_claim = metric_lie("num-examples", 0)
nan_loss = metric_lie("loss-after", float("nan"))
list_metric = metric_lie("loss-after", [1.0, 2.0])

WEIGHTS = (nan, infinite, wrong_shape, wrong_type, renamed, missing, reordered, no_weights)
NUMBERS = {"huge_claim": huge_claim, "negative_claim": negative_claim, "zero_claim": zero_claim, "nan_loss": nan_loss, "list_metric": list_metric}
NAMES = ("nan", "infinite", "wrong_shape", "wrong_type", "renamed", "missing", "reordered", "no_weights")
GARBAGE = dict(zip(NAMES, WEIGHTS, strict=True)) | NUMBERS | {"empty": empty, "two_records": two_records, "config_only": config_only}
