"""Read the source in a thread of its own: the newest frame wins, a stalled source is opened again, and silence is called by its name."""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

from detectors.types import Frame
from federated.contract.address import redact_text
from site_agents import sources
from site_agents.clock import steady
from site_agents.errors import CameraSourceError
from site_agents.sources import SourceSettings

WAITING = 1  # frames that may wait for the pipeline; the older one gives way, so that a busy box looks at the present
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_S = 60.0  # a source that gave frames for so long starts again without delay
log = logging.getLogger("site_agents.capture")


class Capture(threading.Thread):
    """Frames of one camera. `take` gives the next one; `state` is "starting", "live", "stale" or "ended".

    `clock` gives seconds that only rise: by it the silence is measured.
    """

    def __init__(self, config: SourceSettings, folder: Path, camera: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name="capture", daemon=True)
        self.config, self.folder, self.camera, self.clock = config, folder, camera, clock
        self.dropped, self.frames, self.restarts = 0, 0, 0
        self.failures = 0  # of those, what no source should raise
        self.size, self.last_t, self.problem, self.problem_code = (0, 0), None, "", ""
        self.ended = False
        self._queue: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._seen = self._began = clock()

    def run(self) -> None:
        """Until stopped or the source has ended: read, and after a failure, whatever it is, read again."""
        failures = 0
        while not self._stopping.is_set():
            began, config = self.clock(), self.config
            try:
                self._read(config)
                if self.config is config:
                    break
                continue
            except CameraSourceError as error:
                self._note(error, error.code, config)
            except BaseException as error:  # noqa: BLE001 - this thread's edge: drivers and decoders raise what they like, and nothing may end the watching for good
                self._note(error, "failed", config, traceback.format_exc())
            failures = 0 if self.clock() - began > STEADY_S else failures + 1
            pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)] * random.uniform(0.8, 1.2)
            log.warning("%s; opening it again in %.1f s", self.problem, pause)
            self._stopping.wait(pause)
            self.restarts += 1
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def take(self, timeout: float) -> Frame | None:
        """The oldest waiting frame, or None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self.ended, timeout)
            frame = self._queue.popleft() if self._queue else None
            self._changed.notify_all()
            return frame

    def stop(self, timeout: float = 3.0) -> None:
        """Stop reading; a read that hangs in a driver is left behind (the thread is a daemon)."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self.is_alive():
            self.join(timeout)

    def change(self, config: SourceSettings) -> None:
        """Read from another source; the one that is being read is closed with its next frame, or when it fails."""
        self.config = config

    @property
    def silent_s(self) -> float:
        """Seconds since the last frame came, or since the start."""
        return self.clock() - self._seen

    @property
    def state(self) -> str:
        """What may be said of the picture now: nothing older than `stale_after` is ever called live."""
        if self.ended:
            return "ended" if not self._queue else "live"
        if self.silent_s > self.config.stale_after:
            return "stale"
        return "live" if self.frames else "starting"

    @property
    def fps(self) -> float:
        """Frames a second since the start."""
        return self.frames / max(1e-3, self.clock() - self._began)

    def _note(self, error: BaseException, code: str, config: SourceSettings, trace: str = "") -> None:
        """Why there is no picture, without the secrets of the camera's address."""
        words = " ".join(str(error).replace("\0", " ").encode(errors="replace").decode().split()) or type(error).__name__
        self.problem, self.problem_code = redact_text(words if not trace else f"{type(error).__name__}: {words}", config.path), code
        if trace:
            self.failures += 1
            log.error("reading the source has failed:\n%s", redact_text(trace, config.path))

    def _read(self, config: SourceSettings) -> None:
        with contextlib.closing(sources.open_source(config, self.folder)) as shots:
            for shot in shots:
                if self._stopping.is_set() or self.config is not config:
                    return
                t = shot.t if math.isfinite(shot.t) else steady.now()
                self.put(Frame(shot.image, self.camera, t, shot.n, shot.telemetry))

    def put(self, frame: Frame) -> None:
        """The source's next frame, for `take`; the older one that waits gives way, or is waited for when pace is "fast"."""
        with self._changed:
            if self.config.pace == "fast":  # a recording that is worked through loses nothing
                self._changed.wait_for(lambda: len(self._queue) < WAITING or self._stopping.is_set())
            while len(self._queue) >= WAITING:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(frame)
            self.frames += 1
            self.problem = self.problem_code = ""
            self._seen, self.last_t = self.clock(), frame.t
            self.size = frame.image.shape[1], frame.image.shape[0]
            self._changed.notify_all()
