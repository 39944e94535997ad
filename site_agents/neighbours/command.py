"""What `python -m site_agents simulate` does: find the scenario and the people, play it, and say the figures."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from site_agents.errors import ScenarioError
from site_agents.neighbours import people, processes, scenario, simulate
from site_agents.neighbours.scenario import Scenario

MOST_PROCESSES = 12
REAL_SIGHTINGS = 600  # of a run with real processes: about a minute


def figures(options: argparse.Namespace) -> dict[str, Any]:
    """Play the scenario of the command line. Raises ScenarioError when it makes no sense."""
    wanted = scenario_of(options)
    crowd = people.gather(cache=options.cache)
    return processes.run(wanted, crowd) if options.processes else simulate.simulate(wanted, crowd)


def scenario_of(options: argparse.Namespace) -> Scenario:
    """The file's scenario or the documented one of that size, with what the command line changes."""
    wanted = scenario.load(options.scenario) if options.scenario else scenario.sized(options.cameras)
    given = {"strong": options.strong, "strangers": options.strangers, "dead_cameras": options.dead_cameras, "dead_server": options.dead_server or None}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if options.processes:
        if wanted.cameras > MOST_PROCESSES:
            raise ScenarioError(f"real processes are for at most {MOST_PROCESSES} cameras, not {wanted.cameras}")
        changes |= {"hurry": max(wanted.hurry, processes.HURRY), "sightings": min(wanted.sightings, REAL_SIGHTINGS)}
    return scenario.check(dataclasses.replace(wanted, **changes))


def in_words(said: dict[str, Any]) -> str:
    """The figures for a person."""
    made_up = {"lfw": "faces of the evaluation data", "synthetic": "made-up embeddings, no real faces"}[said["people"]]
    lines = [
        f"{said['sightings']} sightings at {said['scenario']['cameras']} cameras, {said['enrolled']} people enrolled ({made_up})",
        f"the server is asked for {said['server_share']:.1%} of the sightings",
        f"own staff recognised: {said['tpir']:.2%} (server alone {said['tpir_server']:.2%}); strangers given a name: {said['fpir']:.2%} "
        f"(server alone {said['fpir_server']:.2%})",
        f"added time: half within {said['latency_p50_s']} s, 95 % within {said['latency_p95_s']} s",
        f"{said['messages_per_sighting']} messages and {said['bytes_per_sighting']:.0f} bytes a sighting",
    ]
    if "processes" in said:
        lines.append(f"{said['processes']} real processes; the simulator says {said['simulated']['server_share']:.1%} for the same walks")
    return "\n".join(lines)
