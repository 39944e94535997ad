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


def in_words(result: dict[str, Any]) -> str:
    """The figures for a person."""
    made_up = {"lfw": "faces of the evaluation data", "synthetic": "made-up embeddings, no real faces"}[result["people"]]
    lines = [
        f"{result['sightings']} sightings at {result['scenario']['cameras']} cameras, {result['enrolled']} people enrolled ({made_up})",
        f"the server is asked for {result['server_share']:.1%} of the sightings",
        f"own staff recognised: {result['tpir']:.2%} (server alone {result['tpir_server']:.2%}); strangers given a name: {result['fpir']:.2%} "
        f"(server alone {result['fpir_server']:.2%})",
        f"added time: half within {result['latency_p50_s']} s, 95 % within {result['latency_p95_s']} s",
        f"{result['messages_per_sighting']} messages and {result['bytes_per_sighting']:.0f} bytes a sighting",
    ]
    if "processes" in result:
        lines.append(f"{result['processes']} real processes; the simulator says {result['simulated']['server_share']:.1%} for the same walks")
    return "\n".join(lines)
