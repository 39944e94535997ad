"""Between watching and the disk: what was seen is handed over here at once and written by a thread of its own, in order.

A kill or power cut loses what was handed over and not yet written: a few milliseconds' worth as a rule, and as long as the disk takes nothing or another
program holds the outbox, all since then (`OutboxStatus.unsaved` counts it, the heartbeat carries it).
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from federated.contract.events import AgentEvent
from site_agents.errors import OutboxBusy
from site_agents.outbox import MEMORY, UNSAVED, Outbox
from site_agents.store import Medium

AGAIN_S = 0.5  # after the outbox was held by another program
log = logging.getLogger("site_agents.outbox_writer")


@dataclasses.dataclass(frozen=True, slots=True)
class WriteJob:
    """An event with its pictures, or (`is_clip`) an event whose clip is ready."""

    event: AgentEvent
    media: tuple[Medium, ...]
    is_clip: bool = False

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(len(each.content) for each in self.media)


class OutboxWriter(threading.Thread):
    """Writes to the outbox. Before it is started, and after it has stopped, the caller writes himself."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(name="outbox", daemon=True)
        self.outbox = outbox
        self._jobs: queue.Queue[WriteJob | None] = queue.Queue()
        self._waiting, self._bytes, self._count = threading.Lock(), 0, 0
        self._stopping = threading.Event()

    def add(self, event: AgentEvent, media: Sequence[Medium] = ()) -> AgentEvent:
        """Keep an event with its pictures. Never waits: when too much waits already, the pictures are left out, and at the very last the event.

        Returns it as it is known by now: its number within the camera comes when it is written.
        """
        if not self.is_alive():
            return self.outbox.add(event, media)
        self._put(WriteJob(event, tuple(media)))
        return event

    def add_clip(self, event: AgentEvent, clip: Medium) -> None:
        """Name an event's clip, which is ready only now."""
        self._put(WriteJob(event, (clip,), is_clip=True))

    def stats(self) -> dict[str, Any]:
        """The outbox's numbers, and what waits for it here."""
        stats, here = self.outbox.stats(), self._count
        return {**stats, "pending": stats["pending"] + here, "unsaved": stats["unsaved"] + here}

    def run(self) -> None:
        """Until stopped and everything is written."""
        while (job := self._jobs.get()) is not None:
            self._carry_out(job)
            with self._waiting:
                self._bytes -= job.size
                self._count -= not job.is_clip

    def stop(self, timeout: float = 15.0) -> None:
        """Write what waits, within `timeout` seconds."""
        self._jobs.put(None)
        if self.is_alive():
            self.join(timeout)
        self._stopping.set()
        if self._count:
            log.error("%d events could not be written before the end", self._count)

    def _put(self, job: WriteJob) -> None:
        if not self.is_alive():
            self._carry_out(job)
            return
        with self._waiting:
            if self._count >= UNSAVED or (job.is_clip and self._bytes + job.size > MEMORY):
                log.error("the disk takes nothing and memory is full: %s of %s is lost", "the clip" if job.is_clip else "an event", job.event.kind)
                return
            if self._bytes + job.size > MEMORY:
                job = WriteJob(dataclasses.replace(job.event, snapshot=None, clip=None), ())
            self._bytes += job.size
            self._count += not job.is_clip
        self._jobs.put(job)

    def _carry_out(self, job: WriteJob) -> None:
        if not job.is_clip:
            self.outbox.add(job.event, job.media)
            return
        until = time.monotonic() + 600
        while time.monotonic() < until and not self._stopping.is_set():
            try:
                self.outbox.add_clip(job.event, job.media[0])
                return
            except OutboxBusy as error:
                log.warning("a clip waits: %s", error)
                self._stopping.wait(AGAIN_S)
