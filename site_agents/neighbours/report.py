"""The figures of a run: how much the server was asked, who was recognised, how long it took, what was sent."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from detectors.metrics import interval
from site_agents.neighbours.node import Decided
from site_agents.neighbours.people import Population
from site_agents.neighbours.scenario import Scenario, SimulatedVisit

SERVER = "server"


@dataclasses.dataclass(slots=True)
class SimulationRun:
    """What was counted, from `since` on: the visits that count, decisions by visit, messages by kind, bytes, and the queries that a living server got."""

    visits: dict[str, SimulatedVisit]
    since: float = 0.0
    decided: dict[str, Decided] = dataclasses.field(default_factory=dict)
    messages: Counter[str] = dataclasses.field(default_factory=Counter)
    bytes: int = 0
    asked_server: int = 0
    refused: int = 0

    def sent(self, kind: str, size: int, t: float) -> None:
        """One message went out."""
        if t >= self.since:
            self.messages[kind] += 1
            self.bytes += size

    def received(self, name: str, kind: str, t: float) -> None:
        """One message came in."""
        self.asked_server += name == SERVER and kind == "QUERY" and t >= self.since


def report(scenario: Scenario, crowd: Population, ours: SimulationRun, rival: SimulationRun) -> dict[str, Any]:
    """The figures as JSON; every rate also with its 95 % interval, people drawn with replacement."""
    visits = list(ours.visits.values())
    waits = np.array([ours.decided[visit.key].seconds for visit in visits if visit.key in ours.decided])
    rates, rivals = _rates(ours, crowd), _rates(rival, crowd)
    where = Counter(ours.decided[visit.key].where if visit.key in ours.decided else "nobody" for visit in visits)
    return {
        "people": crowd.source,
        "enrolled": len(crowd.templates),
        "threshold": round(crowd.threshold, 4),
        "sightings": len(visits),
        "server_share": round(ours.asked_server / len(visits), 4),
        "decided": {name: round(where[name] / len(visits), 4) for name in ("local", "neighbour", "server", "nobody")},
        **{name: rates[name]["value"] for name in ("tpir", "fpir")},
        **{f"{name}_server": rivals[name]["value"] for name in ("tpir", "fpir")},
        "intervals": {**rates, **{f"{name}_server": each for name, each in rivals.items()}, "tpir_difference": _difference(ours, rival, crowd)},
        "latency_p50_s": _percentile(waits, 50),
        "latency_p95_s": _percentile(waits, 95),
        "latency_server_p50_s": _percentile(np.array([each.seconds for each in rival.decided.values()]), 50),
        "latency_server_p95_s": _percentile(np.array([each.seconds for each in rival.decided.values()]), 95),
        "messages_per_sighting": round(sum(ours.messages.values()) / len(visits), 3),
        "bytes_per_sighting": round(ours.bytes / len(visits), 1),
        "bytes_per_sighting_server": round(rival.bytes / len(visits), 1),
        "messages": dict(sorted(ours.messages.items())),
        "refused": ours.refused,
        "scenario": dataclasses.asdict(scenario),
    }


def name_given(run: SimulationRun, visit: SimulatedVisit) -> str | None:
    """The person that the run named for a visit; None for unknown and for no decision."""
    return run.decided[visit.key].person if visit.key in run.decided else None


def _rates(run: SimulationRun, crowd: Population) -> dict[str, dict[str, float | None]]:
    """TPIR: staff given their own name. FPIR: strangers given any."""
    staff = _by_person(run, crowd, True, lambda visit: name_given(run, visit) == visit.person)
    strangers = _by_person(run, crowd, False, lambda visit: name_given(run, visit) is not None)
    return {"tpir": interval(staff, _mean), "fpir": interval(strangers, _mean)}


def _difference(ours: SimulationRun, rival: SimulationRun, crowd: Population) -> dict[str, float | None]:
    """TPIR of the protocol minus that of the server alone, on the same faces."""
    return interval(_by_person(ours, crowd, True, lambda visit: (name_given(ours, visit) == visit.person) - (name_given(rival, visit) == visit.person)), _mean)


def _by_person(run: SimulationRun, crowd: Population, staff: bool, count: Callable[[SimulatedVisit], int]) -> list[tuple[int, int]]:
    found: dict[str, list[int]] = {}
    for visit in run.visits.values():
        if (visit.person in crowd.templates) == staff:
            found.setdefault(visit.person, []).append(count(visit))
    return [(sum(each), len(each)) for each in found.values()]


def _mean(people: list[tuple[int, int]]) -> float:
    return sum(hits for hits, _ in people) / max(1, sum(n for _, n in people))


def _percentile(waits: np.ndarray, share: float) -> float | None:
    return round(float(np.percentile(waits, share)), 4) if len(waits) else None
