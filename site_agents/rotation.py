"""New keys before the certificate ends, without a gap: asked for with the old key, written at once, used from the next call on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from federated.trust import csr
from federated.trust.pki import PkiError
from site_agents import papers
from site_agents.errors import PortalError, Refused, Unreachable
from site_agents.link import Backoff, Link

LEFT, SPREAD = 1 / 3, 1 / 12  # of a certificate's life: renewed when a third is left, or up to a twelfth later, so that not all come at once
log = logging.getLogger("site_agents.rotation")


class Rotation:
    """Belongs to the heart's thread, which knows the portal's time. `changed` is called when there are new keys: the SuperNode must start again."""

    def __init__(self, folder: Path, link: Link, changed: Callable[[], None]) -> None:
        self.folder, self.link, self.changed = folder, link, changed
        self.paper = papers.read(folder)
        self._backoff, self._next = Backoff(30.0, 3600.0), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time, by the portal's clock; keys without a certificate are from before there were any."""
        if self.paper is None:
            return True
        life = self.paper.not_after - self.paper.not_before
        return self.paper.not_after - self.link.clock.now() < life * (LEFT - SPREAD * self.paper.chance)

    def look(self, asked: bool = False) -> bool:
        """After a heartbeat: renew when it is due, was asked for, or was cut off; whether there are new keys now. Never raises: the old keys still hold."""
        if not (asked or self.due or papers.waiting(self.folder)) or time.monotonic() < self._next:
            return False
        try:
            self.renew()
        except (PortalError, PkiError, ValueError, OSError) as error:
            pause = self._backoff.fail()
            self._next = time.monotonic() + pause
            log.warning("no new keys yet, trying again in %.0f s: %s", pause, error)
            return False
        self._backoff.succeed()
        return True

    def rescue(self) -> bool:
        """The portal does not believe our key: perhaps because it has ours from `next/`, and we were killed before we knew. Whether that was it."""
        return papers.waiting(self.folder) and self.look()

    def renew(self) -> None:
        """One renewal; may be repeated after any interruption. Raises PortalError, PkiError or OSError."""
        keys = papers.prepare_next(self.folder)
        body = {"csr": csr.make(keys.own, self.link.agent_id), "node_public_key": keys.node}
        try:
            answer = self.link.call("POST", "/agents/rotate", body)
        except Refused as error:
            if error.status == 400:
                papers.discard(self.folder)  # these keys will never do: the next try makes others
            if error.status != 401:
                raise
            # The portal said yes once, long ago, and does not believe the old key any more: the new one may ask for the same answer.
            answer = self.link.call("POST", "/agents/rotate", body, key=keys.own)
        try:
            certificate = answer.json()["certificate"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"the portal's answer makes no sense: {error!r}") from error
        papers.accept(self.folder, certificate)
        self.link.key, self.paper = keys.own, papers.read(self.folder)
        log.info("new keys are in use; the certificate is good until %s", time.strftime("%Y-%m-%d", time.gmtime(self.paper.not_after if self.paper else 0)))
        self.changed()
