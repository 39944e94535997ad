"""Speak to the portal: what has happened, in order and until it is accepted; how the camera is, every three seconds; its picture, while somebody looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from federated.contract.events import BATCH, EventsAnswer, EventsBatch
from federated.contract.heartbeat import BEAT_S, Heartbeat, HeartbeatAnswer
from federated.contract.media import JPEG, WEBM, media_type
from site_agents.clock import TOLERATED_S, Clock, seconds_since
from site_agents.errors import OutboxError, PortalRefused, PortalUnreachable
from site_agents.link import PortalLink, RetryDelay, parsed
from site_agents.outbox import Outbox, Waiting
from site_agents.signed_config import Identity

FRAME_S = 1.0
WATCH_S = 10.0  # without an answer for so long nobody is thought to look
REVOKED_S = 30.0
NEVER = (400, 413)  # what the portal says of something that it will never take
log = logging.getLogger("site_agents.uplink")


class Sender(threading.Thread):
    """Empties the outbox. An event stays there until the portal has accepted it, knows it already, or says that it never will."""

    def __init__(self, outbox: Outbox, link: PortalLink, identity: Identity) -> None:
        super().__init__(name="sender", daemon=True)
        self.outbox, self.link, self.identity = outbox, link, identity
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until stopped: send what there is, wait for more, wait longer while the portal is away."""
        backoff = RetryDelay()
        while not self._stopping.is_set():
            try:
                if self.send_once():
                    continue
                backoff.succeed()
                with self.outbox.arrived:
                    if not self.outbox.stats()["pending"]:
                        self.outbox.arrived.wait(1.0)
            except (PortalUnreachable, PortalRefused, OutboxError) as error:
                pause = REVOKED_S if isinstance(error, PortalRefused) and error.status == 403 else backoff.fail()
                log.warning("events wait (%d): %s", self.outbox.stats()["pending"], error)
                self._stopping.wait(pause)

    def send_once(self, limit: int = BATCH) -> bool:
        """Send one batch, pictures first; False when nothing waits. Raises PortalUnreachable, PortalRefused or OutboxError when it must be done again later."""
        batch = self._own(self.outbox.batch(limit))
        if not batch:
            return False
        for sha256 in dict.fromkeys(name for each in batch for name in each.media):
            self._send_medium(sha256)
        self._send_events(batch)
        return True

    def stop(self, timeout: float = 5.0) -> None:
        """Send what can be sent within `timeout` seconds, then stop."""
        until = time.monotonic() + timeout
        while self.is_alive() and time.monotonic() < until and self.outbox.stats()["pending"]:
            time.sleep(0.05)
        self._stopping.set()
        with self.outbox.arrived:
            self.outbox.arrived.notify_all()
        if self.is_alive():
            self.join(max(0.5, until - time.monotonic()))

    def _own(self, batch: list[Waiting]) -> list[Waiting]:
        """Events of an earlier enrolment would have every batch refused: they are put aside."""
        mine = []
        for each in batch:
            place = each.body.get("site"), each.body.get("camera")
            if place == (self.identity.site, self.identity.camera):
                mine.append(each)
            else:
                self.outbox.dead_letter(each, f"it is of {place[0]}/{place[1]}, but this agent is enrolled as {self.identity.site}/{self.identity.camera}")
        return mine or (self._own(self.outbox.batch()) if batch else [])

    def _send_medium(self, sha256: str) -> None:
        content = self.outbox.media.read(sha256)
        if content is None:
            return  # given up meanwhile
        try:
            self.link.call("PUT", f"/media/{sha256}", content, content_type=media_type(content) or WEBM)
        except PortalRefused as error:
            if error.status not in NEVER:
                raise
            log.error("the portal refuses a picture: %s", error)
        self.outbox.forget_medium(sha256)

    def _send_events(self, batch: list[Waiting]) -> None:
        try:
            sent = EventsBatch(events=tuple(timed(each.body, self.link.clock) for each in batch), sent_t=time.time())
            answer = parsed(EventsAnswer, self.link.call("POST", "/events", sent.to_json()))
        except PortalRefused as error:
            if error.status not in NEVER:
                raise
            self._halve(batch, str(error))
            return
        taken, rejected = {*answer.accepted, *answer.duplicates}, {each.id: each.reason for each in answer.rejected}
        self.outbox.acknowledge(each for each in batch if each.id in taken)
        for each in batch:
            if each.id in rejected:
                self.outbox.dead_letter(each, rejected[each.id])
        if not taken and not rejected:
            raise PortalUnreachable("the portal answered but said nothing of our events")

    def _halve(self, batch: list[Waiting], reason: str) -> None:
        """One event poisons the batch: find it by halves."""
        if len(batch) == 1:
            self.outbox.dead_letter(batch[0], reason)
            return
        middle = len(batch) // 2
        self._send_events(batch[:middle])
        self._send_events(batch[middle:])


def timed(body: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """An event as it is sent: when the clocks were set, or the portal's time was learned, after it was made, its times are put right; `agent_t` is the first.

    How long ago it was made is measured by the machine's monotonic clock (`made_at`); after a start of the machine nobody knows, and it stays as it is.
    """
    data = dict(body.get("data") or {})
    made_at, made_t = data.pop("made_at", ""), data.get("made_t")
    age = seconds_since(made_at) if isinstance(made_at, str) and isinstance(made_t, int | float) else None
    off = 0.0 if age is None else clock.now() - age - made_t
    if abs(off) <= TOLERATED_S:
        return {**body, "data": data}
    corrected = round(data.get("clock_corrected_s", 0.0) + off, 1)
    data |= {"agent_t": body["t"], "made_t": round(made_t + off, 4), "clock_corrected_s": corrected}
    return {**body, "t": body["t"] + off, "data": data}


class Heart(threading.Thread):
    """Heartbeats, and the last frame while the portal says that somebody watches. `status()` tells how we are, `take(answer)` hears what to do.

    `revoked()` is called when the portal does not accept us any more; True: that is mended, beat again.
    """

    def __init__(self, link: PortalLink, status: Callable[[], Heartbeat], take: Callable[[HeartbeatAnswer], None], revoked: Callable[[], bool | None]) -> None:
        super().__init__(name="heart", daemon=True)
        self.link, self.status, self.take, self.revoked = link, status, take, revoked
        self._watched_until, self._frame, self._offered = 0.0, None, 0.0
        self._stopping = threading.Event()

    @property
    def wants_frame(self) -> bool:
        """Whether somebody looks and the next picture is due."""
        now = time.monotonic()
        return now < self._watched_until and now - self._offered >= FRAME_S

    def offer(self, jpeg: bytes) -> None:
        """The newest picture, to be sent at the next occasion."""
        self._offered, self._frame = time.monotonic(), jpeg

    def run(self) -> None:
        """Until stopped."""
        backoff, due = RetryDelay(1.0, 15.0), 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + BEAT_S
                    self.beat()
                    backoff.succeed()
                self.send_frame()
            except PortalUnreachable as error:
                due = time.monotonic() + max(BEAT_S, backoff.fail())
                log.warning("no heartbeat: %s", error)
            except PortalRefused as error:
                due = time.monotonic() + REVOKED_S
                log.error("the portal refuses us: %s", error)
                if error.status in (401, 403) and self.revoked():
                    due = 0.0
            self._stopping.wait(0.1 if self.wants_frame or self._frame else max(0.05, min(0.5, due - time.monotonic())))

    def beat(self) -> None:
        """One heartbeat. Raises PortalUnreachable or PortalRefused."""
        began = time.monotonic()
        answer = parsed(HeartbeatAnswer, self.link.call("POST", "/heartbeat", self.status().to_json()))
        received = time.time()  # the clock may have been set while we waited: how long that was is measured by the other one
        self.link.clock.observe(answer.now, received - (time.monotonic() - began), received)
        self._watched_until = time.monotonic() + WATCH_S if answer.watch else 0.0
        self.take(answer)

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    def send_frame(self) -> None:
        """Send the picture that was offered, if somebody still looks. Raises PortalUnreachable or PortalRefused."""
        frame, self._frame = self._frame, None
        if frame is not None and time.monotonic() < self._watched_until:
            self.link.call("PUT", "/frame", frame, content_type=JPEG)
