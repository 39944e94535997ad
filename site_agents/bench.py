"""`bench`: frames a second on one core, milliseconds a stage, and memory, on this box's own source."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import sys
import time
from typing import Any

import numpy as np

from detectors.rules import registry
from detectors.rules.scene import CameraRule, CountingLine, WatchedZone
from detectors.types import Frame
from federated.trust.staff_list import DIMENSIONS, StaffEntry
from site_agents import sources
from site_agents.clock import Clock
from site_agents.config import Config
from site_agents.evidence import Evidence, face_finder
from site_agents.host import prepare_process
from site_agents.models import ModelStore
from site_agents.pipeline import Pipeline
from site_agents.signed_config import M0, M1, SignedConfig
from site_agents.staff_list_store import NOBODY, Staff

WARM_UP = 10
FORBIDDEN = ("django", "torch", "flwr")
WHOLE = WatchedZone("whole picture", ((0, 0), (1, 0), (1, 1), (0, 1)))
MIDDLE = CountingLine("middle", (0.5, 0.0), (0.5, 1.0))


def bench(config: Config, frames: int = 300) -> dict[str, Any]:
    """Run every M0 detector, tracking, every M0 rule, the picture memory for clips and one blurred picture a second; nothing is sent or kept.

    Then the same with the face detectors of a door in mode M1 (`door`), so that `door.rss_mb` is the memory of all detectors.
    """
    prepare_process()
    cores = _one_core()
    pipeline = Pipeline(ModelStore(config.folder).load, Clock(), drone=config.source.kind == "drone", fps=config.source.fps)
    evidence = Evidence(face_finder, lambda *_: None)
    figures = {**_measure(pipeline, evidence, config, _everything(M0), frames), "cores": cores}
    door = _measure(pipeline, evidence, config, _everything(M1), max(1, frames // 3))
    figures["door"] = {name: door[name] for name in ("frames", "fps", "stages_ms", "rss_mb", "detectors")}
    return figures | {"forbidden_modules": [name for name in FORBIDDEN if name in sys.modules]}


def _measure(pipeline: Pipeline, evidence: Evidence, config: Config, signed_config: SignedConfig, frames: int) -> dict[str, Any]:
    pipeline.apply_config(signed_config)
    pipeline.staff = _one_stranger() if signed_config.legal_mode == M1 else NOBODY
    source, findings, decode, began, shot = dataclasses.replace(config.source, pace="fast", loop=True), 0, 0.0, 0.0, None
    with contextlib.closing(sources.open_source(source, config.folder)) as shots:
        mark = time.perf_counter()
        for number, shot in enumerate(shots, 1 - WARM_UP):
            decode += time.perf_counter() - mark
            step = pipeline.step(Frame(shot.image, config.name, shot.t, shot.n, shot.telemetry))
            findings += len(step.findings)
            with pipeline.stages("evidence"):
                evidence.remember(step.frame)
                if number % max(1, round(config.source.fps)) == 0:
                    evidence.picture(step.frame, hide_faces=True)
            if number == 0:
                began, findings, decode = time.perf_counter(), 0, 0.0
                pipeline.stages.ms.clear()
            if number == frames:
                break
            mark = time.perf_counter()
    seconds = time.perf_counter() - began
    figures = {"frames": frames, "seconds": round(seconds, 2), "fps": round(frames / seconds, 2), "width": shot.image.shape[1], "height": shot.image.shape[0]}
    figures |= {"stages_ms": {"source": round(decode / frames * 1000, 2), **pipeline.stages.rounded()}, "findings": findings}
    return figures | {"rss_mb": round(_peak_rss(), 1), "detectors": sorted(pipeline.loaded), "rules": [rule.kind for rule in signed_config.rules]}


def _everything(mode: str) -> SignedConfig:
    """A configuration with every rule that the mode allows; in M1 one stranger is the staff."""
    about = {"zone": {"zone": WHOLE}, "line": {"line": MIDDLE}, "camera": {}}
    rules = tuple(CameraRule(kind.name, **about[kind.about]) for kind in registry.kinds().values() if mode == M1 or not kind.needs_faces)
    return SignedConfig(version=1, legal_mode=mode, valid_until=time.time() + 86_400, rules=rules)


def _one_stranger() -> Staff:
    """A list with somebody nobody looks like, so that every face is compared."""
    template = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
    return Staff(1, (StaffEntry("nobody", template, None, time.time() + 86_400, 1, {}),))


def _one_core() -> int:
    """Keep this process on one core, so that the figure means one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return len(os.sched_getaffinity(0))


def _peak_rss() -> float:
    """Megabytes of the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
