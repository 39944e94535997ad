"""What one camera counts of the protocol: who answered whom, what was learned of the ways, what it cost. Numbers only, no people."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import numpy as np

from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.node import PeerNode, Send

LATEST = 500  # decisions that the latency is taken from


class PeerTally:
    """Counts since the agent began; read by the heart's thread, written by the protocol's."""

    def __init__(self) -> None:
        self.where: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.helped: Counter[str] = Counter()
        self.messages = self.bytes = 0
        self._seconds: deque[float] = deque(maxlen=LATEST)

    def decided(self, where: str, seconds: float) -> None:
        """A face was decided: here, by a neighbour, by the server, or by nobody in time."""
        self.where[where] += 1
        self._seconds.append(seconds)

    def sent(self, action: Send, size: int) -> None:
        """A message went out; `size` in bytes on the wire between cameras."""
        self.messages, self.bytes = self.messages + 1, self.bytes + size
        if action.message.kind == "QUERY":
            self.asked[action.to] += 1
        elif action.message.kind == "ANSWER" and action.message.body["verdict"] in ("person", "unknown"):
            self.helped[action.to] += 1

    def received(self, message: PeerMessage) -> None:
        """A message came in."""
        if message.kind == "ANSWER" and message.body["verdict"] in ("person", "unknown"):
            self.answered[message.src] += 1

    def report(self, node: PeerNode | None) -> dict[str, Any]:
        """For the heartbeat: counts by name, learned transit times in seconds, and added time in seconds at the half and at 95 %."""
        seconds = np.array(list(self._seconds) or [0.0])
        latency = {"p50_s": round(float(np.percentile(seconds, 50)), 4), "p95_s": round(float(np.percentile(seconds, 95)), 4)}
        counts = {"decided": self.where, "asked": self.asked, "answered": self.answered, "helped": self.helped}
        counted = {name: dict(count) for name, count in counts.items()} | {"latency": latency, "messages": self.messages, "bytes": self.bytes}
        if node is None:
            return counted
        ways = {name: {"n": way.n, "mean_s": round(way.mean, 2), "spread_s": round(way.spread, 2)} for name, way in list(node.transit.arrivals.items())}
        return {**counted, "ways": ways, "departures": dict(node.transit.departures), "hot": len(node.hot), "refused": node.refused}
