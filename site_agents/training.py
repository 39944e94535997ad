"""This site's part in training: keep small grey frames of ordinary life, and keep the SuperNode running beside the camera."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from detectors.anomaly import LONGEST_GAP_S, small
from detectors.files import BAD_ARCHIVE, replacing
from detectors.types import Frame
from federated.contract.heartbeat import TrainingStep
from federated.learning import process, progress, terms
from site_agents.config import TrainingSettings
from site_agents.training_throttle import TrainingThrottle, tasks_of

CLIP = 50  # frames of one kept clip
EAGER = 12  # so many clips are kept one after the other, then one each SPACING_S
SPACING_S = 60.0
NICE = "2"  # more than the agent: where both want all of a processor, training gets two fifths of it; while frames are dropped the throttle holds it
STOP_S = 6.0
QUIET_S = 60.0  # without a task for so long no run is under way: between its rounds a site has nothing to do for seconds
log = logging.getLogger("site_agents.training")


class Footage:
    """Small grey frames of this camera's normal life, in `training/anomaly/*.npz`; they never leave the site. The oldest clips go first."""

    def __init__(self, folder: Path, settings: TrainingSettings) -> None:
        self.folder, self.settings = folder / "training" / "anomaly", settings
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clips = {file: _length(file) for file in sorted(self.folder.glob("*.npz"))}
        self._frames: list[np.ndarray] = []
        self._t, self._since = float("-inf"), float("-inf")

    @property
    def count(self) -> int:
        """Frames kept."""
        return sum(self.clips.values())

    def add(self, frame: Frame, *, normal: bool) -> None:
        """Take a (masked) frame; a clip with anything unusual in it is thrown away whole."""
        if not self.settings.enabled:
            return
        if not normal or not 0 < frame.t - self._t < LONGEST_GAP_S or frame.n == 0:
            self._frames = []
        self._t = frame.t
        if not normal or (len(self.clips) >= EAGER and 0 <= frame.t - self._since < SPACING_S):
            return
        self._frames.append(small(frame.image))
        if len(self._frames) >= CLIP:
            self._keep(frame.t)

    def _keep(self, t: float) -> None:
        file = self.folder / f"{int(t * 1000):015d}.npz"
        try:
            with replacing(file) as target:
                np.savez_compressed(target, frames=np.stack(self._frames))
            self.clips[file] = len(self._frames)
        except OSError as error:
            log.warning("no footage can be kept for training: %s", error.strerror)
        self._frames, self._since = [], t
        self._trim()

    def _trim(self) -> None:
        sizes = {file: file.stat().st_size for file in self.clips if file.exists()}
        while sizes and sum(sizes.values()) > self.settings.keep_mb * 1e6:
            oldest = min(sizes)
            oldest.unlink(missing_ok=True)
            del sizes[oldest], self.clips[oldest]


class SuperNodeSupervisor:
    """The SuperNode and executor of this site as one child process group. Use it from the main thread: the kernel ties the child's life to it.

    `renewal_due`: there is a new node.key, and the SuperNode that runs still has the one before.
    """

    def __init__(self, folder: Path, settings: TrainingSettings, portal: dict[str, Any]) -> None:
        self.folder = folder
        self.reason = why_not(settings, portal)
        self.child: subprocess.Popen[bytes] | None = None
        self.throttle = TrainingThrottle()
        if not self.reason:
            terms.write(folder, terms_of(settings))
        self._backoff, self._next = process.Backoff(), 0.0
        self.renewal_due, self._busy = False, 0.0

    def renew(self) -> None:
        """There is a new node.key: start the SuperNode again with it, as soon as no training is disturbed. May be called from any thread."""
        self._busy, self.renewal_due = time.monotonic(), True

    def tick(self, dropped: int = 0, frames: int = 0) -> None:
        """Start it, or start it again when it has ended and its pause is over; hold it while the camera drops most of its frames (both are its counts)."""
        self.throttle.look(dropped, frames, self.child.pid if self.child is not None else None)
        if self.renewal_due and self._quiet():
            log.info("the next SuperNode has the new key")
            self.renewal_due = False
            self.stop()
        if self.reason or (self.child is not None and self.child.poll() is None) or time.monotonic() < self._next:
            return
        if self.child is not None:
            pause = self._backoff.delay(time.monotonic())
            log.warning("the SuperNode ended (exit %s); starting it again in %.0f s", self.child.returncode, pause)
            self.child, self._next = None, time.monotonic() + pause
            return
        self._backoff.begin(time.monotonic())
        command = ["nice", "-n", NICE, sys.executable, "-m", "federated.learning.node", "--home", str(self.folder), "--parent", str(os.getpid())]
        self.child = subprocess.Popen(command, env=process.calm_environment(), start_new_session=True)

    def _quiet(self) -> bool:
        """Whether nothing has trained for a while."""
        if self.child is None:
            return True
        if tasks_of(self.child.pid):
            self._busy = time.monotonic()
        return time.monotonic() - self._busy >= QUIET_S

    def stop(self) -> None:
        """End the whole group."""
        if self.child is None:
            return
        self.throttle.let_go(self.child.pid)
        process.stop([self.child], STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child = None


def terms_of(settings: TrainingSettings) -> terms.Terms:
    """What agent.toml says a run must keep to, for this site to train in it."""
    return terms.Terms(settings.tasks, settings.most_epsilon)


def step_now(folder: Path) -> TrainingStep | None:
    """What this site's node is doing in a run, as a heartbeat carries it; None when it does nothing."""
    found = progress.read(folder)
    return TrainingStep(task=found.task, run=found.run, phase=found.phase, step=found.step, of=found.of) if found else None  # type: ignore[arg-type]


def why_not(settings: TrainingSettings, portal: dict[str, Any]) -> str:
    """Why this site does not train; empty when it does. Nothing is imported to find out."""
    if not settings.enabled:
        return "switched off in agent.toml"
    if not portal.get("fleet"):
        return "the portal has no federation"
    missing = [name for name in ("flwr", "torch") if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(missing)} (install requirements/train.lock)" if missing else ""


def _length(file: Path) -> int:
    try:
        with np.load(file) as content:
            return len(content["frames"])
    except BAD_ARCHIVE as error:
        file.unlink(missing_ok=True)
        log.warning("%s was damaged and is gone: %s", file.name, error)
        return 0
