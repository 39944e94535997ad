"""Try a new model in a process of its own, so that a bad file can neither crash nor stall the camera; the last line printed is JSON."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors.objects.head import SIZE
from detectors.types import Detection, Frame
from site_agents import calibration
from site_agents.alert_labels import kept_features
from site_agents.errors import ModelRefused
from site_agents.models import FAILURES

PROCESSOR_S, TIMEOUT_S = 120, 900  # of processor time, and by the clock: a child of low priority on a busy machine waits most of the time
MEMORY = 4 << 30
FRAMES, SLOWEST_MS = 12, 200.0  # milliseconds of processor time
PASS_S = 3600.0  # a detector that follows a stream wants a clock that goes on when the frames come again
COUNTED_S = 0.2  # of processor time before a mean says anything: some kernels count it in ticks of 10 ms, and a frame of 3 ms takes 0 or 10 there


def try_model(name: str, file: Path, folder: Path, *, budget_ms: float = SLOWEST_MS) -> dict[str, Any]:
    """Load and run the file in a child; its report {ms, frames}. For the anomaly net the camera's calibration is made too.

    Raises ModelRefused with the reason: it does not open, fails, gives what is not finite, is too slow, or crashes.
    """
    command = [sys.executable, "-m", "site_agents.selftest", "--detector", name, "--file", str(file), "--folder", str(folder), "--budget-ms", str(budget_ms)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if run.returncode == -signal.SIGXCPU:
            raise ModelRefused(f"the self-test did not end within {PROCESSOR_S} s of processor time")
        report = json.loads(run.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise ModelRefused(f"the self-test did not end within {TIMEOUT_S} s") from error
    except (ValueError, IndexError) as error:
        last = (run.stderr.strip() or "no output").splitlines()[-1]
        raise ModelRefused(f"the self-test crashed (exit {run.returncode}): {last[:200]}") from error
    if "reason" in report:
        raise ModelRefused(report["reason"], report.get("ms"))
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """The child's side."""
    parser = argparse.ArgumentParser(prog="site_agents.selftest", description=__doc__)
    for name in ("--detector", "--file", "--folder"):
        parser.add_argument(name, required=True)
    parser.add_argument("--budget-ms", type=float, default=SLOWEST_MS)
    options = parser.parse_args(arguments)
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S + 5))
    try:
        report = run(options.detector, Path(options.file), Path(options.folder), options.budget_ms)
    except (ModelRefused, MemoryError, *FAILURES) as error:
        report = {"reason": f"{error}"[:500] or type(error).__name__, "ms": getattr(error, "ms", None)}
    print(json.dumps(report))
    return 0


def run(name: str, file: Path, folder: Path, budget_ms: float) -> dict[str, Any]:
    """Everything the child does. Raises ModelRefused or what the detector raises."""
    detector = detectors.load(name, path=file)
    if detectors.entry(name).kind == "head":
        return _try_head(detector, folder, budget_ms)
    if name == calibration.DETECTOR:
        learnt = calibration.learn(detector, folder)
        detector = detectors.load(name, path=file, calibration=learnt or _flat(detector))
    samples = _sample(folder)

    def try_frame(frame: Frame) -> None:
        found = detector.step(frame) if detectors.entry(name).kind == "stream" else detector.detect([frame.image])[0]
        check_findings([found] if isinstance(found, Detection) else found or [])

    mean = _within_budget(
        _time_each(try_frame, (replace(frame, t=frame.t + n * PASS_S) for n in itertools.count() for frame in samples), len(samples)), budget_ms
    )
    if name == calibration.DETECTOR and learnt is not None:
        calibration.save(folder, detector.card.sha256, learnt)
    return {"ms": round(mean, 2), "frames": len(samples)}


def _try_head(head: Any, folder: Path, budget_ms: float) -> dict[str, Any]:
    """The newest features kept here, and made-up ones."""
    rows = [*kept_features(folder, FRAMES), *np.random.default_rng(0).normal(size=(FRAMES, SIZE)).astype(np.float32)]

    def try_row(row: np.ndarray) -> None:
        check_findings([Detection("head", float(each)) for each in np.ravel(head.judge(row[None]))])

    return {"ms": round(_within_budget(_time_each(try_row, itertools.cycle(rows), len(rows)), budget_ms), 3), "frames": len(rows)}


def _time_each(attempt: Callable[[Any], None], inputs: Iterator[Any], number: int) -> float:
    """Milliseconds of processor time of one attempt: the mean of as many passes of `number` inputs as the processor's clock needs."""
    attempt(next(inputs))  # the first one also makes room in memory, and is not counted
    spent, attempts = 0.0, 0
    while spent < COUNTED_S:
        began = time.process_time()
        for each in itertools.islice(inputs, number):
            attempt(each)
        spent, attempts = spent + time.process_time() - began, attempts + number
    return 1000 * spent / attempts


def _within_budget(mean: float, budget_ms: float) -> float:
    if mean > budget_ms:
        raise ModelRefused(f"it takes {mean:.0f} ms a frame here, at most {budget_ms:.0f} are allowed", round(mean, 2))
    return mean


def check_findings(found: list[Detection]) -> None:
    """Every score finite and in 0..1, every box finite. Raises ModelRefused."""
    for each in found:
        numbers = [each.score, *(each.box or ())]
        if not np.isfinite(numbers).all() or not 0 <= each.score <= 1:
            raise ModelRefused(f"it gives what is no finding: score {each.score}, box {each.box}")


def _flat(detector: Any) -> Any:
    """A stand-in where the camera has no footage yet, so that scores are computed at all; it is not kept."""
    excess = None
    for frame in _noise():
        excess = detector.excess(frame)
    if excess is None or not np.isfinite(excess).all():
        raise ModelRefused("it gives no finite output")
    return calibration.Calibration(np.zeros_like(excess), 0.0, 1.0, 0)


def _sample(folder: Path) -> list[Frame]:
    """The newest kept small frames of this camera, and noise, which no model may stumble over."""
    files = sorted((folder / "training" / calibration.DETECTOR).glob("*.npz"))
    kept = calibration.kept_frames(files[-1])[:FRAMES] if files else []
    own = [Frame(np.repeat(image[:, :, None], 3, 2), "own", 1e6 + index * calibration.STEP_S, index) for index, image in enumerate(kept)]
    return own + _noise()


def _noise() -> list[Frame]:
    """A noisy still life through which a light wanders: noise alone would be a cut at every frame, and of that a motion net says nothing."""
    rng = np.random.default_rng(0)
    still, frames = rng.integers(0, 256, (288, 384, 3), dtype=np.int16), []
    for n in range(FRAMES):
        image = np.clip(still + rng.integers(-10, 11, still.shape), 0, 255).astype(np.uint8)
        image[100:150, 20 * n : 20 * n + 50] = 255
        frames.append(Frame(image, "noise", 1.0 + n * calibration.STEP_S, n))
    return frames


if __name__ == "__main__":
    sys.exit(main())
