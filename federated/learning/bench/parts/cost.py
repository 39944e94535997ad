"""What many nodes cost: bytes, seconds and requests of one round, from what one node was measured to need. A model, no measurement; every term is named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

PULL_S = 3.0  # a SuperNode asks for work so often (Flower), and an agent sends its heartbeat so often
NODE_BEAT_S = 30.0  # a SuperNode tells the SuperLink that it is alive (Flower)
WIRE = 1.03  # bytes over TLS for one byte of weights, as the SuperLink counted them (docs/federation.md)
LINKS_MBIT = (0.5, 1.0, 5.0, 20.0)  # of a node
PORTAL_MBIT = (100.0, 1000.0)


@dataclasses.dataclass(frozen=True, slots=True)
class NodeCost:
    """Of one node and one round: bytes each way, processor seconds of training; and of the portal: processor seconds to check and add up one reply."""

    bytes_down: float
    bytes_up: float
    train_s: float
    combine_s: float


def table(cost: NodeCost, nodes: int, share: float) -> dict[str, Any]:
    """Bytes of a round at the SuperLink, requests a second, and the seconds of a round for each pair of links."""
    asked = max(1, math.ceil(round(share * nodes, 9)))
    rows = [{"site_mbit": site, "portal_mbit": portal, **seconds(cost, asked, site, portal)} for portal in PORTAL_MBIT for site in LINKS_MBIT]
    requests = {"pulls_per_s": nodes / PULL_S, "node_beats_per_s": nodes / NODE_BEAT_S, "heartbeats_per_s": nodes / PULL_S}
    moved = {"bytes_down": round(asked * cost.bytes_down * WIRE), "bytes_up": round(asked * cost.bytes_up * WIRE)}
    return {"nodes": nodes, "asked_a_round": asked, **moved, **{name: round(value, 1) for name, value in requests.items()}, "round_seconds": rows}


def seconds(cost: NodeCost, asked: int, site_mbit: float, portal_mbit: float) -> dict[str, float]:
    """All nodes begin together and share the portal's link; who asks last for work has waited a whole interval."""
    down = max(_wire_s(cost.bytes_down, site_mbit), _wire_s(asked * cost.bytes_down, portal_mbit))
    up = max(_wire_s(cost.bytes_up, site_mbit), _wire_s(asked * cost.bytes_up, portal_mbit))
    parts = {"wait": PULL_S, "down": down, "train": cost.train_s, "up": up, "combine": asked * cost.combine_s}
    return {**_rounded(parts.items()), "seconds": round(sum(parts.values()), 2)}


def _wire_s(content: float, mbit: float) -> float:
    return content * WIRE * 8 / (mbit * 1e6)


def _rounded(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in parts}
