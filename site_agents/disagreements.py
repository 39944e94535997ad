"""Bring pictures of disagreements to the portal: a few, in order, again and again while it is away, and none that it does not want."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
import time
from collections import deque

from federated.contract.disagreement import DisagreementAnswer, DisagreementMessage
from federated.contract.media import JPEG
from site_agents.canary import CanaryDisagreement
from site_agents.errors import PortalRefused, PortalUnreachable
from site_agents.link import PortalLink, RetryDelay, parsed

CLOSED_S = 3600.0  # then a trial of the same version may be another one
WAITING = 20  # pictures kept in memory while the portal is away; the oldest give way, the counts in the heartbeat tell of all
log = logging.getLogger("site_agents.disagreements")


class DisagreementSender(threading.Thread):
    """`add` may be called from any thread and never waits."""

    def __init__(self, link: PortalLink) -> None:
        super().__init__(name="disagreements", daemon=True)
        self.link = link
        self._waiting: deque[tuple[CanaryDisagreement, bytes]] = deque(maxlen=WAITING)
        self._closed: dict[tuple[str, str], float] = {}
        self._changed, self._stopping = threading.Condition(), False

    @property
    def waiting(self) -> int:
        """Pictures that the portal does not have yet."""
        return len(self._waiting)

    def add(self, disagreement: CanaryDisagreement, jpeg: bytes) -> None:
        """Send this when there is time; nothing of a trial that the portal has closed or that is full."""
        with self._changed:
            if time.monotonic() >= self._closed.get((disagreement.detector, disagreement.sha256), 0.0):
                self._waiting.append((disagreement, jpeg))
                self._changed.notify_all()

    def run(self) -> None:
        """Until stopped; longer pauses while the portal is away."""
        backoff, pause = RetryDelay(1.0, 60.0), 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, pause)
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
            try:
                self.send_once()
                backoff.succeed()
                pause = 0.0
            except PortalUnreachable as error:
                pause = backoff.fail()
                log.warning("pictures of disagreements wait (%d): %s", self.waiting, error)

    def send_once(self) -> bool:
        """Tell of the oldest one, then send its picture if it is wanted; False when none waits. Raises PortalUnreachable when it must be done again later."""
        with self._changed:
            if not self._waiting:
                return False
            disagreement, jpeg = self._waiting[0]
        try:
            self._send(disagreement, jpeg)
        except PortalRefused as error:
            log.warning("the portal takes no picture of this trial: %s", error)
            self._close(disagreement)
        with self._changed:
            if self._waiting and self._waiting[0][0] is disagreement:
                self._waiting.popleft()
        return True

    def stop(self) -> None:
        """End after what is being sent; what waits is lost, as the trial's pictures may be."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _send(self, disagreement: CanaryDisagreement, jpeg: bytes) -> None:
        sha256 = hashlib.sha256(jpeg).hexdigest()
        message = DisagreementMessage(**dataclasses.asdict(disagreement), snapshot=sha256)
        answer = parsed(DisagreementAnswer, self.link.call("POST", "/agents/disagreements", message.to_json()))
        if answer.full:
            self._close(disagreement)
        else:
            self.link.call("PUT", f"/media/{sha256}", jpeg, content_type=JPEG)

    def _close(self, disagreement: CanaryDisagreement) -> None:
        """No more of this trial."""
        mark = disagreement.detector, disagreement.sha256
        with self._changed:
            self._closed[mark] = time.monotonic() + CLOSED_S
            kept = [each for each in self._waiting if (each[0].detector, each[0].sha256) != mark]
            self._waiting.clear()
            self._waiting.extend(kept)
