"""The guard before every aggregation: a node that sends poison, garbage or nothing is left out by name, with the reason; the others go on.

Flower's strategies trust every reply: one NaN ruins the model, one reply of the wrong shape ends the run. `Guard` is a mixin over their public hooks.
It bounds what one node can do (finite, same shape, limited length, limited weight). It does not detect a node that lies within these bounds:
that is what the trimmed mean and the median are for.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Bulyan, FedAdam, FedAvg, FedMedian, FedProx, FedTrimmedAvg, MultiKrum

from federated.learning import fltrust, plan, weights
from federated.learning.weights import Arrays

OUTLIER = 10.0  # times the median length of this round's updates: no honest node is so far off
CLIP = 3.0  # times the median: longer updates are shortened to it
NUMBERS = ("loss-before", "loss-after")  # what a node must tell besides its number of samples
SPENT = ("epsilon", "sigma")  # what it may tell: of the privacy of its own samples
PROXIMAL = 0.01  # of FedProx: weight of the squared distance to the common weights
SERVER_STEP = 0.003  # of FedAdam: the largest step of one weight in one round
# Cosine with the root update: a node below it is left out. Honest nodes are far from it: of UCSD Ped2 dealt to 4 and 6 nodes the lowest in 30 replies was
# 0.53 (120 frames a node: 0.71), and of three cameras that see different places, one of them flying, 0.53, or 0.34 where the root set knows one of the three.
AGAINST = -0.05
TRIM = 5  # the trimmed mean leaves out a fifth on both sides, at least one


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one node may do in one round, and how many nodes must be left for the round to count."""

    max_update_norm: float
    min_accepted: int
    max_examples: int = 100_000


@dataclasses.dataclass(slots=True)
class Reply:
    """A node's reply after inspection. `reason` tells why it was left out, or that it was shortened."""

    node: int
    accepted: bool
    reason: str = ""
    norm: float | None = None
    cosine: float | None = None  # with the root update, where the portal has a root set
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    bytes_up: int = 0
    spent: dict[str, float] = dataclasses.field(default_factory=dict)


class Guard:
    """Mixin, first in the order of resolution: `class GuardedFedAvg(Guard, FedAvg)`. After a round `replies` tells what became of each.

    `root` is what the portal's own training on its root set made of the round's weights, `measure` the loss on what is held back of it; set both
    before the replies are aggregated.
    """

    root: Arrays | None = None
    measure: Callable[[Arrays], float] | None = None
    least_cosine = AGAINST  # with the root's update: a node below it is left out

    def __init__(self, limits: Limits, **options: Any):
        super().__init__(**options)
        self.limits, self.replies, self.start = limits, list[Reply](), Arrays()
        self._before: dict[int, set[str]] = {}  # node -> digests of what it sent in earlier rounds

    def configure_train(self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid) -> Iterable[Message]:
        """Remember what the nodes start from."""
        self.start = {name: value.numpy() for name, value in arrays.items()}
        return super().configure_train(server_round, arrays, config, grid)  # type: ignore[misc]

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Aggregate the replies that pass; (None, None) when fewer than the quorum do."""
        messages = list(replies)
        self.replies = [self._inspect(message) for message in messages]
        self._reject_repeated()
        self._compare_with_root(messages)
        self._bound_lengths(messages)
        good = [message for message, reply in zip(messages, self.replies, strict=True) if reply.accepted]
        if len(good) < self.limits.min_accepted:
            return None, None
        self.prepare(len(good))
        arrays, metrics = super().aggregate_train(server_round, good)  # type: ignore[misc]
        return self._as_started(arrays), metrics

    def _inspect(self, message: Message) -> Reply:
        reply = Reply(message.metadata.src_node_id, accepted=False)
        if message.has_error():
            reply.reason = _plain(message.error.reason)
            return reply
        try:
            record, metrics = _only_records(message)
            arrays = {name: value.numpy() for name, value in record.items()}
            reply.bytes_up = weights.size(arrays)
            weights.check(arrays, self.start)
            reply.metrics = _checked_metrics(metrics, self.weighted_by_key, self.limits.max_examples)  # type: ignore[attr-defined]
            reply.spent = {name: float(value) for name in SPENT if isinstance(value := metrics.get(name), int | float) and math.isfinite(value)}
            if unsound := [name for name, value in arrays.items() if not np.all(np.isfinite(value))]:
                raise ValueError(f"{unsound[0]} is not finite")
            reply.norm = weights.norm(arrays, self.start)
            self._check_fresh(reply.node, arrays)
            # Flower refuses to aggregate replies that differ in any name: hand on exactly what is known, whatever else a node has put in.
            message.content = RecordDict({"arrays": record, "metrics": MetricRecord(reply.metrics)})  # type: ignore[arg-type]
            reply.accepted = True
        except (ValueError, TypeError, KeyError, weights.WeightsMismatch) as error:
            reply.reason = str(error)
        return reply

    def _check_fresh(self, node: int, arrays: Arrays) -> None:
        """A reply of an earlier round again is no training. Raises ValueError."""
        name = weights.digest(arrays)
        if name in self._before.setdefault(node, set()):
            raise ValueError("it sent a reply of an earlier round again")
        self._before[node].add(name)

    def _reject_repeated(self) -> None:
        seen = set[int]()
        for reply in self.replies:
            if reply.accepted and reply.node in seen:
                reply.accepted, reply.reason = False, "a second reply in the same round"
            seen.add(reply.node)

    def _compare_with_root(self, messages: list[Message]) -> None:
        if self.root is None:
            return
        own = fltrust.flat(self.root, self.start)
        for message, reply in zip(messages, self.replies, strict=True):
            if reply.accepted:
                reply.cosine = fltrust.cosine(fltrust.flat(_arrays_of(message), self.start), own)
                if reply.cosine <= self.least_cosine:
                    reply.accepted, reply.reason = False, f"its update points away from the root set's (cosine {reply.cosine:.3f})"

    def _bound_lengths(self, messages: list[Message]) -> None:
        lengths = sorted(reply.norm for reply in self.replies if reply.accepted and reply.norm is not None)
        if not lengths:
            return
        middle = lengths[(len(lengths) - 1) // 2]
        for message, reply in zip(messages, self.replies, strict=True):
            if not reply.accepted or reply.norm is None:
                continue
            if middle and len(lengths) >= 3 and reply.norm > OUTLIER * middle:
                reply.accepted, reply.reason = False, f"its update is {reply.norm / middle:.0f} times as long as the others'"
            elif reply.norm > (limit := min(self.limits.max_update_norm, CLIP * middle or math.inf)):
                self._shorten(message, limit / reply.norm)
                reply.reason = f"update shortened from {reply.norm:.3g} to {limit:.3g}"

    def _shorten(self, message: Message, share: float) -> None:
        key, record = next(iter(message.content.array_records.items()))
        shorter = {name: self.start[name] + (value.numpy().astype(np.float64) - self.start[name]) * share for name, value in record.items()}
        message.content[key] = ArrayRecord({name: Array(np.asarray(value, self.start[name].dtype)) for name, value in shorter.items()})

    def prepare(self, accepted: int) -> None:
        """A hook for strategies whose settings depend on the number of replies."""

    def _as_started(self, arrays: ArrayRecord | None) -> ArrayRecord | None:
        """Means of integers come back as floats: give every array the type it had."""
        return arrays and ArrayRecord({name: Array(np.asarray(value.numpy(), self.start[name].dtype)) for name, value in arrays.items()})


class GuardedFedAvg(Guard, FedAvg):
    """Mean weighted by the number of samples."""


class GuardedMedian(Guard, FedMedian):
    """The middle value of each weight."""


class GuardedTrimmedMean(Guard, FedTrimmedAvg):
    """Mean of each weight without its largest and smallest values."""

    def prepare(self, accepted: int) -> None:
        # Flower cuts int(beta * n) values and rounds down: with its default beta nothing at all for n < 5.
        self.beta = (max(1, accepted // TRIM) + 0.25) / accepted


class GuardedKrum(Guard, MultiKrum):
    """The mean of the updates nearest to each other."""

    def prepare(self, accepted: int) -> None:
        self.num_malicious_nodes = plan.liars(accepted, "krum")
        self.num_nodes_to_select = max(1, accepted - self.num_malicious_nodes)


class GuardedBulyan(Guard, Bulyan):
    """Krum chooses, the middle is averaged."""

    def prepare(self, accepted: int) -> None:
        self.num_malicious_nodes = plan.liars(accepted, "bulyan")


class GuardedFedProx(Guard, FedProx):
    """The weighted mean; the nodes are told how strongly they are held (`proximal-mu`, Li et al. 2020)."""

    def __init__(self, limits: Limits, **options: Any):
        super().__init__(limits, proximal_mu=PROXIMAL, **options)


class GuardedFedAdam(Guard, FedAdam):
    """Adam over the mean update (Reddi et al. 2021)."""

    def __init__(self, limits: Limits, **options: Any):
        super().__init__(limits, eta=SERVER_STEP, **options)


class GuardedFLTrust(Guard, fltrust.FLTrust):
    """The mean by trust: without trust (cosine 0 or below) there is no place in it, and the node is left out by name.

    So is a node without which the mean does clearly better on the root set: who teaches that the unusual is ordinary points nearly as the honest do. What
    its weights do by themselves says nothing: an honest camera elsewhere is worse there by itself and better together. Never below the quorum.
    """

    least_cosine = 0.0

    def _bound_lengths(self, messages: list[Message]) -> None:
        super()._bound_lengths(messages)
        if self.root is None or self.measure is None:
            return
        good = [(message, reply) for message, reply in zip(messages, self.replies, strict=True) if reply.accepted]
        trial = fltrust.Trial(self.start, self.root, self.measure)
        for at, with_it, without in trial.harmful([_arrays_of(message) for message, _ in good], self.limits.min_accepted):
            reply = good[at][1]
            reply.accepted = False
            reply.reason = f"without it the result does better on the root set (loss {with_it:.3g} with it, {without:.3g} without; cosine {reply.cosine:.3f})"


STRATEGIES: dict[str, type[Guard]] = {
    "fedavg": GuardedFedAvg,
    "trimmed-mean": GuardedTrimmedMean,
    "median": GuardedMedian,
    "krum": GuardedKrum,
    "bulyan": GuardedBulyan,
    "fedprox": GuardedFedProx,
    "fedadam": GuardedFedAdam,
    "fltrust": GuardedFLTrust,
}


def build(name: str, limits: Limits, sites: int) -> Guard:
    """The guarded strategy of this name. Raises PlanError when it cannot work with so many nodes."""
    plan.check_strategy(name, min(sites, limits.min_accepted))
    return STRATEGIES[name](limits, min_train_nodes=1, min_available_nodes=1, min_evaluate_nodes=1)


def _arrays_of(message: Message) -> Arrays:
    return {name: value.numpy() for name, value in next(iter(message.content.array_records.values())).items()}


def _plain(reason: str) -> str:
    """Flower wraps what a node said: "<class 'federated.learning.client_app.SiteFailed'>:<'what it said'>"."""
    wrapped = re.fullmatch(r"<class '[\w.]+'>:<'(.*)'>", reason, re.DOTALL)
    return wrapped[1] if wrapped else reason


def _only_records(message: Message) -> tuple[ArrayRecord, MetricRecord]:
    content = message.content
    if len(content.array_records) != 1 or len(content.metric_records) != 1:
        raise ValueError(f"{len(content.array_records)} sets of weights and {len(content.metric_records)} of metrics instead of one each")
    return next(iter(content.array_records.values())), next(iter(content.metric_records.values()))


def _checked_metrics(metrics: MetricRecord, weight: str, most: int) -> dict[str, float]:
    values: dict[str, Any] = dict(metrics)
    for name in (weight, *NUMBERS):
        value = values.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"its {name} is not a finite number")
    if not 0 < values.get(weight, 0) <= most:
        raise ValueError(f"it claims {values.get(weight)} samples; between 1 and {most} are believed")
    return {name: values[name] for name in (weight, *NUMBERS)}  # type: ignore[misc]
