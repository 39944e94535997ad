"""Partial participation: which of the nodes that are there take part in a round."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence


def sampled(nodes: Sequence[int], share: float, least: int, seed: int, number: int) -> list[int]:
    """This share of the nodes, the same for the same seed, round and nodes; never fewer than `least` (the quorum), if they are there."""
    count = min(len(nodes), max(least, math.ceil(round(share * len(nodes), 9))))
    if count == len(nodes):
        return list(nodes)
    return sorted(random.Random(f"{seed}:{number}").sample(sorted(nodes), count))
