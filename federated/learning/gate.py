"""The gate behind every run: "completed" is no proof that a model was trained. A candidate must pass all of this or there is no candidate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from federated.learning.weights import Arrays, norm

WORSE, NOISE = 0.02, 0.005  # a node says "worse" when its loss (it may be negative) grew by more than 2 % of its size, and by more than this
SMALLEST_CHANGE = 1e-6  # of the weights' own length
ONNX_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """What a run has made. `before` and `after` map a node id to the loss on its held-back data with the starting and the final weights, `own` to that with
    the weights of its own that it made of the final ones and would run in their place."""

    start: Arrays
    final: Arrays
    before: dict[str, float]
    after: dict[str, float]
    quorum: int
    onnx_difference: float
    own: Mapping[str, float] = dataclasses.field(default_factory=dict)
    root: tuple[float, float] | None = None  # loss on the portal's root set with the starting and the final weights, where there is one


def judge(candidate: Candidate) -> list[str]:
    """The reasons against this candidate, as sentences; an empty list lets it through."""
    checks = (_finite, _changed, _voted, _not_worse, _not_worse_at_the_root, _same_in_onnx)
    return [reason for check in checks if (reason := check(candidate))]


def better_alone(together: Mapping[str, float], alone: Mapping[str, float]) -> list[str]:
    """The nodes that reach a smaller loss alone, by more than the gate's margin."""
    return [node for node, loss in alone.items() if node in together and together[node] > loss + max(WORSE * abs(loss), NOISE)]


def _finite(candidate: Candidate) -> str:
    bad = [name for name, value in candidate.final.items() if not np.all(np.isfinite(value))]
    return f"the weights are not finite ({bad[0]})" if bad else ""


def _changed(candidate: Candidate) -> str:
    length = norm(candidate.start, {name: np.zeros_like(value) for name, value in candidate.start.items()})
    moved = norm(candidate.final, candidate.start)
    return "" if not math.isfinite(moved) or moved > SMALLEST_CHANGE * max(length, 1e-12) else "the weights have not changed: nothing was trained"


def _voted(candidate: Candidate) -> str:
    votes = _votes(candidate)
    return "" if len(votes) >= candidate.quorum else f"only {len(votes)} of the {candidate.quorum} nodes needed have measured the result on their own data"


def _not_worse(candidate: Candidate) -> str:
    """What a node would run may be worse than before at fewer than one in three, the shared weights at fewer than half.

    The first so that one liar in four cannot stop everybody (with three nodes or fewer every voice counts), the second because cameras that took no part have
    no weights of their own and run the shared ones.
    """
    votes = _votes(candidate)
    worse = [node for node, (before, after) in votes.items() if _worse(before, after)]
    harmed = [node for node in worse if _worse(votes[node][0], candidate.own.get(node, math.inf))]
    if len(harmed) > max(0, (len(votes) - 1) // 3):
        worse = harmed
    elif 2 * len(worse) < max(1, len(votes)):
        return ""
    return f"worse than before on the held-back data of {len(worse)} of {len(votes)} nodes: {', '.join(worse)}"


def _not_worse_at_the_root(candidate: Candidate) -> str:
    """No node can outvote this one, and no node can lie for it."""
    if candidate.root is None or not _worse(*candidate.root):
        return ""
    return "worse than before on the portal's own root set: loss {:.4g}, now {:.4g}".format(*candidate.root)


def _worse(before: float, after: float) -> bool:
    return not after <= before + max(WORSE * abs(before), NOISE)


def _same_in_onnx(candidate: Candidate) -> str:
    difference = candidate.onnx_difference
    return "" if difference <= ONNX_TOLERANCE else f"the ONNX file differs from the trained net by {difference:.2g} (at most {ONNX_TOLERANCE:g})"


def _votes(candidate: Candidate) -> dict[str, tuple[float, float]]:
    both = {node: (candidate.before[node], candidate.after[node]) for node in candidate.after if node in candidate.before}
    return {node: pair for node, pair in both.items() if all(map(math.isfinite, pair))}
