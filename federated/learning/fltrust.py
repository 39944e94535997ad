"""FLTrust (Cao et al., NDSS 2021): what a node's update is worth is how far it points where the portal's own root set points.

The portal trains on a small set of its own, from the same weights and in as many passes. An update against that direction counts nothing, however many
nodes send it; none counts for more by being longer, or by claiming more samples. What the direction does not show (a node that teaches that the
unusual is ordinary points nearly as the others do) the guard sees by what the mean does on what the root set holds back, with the node and without it.

One thing differs from the paper, which makes every update as long as the portal's: here long ones are cut and short ones stay. Nodes have less footage
than the portal or more, hence fewer steps in a pass; lengthened to the portal's many steps, three honest nodes of the demo overshot together (loss 1.9
before, 9.0 after). The limit is the portal's length or the nodes' median, whichever is shorter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord
from flwr.serverapp.strategy import FedAvg

from federated.learning.weights import Arrays

CLEARLY = 0.1  # a node is harmful when leaving it out gains more than this share of what the portal's own training gains in the round


def flat(arrays: Arrays, start: Arrays) -> np.ndarray:
    """The update as one vector of float64."""
    return np.concatenate([(arrays[name].astype(np.float64) - value).ravel() for name, value in start.items()])


def cosine(update: np.ndarray, root: np.ndarray) -> float:
    """Of the angle between two updates; 0 when one of them is no update at all."""
    lengths = float(np.linalg.norm(update) * np.linalg.norm(root))
    return float(update @ root) / lengths if lengths > 0 else 0.0


def combine(updates: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(nodes, weights) and (weights,) -> each node's trust, and the mean by trust of the updates, none longer than the root's or the median."""
    trust = np.maximum([cosine(update, root) for update in updates], 0.0)
    if not trust.sum() > 0:
        return trust, np.zeros_like(root)
    lengths = np.linalg.norm(updates, axis=1)
    longest = min(float(np.linalg.norm(root)), float(np.median(lengths[trust > 0])))
    scale = np.minimum(1.0, np.divide(longest, lengths, out=np.ones_like(lengths), where=lengths > 0))
    return trust, (trust * scale) @ updates / trust.sum()


class Trial:
    """What the mean of some nodes does on the root set. `root`: what the portal's own training made of `start`; `loss`: on what the root set holds back."""

    def __init__(self, start: Arrays, root: Arrays, loss: Callable[[Arrays], float]) -> None:
        self.start, self.root, self.own, self._loss = start, root, flat(root, start), loss

    def loss(self, arrays: Arrays) -> float:
        """Infinite when it is no number."""
        value = self._loss(arrays)
        return value if math.isfinite(value) else math.inf

    def of(self, updates: Iterable[np.ndarray]) -> float:
        """The loss with the mean by trust of these updates."""
        _, step = combine(np.stack(list(updates)), self.own)
        return self.loss(_stepped(self.start, step))

    def harmful(self, nodes: Sequence[Arrays], quorum: int) -> Iterator[tuple[int, float, float]]:
        """(place, loss with it, loss without it) of each that is better left out, the worst by itself first, as long as more than the quorum are left."""
        left: Mapping[int, np.ndarray] = {at: flat(arrays, self.start) for at, arrays in enumerate(nodes)}
        least = max(1, quorum)
        if len(left) <= least:  # each measurement costs the portal a third of a second
            return
        enough, now = CLEARLY * max(0.0, self.loss(self.start) - self.loss(self.root)), self.of(left.values())
        for at in sorted(left, key=lambda at: self.loss(nodes[at]), reverse=True):
            if len(left) <= least:
                return
            others = {other: update for other, update in left.items() if other != at}
            without = self.of(others.values())
            if now - without > enough:
                yield at, now, without
                left, now = others, without


class FLTrust(FedAvg):
    """Flower's shape around `combine`. `start` is what everybody began from, `root` what the portal's own training made of it."""

    start: Arrays
    root: Arrays | None = None

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The new weights and the mean of the nodes' numbers; (None, None) when nobody is trusted."""
        messages = list(replies)
        if self.root is None:
            raise ValueError("fltrust has no root set to measure the nodes against")
        records = [next(iter(message.content.array_records.values())) for message in messages]
        updates = np.stack([flat({name: value.numpy() for name, value in record.items()}, self.start) for record in records])
        trust, step = combine(updates, flat(self.root, self.start))
        if not trust.sum() > 0:
            return None, None
        _, metrics = super().aggregate_train(server_round, messages)
        return ArrayRecord({name: Array(value) for name, value in _stepped(self.start, step).items()}), metrics


def _stepped(start: Arrays, step: np.ndarray) -> Arrays:
    found, at = Arrays(), 0
    for name, value in start.items():
        found[name] = np.asarray(value + step[at : at + value.size].reshape(value.shape), value.dtype)
        at += value.size
    return found
