"""A deterministic discrete-event simulator: the agents' own protocol code, with made-up clocks and wires."""

from __future__ import annotations

import dataclasses
import heapq
from typing import Any

import numpy as np

from site_agents.neighbours import protocol, scenario, site
from site_agents.neighbours.messages import HEADER, decode, encode
from site_agents.neighbours.node import Action, Decided, Lost, PeerNode, Send, Settings, Sight, Wake
from site_agents.neighbours.people import Population
from site_agents.neighbours.report import SimulationRun, report
from site_agents.neighbours.scenario import Scenario, SimulatedVisit

GRACE_S = 4.0  # what is still on its way at the end may arrive


@dataclasses.dataclass(slots=True)
class World:
    """The nodes, what is to happen, and what has been counted."""

    scenario: Scenario
    nodes: dict[str, PeerNode]
    rng: np.random.Generator
    dies: float
    run: SimulationRun
    gone: set[str]
    events: list[tuple[float, int, str, Any]] = dataclasses.field(default_factory=list)
    number: int = 0


def simulate(wanted: Scenario, crowd: Population) -> dict[str, Any]:
    """The figures of the protocol beside those of the server alone, on the same walks."""
    seen, (key, public) = scenario.visits(wanted, crowd), site.new_key()
    document, settings = site.issue(crowd, key), site.settings_of(wanted, crowd.threshold, public)
    ours = play(wanted, settings, document, seen)
    rival = play(wanted, site.alone(settings), document, seen, spared=site.SERVER)
    return report(wanted, crowd, ours, rival)


def play(wanted: Scenario, settings: dict[str, Settings], document: dict[str, Any], seen: list[SimulatedVisit], spared: str = "") -> SimulationRun:
    """Let all visits happen and everything that follows from them; `spared` lives although the scenario lets it die. Dead cameras see nobody."""
    gone, dies = scenario.dead(wanted), seen[len(seen) // 4].t
    run = SimulationRun({visit.key: visit for visit in seen if not gone or (visit.t > dies and visit.camera not in gone)}, since=dies if gone else 0.0)
    world = World(wanted, site.settle(settings, document), np.random.default_rng([wanted.seed, 5]), dies, run, gone - {spared})
    for name, node in world.nodes.items():
        _carry_out(world, name, protocol.start(node, 0.0), 0.0)
    for visit in seen:
        _put(world, visit.t, visit.camera, Sight(visit.key, visit.probe))
        _put(world, visit.until, visit.camera, Lost(visit.key))
    end = max(visit.until for visit in seen) + GRACE_S
    while world.events and world.events[0][0] <= end:
        t, _, name, event = heapq.heappop(world.events)
        if name in world.gone and t > world.dies:
            continue
        if isinstance(event, bytes):
            event = decode(event)
            run.received(name, event.kind, t)
        _carry_out(world, name, protocol.handle(world.nodes[name], event, t), t)
    run.refused = sum(node.refused for node in world.nodes.values())
    return run


def _carry_out(world: World, name: str, actions: list[Action], t: float) -> None:
    for action in actions:
        if isinstance(action, Send):
            content = encode(action.message)
            world.run.sent(action.message.kind, len(content) + HEADER, t)
            mean = world.scenario.server_link_s if site.SERVER in (name, action.to) else world.scenario.link_s
            _put(world, t + mean * float(world.rng.uniform(0.8, 1.6)), action.to, content)
        elif isinstance(action, Wake):
            _put(world, action.at, name, action)
        elif isinstance(action, Decided):
            world.run.decided[action.key] = action


def _put(world: World, t: float, name: str, event: Any) -> None:
    world.number += 1
    heapq.heappush(world.events, (t, world.number, name, event))
