"""The same protocol in real processes on this machine, over mutual TLS on loopback, beside what the simulator says of the same walks."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detectors.files import write_durably
from federated.learning.process import calm_environment, spawn, stop
from federated.trust.pki import ensure_peer
from site_agents.errors import AgentError
from site_agents.neighbours import scenario, site
from site_agents.neighbours.node import Decided, Settings
from site_agents.neighbours.people import Population
from site_agents.neighbours.report import SimulationRun, report
from site_agents.neighbours.scenario import Scenario, SimulatedVisit
from site_agents.neighbours.simulate import play

READY_S, LEAD_S = 120.0, 2.0
HURRY = 60.0  # a walk of ten minutes takes ten seconds


def run(wanted: Scenario, crowd: Population) -> dict[str, Any]:
    """The figures of real processes; `simulated` are the simulator's for the same walks, `server_share_ratio` compares the two."""
    seen, (key, public) = scenario.visits(wanted, crowd), site.new_key()
    document, settings = site.issue(crowd, key), site.settings_of(wanted, crowd.threshold, public)
    simulated = play(wanted, settings, document, seen)
    rival = play(wanted, site.alone(settings), document, seen, spared=site.SERVER)
    with tempfile.TemporaryDirectory(prefix="specola-neighbours-") as folder:
        real = _live(Path(folder), wanted, settings, document, seen, simulated)
    figures, model = report(wanted, crowd, real, rival), report(wanted, crowd, simulated, rival)
    ratio = figures["server_share"] / model["server_share"] if model["server_share"] else None
    compared = ("server_share", "tpir", "fpir", "latency_p50_s", "latency_p95_s", "messages_per_sighting", "bytes_per_sighting", "decided")
    return {**figures, "processes": len(settings), "server_share_ratio": ratio and round(ratio, 3), "simulated": {name: model[name] for name in compared}}


def _live(
    folder: Path, wanted: Scenario, settings: dict[str, Settings], document: dict[str, Any], seen: list[SimulatedVisit], simulated: SimulationRun
) -> SimulationRun:
    """Write everybody's plan, start everybody, say go, kill who is to die, and add up what they wrote."""
    end, gone = max(visit.until for visit in seen), scenario.dead(wanted)
    (folder / "gallery.json").write_text(json.dumps(document))
    for name, each in settings.items():
        ensure_peer(folder / "pki", name)
        visits = [{"key": visit.key, "t": visit.t, "until": visit.until, "probe": visit.probe.astype(float).tolist()} for visit in seen if visit.camera == name]
        plan = {"settings": dataclasses.asdict(each), "visits": visits, "since": simulated.since, "end": end}
        (folder / f"{name}.json").write_text(json.dumps(plan))
    children = {name: spawn(["site_agents.neighbours.process", str(folder), name], calm_environment()) for name in settings}
    try:
        _wait(children, lambda: all((folder / f"{name}.port").exists() for name in settings), READY_S)
        ports = {name: int((folder / f"{name}.port").read_text()) for name in settings}
        start = time.time() + LEAD_S
        write_durably(folder / "go", json.dumps({"start": start, "ports": ports}))
        alive = {name: child for name, child in children.items() if name not in gone}
        if gone:
            _wait(alive, lambda: time.time() > start + simulated.since, READY_S + end)
            for name in gone:
                children[name].kill()
        _wait(alive, lambda: all((folder / f"{name}.result").exists() for name in alive), READY_S + end)
    finally:
        stop(list(children.values()))
    return _add_up(folder, list(alive), SimulationRun(simulated.visits, simulated.since))


def _wait(children: dict[str, subprocess.Popen[bytes]], done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        fallen = [name for name, child in children.items() if child.poll() not in (None, 0)]
        if fallen or time.monotonic() > deadline:
            raise AgentError(f"the processes did not come through: {', '.join(fallen) or 'too slow'}")
        time.sleep(0.05)


def _add_up(folder: Path, names: list[str], run: SimulationRun) -> SimulationRun:
    for name in names:
        found = json.loads((folder / f"{name}.result").read_text())
        run.decided |= {each[0]: Decided(*each) for each in found["decided"]}
        run.messages.update(found["messages"])
        run.bytes += found["bytes"]
        run.asked_server += found["asked_server"]
        run.refused += found["refused"]
    return run
