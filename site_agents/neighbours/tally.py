"""What one camera counts of the protocol: who answered whom, what was learned of the ways, what it cost. Numbers only, no people."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from federated.contract.heartbeat import DecisionLatency, NeighboursStatus, WayLearned
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

    def report(self, node: PeerNode | None) -> NeighboursStatus:
        """For the heartbeat: counts by name, learned transit times in seconds, and added time in seconds at the half and at 95 %."""
        seconds = np.array(list(self._seconds) or [0.0])
        arrivals = list(node.transit.arrivals.items()) if node else []
        return NeighboursStatus(
            decided=dict(self.where),
            asked=dict(self.asked),
            answered=dict(self.answered),
            helped=dict(self.helped),
            latency=DecisionLatency(p50_s=round(float(np.percentile(seconds, 50)), 4), p95_s=round(float(np.percentile(seconds, 95)), 4)),
            messages=self.messages,
            bytes=self.bytes,
            ways={name: WayLearned(n=way.n, mean_s=round(way.mean, 2), spread_s=round(way.spread, 2)) for name, way in arrivals},
            departures=dict(node.transit.departures) if node else {},
            hot=len(node.hot) if node else 0,
            refused=node.refused if node else 0,
        )
