"""`bench`: frames a second on one core, milliseconds a stage, and memory, on this box's own source."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import sys
import time
from typing import Any

from site_agents import sources
from site_agents.agent import face_finder, prepare_process
from site_agents.clock import Clock
from site_agents.config import Config
from site_agents.evidence import Evidence
from site_agents.models import Models
from site_agents.orders import Line, Orders, Rule, Zone
from site_agents.pipeline import Pipeline
from site_agents.rules import kinds

WARM_UP = 10
FORBIDDEN = ("django", "torch", "flwr")
WHOLE = Zone("whole picture", ((0, 0), (1, 0), (1, 1), (0, 1)))
MIDDLE = Line("middle", (0.5, 0.0), (0.5, 1.0))


def bench(config: Config, frames: int = 300) -> dict[str, Any]:
    """Run every M0 detector, tracking, every M0 rule, the picture memory for clips and one blurred picture a second; nothing is sent or kept."""
    prepare_process()
    cores = _one_core()
    pipeline = Pipeline(Models(config.folder).load, Clock(), drone=config.source.kind == "drone", fps=config.source.fps)
    pipeline.apply(_everything())
    evidence = Evidence(face_finder, lambda *_: None)
    source, counted, findings, size, began = dataclasses.replace(config.source, pace="fast", loop=True), 0, 0, (0, 0), 0.0
    decode = 0.0
    with contextlib.closing(sources.open_source(source, config.folder)) as shots:
        mark = time.perf_counter()
        for number, shot in enumerate(shots):
            decode += time.perf_counter() - mark
            if number == WARM_UP:
                began, counted, findings, decode = time.perf_counter(), 0, 0, 0.0
                pipeline.stages.ms.clear()
            step = pipeline.step(_frame(shot, config.name))
            with pipeline.stages("evidence"):
                evidence.remember(step.frame)
                if number % round(config.source.fps) == 0:
                    evidence.picture(step.frame, hide_faces=True)
            counted, findings, size = counted + 1, findings + len(step.findings), shot.image.shape[1::-1]
            if number >= WARM_UP + frames - 1:
                break
            mark = time.perf_counter()
    seconds = time.perf_counter() - began
    figures = {"frames": counted, "seconds": round(seconds, 2), "fps": round(counted / seconds, 2), "width": size[0], "height": size[1], "cores": cores}
    figures |= {"stages_ms": {"source": round(decode / counted * 1000, 2), **pipeline.stages.rounded()}, "findings": findings}
    figures |= {"rss_mb": round(_peak_rss(), 1), "detectors": sorted(pipeline.loaded), "rules": kinds()}
    return figures | {"forbidden_modules": [name for name in FORBIDDEN if name in sys.modules]}


def _frame(shot: sources.Shot, camera: str) -> Any:
    from detectors.types import Frame

    return Frame(shot.image, camera, shot.t, shot.n, shot.telemetry)


def _everything() -> Orders:
    """Orders with every rule that mode M0 allows."""
    about = {"person_in_zone": {"zone": WHOLE}, "loitering": {"zone": WHOLE}, "object_left": {"zone": WHOLE}, "line_crossed": {"line": MIDDLE}}
    rules = tuple(Rule(kind, **about.get(kind, {})) for kind in kinds() if kind != "unknown_person")
    return Orders(version=1, valid_until=time.time() + 86_400, rules=rules)


def _one_core() -> int:
    """Keep this process on one core, so that the figure means one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return len(os.sched_getaffinity(0))


def _peak_rss() -> float:
    """Megabytes of the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
