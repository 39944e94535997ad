"""Central differential privacy: the portal cuts every accepted update to one length, takes their mean with equal weights and adds Gaussian noise.

What is protected is all that one camera (its node) has, against everybody who gets the model; the portal itself sees the updates. A node that gave
nothing counts as one that changed nothing, so that the mean always divides by the number of nodes asked, and nothing a node sends changes how others
are treated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, FedProx

from federated.learning.guard import PROXIMAL, Guard, Limits


@dataclasses.dataclass(frozen=True, slots=True)
class Noise:
    """`sigma` in units of `clip`, the longest update; `rng` None: from the operating system's entropy (a known seed could be taken out again)."""

    sigma: float
    clip: float
    rng: np.random.Generator | None = None


class Bounded(Guard):
    """The guard with one fixed bound: one relative to the others' lengths would let a node change how others are cut."""

    noise: Noise
    asked = 1

    def configure_train(self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid) -> Iterable[Message]:
        """Count whom the round goes to."""
        messages = list(super().configure_train(server_round, arrays, config, grid))
        self.asked = max(1, len(messages))
        return messages

    def _bound_lengths(self, messages: list[Message]) -> None:
        for message, reply in zip(messages, self.replies, strict=True):
            if reply.accepted and reply.norm is not None and reply.norm > self.noise.clip:
                self._shorten(message, self.noise.clip / reply.norm)
                reply.reason = f"update shortened from {reply.norm:.3g} to {self.noise.clip:.3g}"


class NoisyMean:
    """In place of a strategy's own mean. Only arrays of floats are learned; others stay as they were."""

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[ArrayRecord, MetricRecord]:
        """The start, plus the sum of the updates and noise, divided by the number of nodes asked."""
        records = [next(iter(message.content.array_records.values())) for message in replies]
        me: Any = self
        rng = me.noise.rng or np.random.default_rng()
        learned = {}
        for name, start in me.start.items():
            learned[name] = start
            if np.issubdtype(start.dtype, np.floating):
                total = sum(record[name].numpy().astype(np.float64) - start for record in records)
                learned[name] = start + (total + rng.normal(0.0, me.noise.sigma * me.noise.clip, start.shape)) / me.asked
        return ArrayRecord({name: Array(np.asarray(value)) for name, value in learned.items()}), MetricRecord()


class CentralFedAvg(Bounded, NoisyMean, FedAvg):
    """The mean, with noise."""


class CentralFedProx(Bounded, NoisyMean, FedProx):
    """The mean, with noise; each node is held near the common weights."""

    def __init__(self, limits: Limits, **options: Any):
        super().__init__(limits, proximal_mu=PROXIMAL, **options)


STRATEGIES: dict[str, type[Bounded]] = {"fedavg": CentralFedAvg, "fedprox": CentralFedProx}


def build(name: str, limits: Limits, noise: Noise) -> Bounded:
    """The strategy of this name with central privacy; the plan has been checked."""
    made = STRATEGIES[name](limits, min_train_nodes=1, min_available_nodes=1, min_evaluate_nodes=1)
    made.noise = noise
    return made
