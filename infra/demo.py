"""The demo site's cameras: which clip each one plays, its agent's folder and its enrolment."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from infra import alive, programs
from infra.errors import HomeError, ServiceError
from infra.files import write_durably
from infra.running import Running, manage, run_quietly

ROOT = Path(__file__).resolve().parent.parent
FOOTAGE = ROOT / "infra" / "footage"
CLIPS = (".webm", ".mp4", ".avi", ".mkv", ".mov")
TRAINS_FPS, WATCHES_FPS = 4, 2  # frames a second that are looked at: four agents and their training share the two cores of a small machine
CONFIG = """# Written by `manage.py up`; the rest of what this camera does comes signed from the portal.
name = {name}
portal = {portal}

[source]
kind = {kind}
path = {path}
loop = true
pace = "real-time"
fps = {fps}
telemetry = {telemetry}

[training]
enabled = {trains}

[neighbours]
host = "127.0.0.1"
"""


def lay_out(running: Running) -> None:
    """Make the demo site, its administrator and the enrolment codes; nothing is made twice."""
    clips = ["--clips", running.plan.footage.name] if running.plan.footage else []
    _mark(running).touch()
    output = run_quietly(running, "demo", manage("demo", *clips))
    try:
        running.demo = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise ServiceError(f"`manage.py demo` did not end with a line of JSON but with {output.strip()[-200:]!r}.") from error


def was_laid_out(running: Running) -> bool:
    """Whether the demo once ran in this home, and its made-up history was not taken away since."""
    return _mark(running).exists()


def forget_history(running: Running) -> None:
    """Take the made-up history away: without the demo, every figure is a camera's own."""
    run_quietly(running, "demo", manage("demo", "--forget"))
    _mark(running).unlink()


def start_agents(running: Running, show: Callable[[str], None]) -> None:
    """Configure, enrol where needed, and start every agent of the demo; ready when each has sent a heartbeat."""
    began, clips = time.time(), clips_for([agent["name"] for agent in running.demo["agents"]], running.plan.footage)
    for agent in running.demo["agents"]:
        folder = running.plan.home / "agents" / agent["name"]
        write_config(folder, agent["name"], running.plan.address, clips[agent["name"]], trains=agent.get("trains", True))
        if agent["code"]:
            show(f"enrol {agent['name']}")
            command = [sys.executable, "-m", "site_agents", "enrol", "--config", str(folder / "agent.toml"), "--code", agent["code"]]
            run_quietly(running, f"enrol-{agent['name']}", command)
    folders = [running.plan.home / "agents" / agent["name"] for agent in running.demo["agents"]]
    has_reported = functools.partial(alive.agent_since, running.plan.home, running.plan.address)
    agents = [programs.agent(folder, running.environment, functools.partial(has_reported, folder.name, began)) for folder in folders]
    running.supervisor.start(agents, show)


def clips_for(names: list[str], footage: Path | None) -> dict[str, dict[str, str]]:
    """For each agent its source: our own clips by name, or the clips of a folder, spread. Raises HomeError when there are none."""
    if footage:
        found = sorted(file for file in footage.rglob("*") if file.suffix.lower() in CLIPS)
        if not found:
            raise HomeError(f"There is no clip in {footage} (looked for {', '.join(CLIPS)}).")
        return {name: {"kind": "file", "path": str(clip), "telemetry": ""} for name, clip in zip(names, cycle(found), strict=False)}
    return {name: _own_clip(name) for name in names}


def write_config(folder: Path, name: str, portal: str, source: dict[str, Any], *, trains: bool = True) -> None:
    """Write an agent's agent.toml; JSON strings are TOML strings."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"name": name, "portal": portal, "trains": trains, "fps": TRAINS_FPS if trains else WATCHES_FPS, **source}
    values = {key: json.dumps(value) for key, value in fields.items()}
    write_durably(folder / "agent.toml", CONFIG.format(**values))


def _mark(running: Running) -> Path:
    """Stands in a home in which the demo was laid out."""
    return running.plan.home / "run" / "demo"


def _own_clip(name: str) -> dict[str, str]:
    clip = next((FOOTAGE / f"{name}{suffix}" for suffix in CLIPS if (FOOTAGE / f"{name}{suffix}").exists()), None)
    if clip is None:
        raise HomeError(f"The clip of the camera {name} is missing in {FOOTAGE}: the clone is incomplete.")
    telemetry = FOOTAGE / f"{name}.csv"
    return {"kind": "drone" if telemetry.exists() else "file", "path": str(clip), "telemetry": str(telemetry) if telemetry.exists() else ""}
