"""Why this agent ended without being asked to: written down before it ends or when it starts again, and reported with its heartbeats for a day."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

from detectors.files import PRIVATE, write_durably
from federated.contract.address import redact_text
from federated.contract.heartbeat import CAUSE_KILLED, CAUSE_POWER, RestartStatus
from site_agents.clock import boot

FILE, MARKER = "restarts.json", "running.json"
DAY_S = 86_400.0
MOST = 1000  # ends kept; an agent that is started again every two minutes comes to 720 a day
log = logging.getLogger("site_agents.restarts")


class Restarts:
    """`restarts.json`: [[Unix seconds, cause], ...] of the last day. `running.json` is there while an agent runs: who finds it was not the one to remove it.

    Nothing here may stop an agent: a disk that takes nothing costs the record only.
    """

    def __init__(self, folder: Path) -> None:
        self.file, self.marker = folder / FILE, folder / MARKER
        self.ends = self._read()

    def begin(self) -> None:
        """This agent starts to run. When the one before could not say why it ended, note what killed it."""
        try:
            before = json.loads(self.marker.read_text())
            self._note(float(before["t"]), CAUSE_KILLED if before["boot"] == boot() else CAUSE_POWER)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):  # a power cut can damage the marker too
            self._note(time.time(), CAUSE_POWER)
        if self.ends:
            log.warning("agents here ended %d times in the last day without being asked to, the last time: %s", len(self.ends), self.ends[-1][1])
        self.running()

    def running(self) -> None:
        """Still here: when the machine dies, this is about when. Call it now and then."""
        self._write(self.marker, {"t": round(time.time(), 3), "boot": boot()})

    def failed(self, error: BaseException) -> None:
        """This agent ends because of `error`."""
        self._note(time.time(), f"{type(error).__name__}: {redact_text(' '.join(str(error).split()))}"[:300])
        self.ended()

    def ended(self) -> None:
        """This agent ends as it should, or has said why."""
        try:
            self.marker.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the marker of a running agent stays: %s", error)

    def status(self) -> RestartStatus | None:
        """For a heartbeat; None when there was none in the last 24 hours."""
        recent = [end for end in self.ends if time.time() - end[0] < DAY_S]
        return RestartStatus(count_24h=len(recent), last_t=recent[-1][0], cause=recent[-1][1]) if recent else None

    def _note(self, t: float, cause: str) -> None:
        self.ends = [*(end for end in self.ends[1 - MOST :] if time.time() - end[0] < DAY_S), (round(max(0.0, t), 3), cause)]
        self._write(self.file, self.ends)

    def _read(self) -> list[tuple[float, str]]:
        try:
            return [(float(t), str(cause)[:300]) for t, cause in json.loads(self.file.read_text())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            log.error("%s is damaged (%s): earlier restarts are not counted", self.file, error)
            return []

    def _write(self, path: Path, content: object) -> None:
        try:
            write_durably(path, json.dumps(content), mode=PRIVATE)
        except OSError as error:
            log.warning("restarts cannot be noted: %s", error)
