"""New keys before the certificate ends, without a gap: asked for with the old key, written at once, used from the next call on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from federated.contract.key_rotation import KeyRotationAnswer, KeyRotationRequest
from federated.trust import csr
from federated.trust.pki import PkiError
from site_agents import credentials
from site_agents.errors import PortalError, PortalRefused
from site_agents.link import PortalLink, RetryDelay, parsed

LEFT, SPREAD = 1 / 3, 1 / 12  # of a certificate's life: renewed when a third is left, or up to a twelfth later, so that not all come at once
log = logging.getLogger("site_agents.rotation")


class Rotation:
    """Belongs to the heart's thread, which knows the portal's time. `changed` is called when there are new keys: the SuperNode must start again.

    `clock` gives seconds that only rise: by it the pauses after failures are measured.
    """

    def __init__(self, folder: Path, link: PortalLink, changed: Callable[[], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.link, self.changed, self.clock = folder, link, changed, clock
        self.certificate, self.node_is_sound = credentials.read(folder), credentials.node_is_sound(folder)
        self._backoff, self._next = RetryDelay(30.0, 3600.0), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time, by the portal's clock; keys without a certificate are from before there were any."""
        if self.certificate is None or not self.node_is_sound:
            return True
        life = self.certificate.not_after - self.certificate.not_before
        return self.certificate.not_after - self.link.clock.now() < life * (LEFT - SPREAD * self.certificate.chance)

    def look(self, asked: bool = False) -> bool:
        """After a heartbeat: renew when it is due, was asked for, or was cut off; whether there are new keys now. Never raises: the old keys still hold."""
        if not (asked or self.due or credentials.waiting(self.folder)) or self.clock() < self._next:
            return False
        try:
            self.renew()
        except (PortalError, PkiError, ValueError, OSError) as error:
            pause = self._backoff.fail()
            self._next = self.clock() + pause
            log.warning("no new keys yet, trying again in %.0f s: %s", pause, error)
            return False
        self._backoff.succeed()
        return True

    def rescue(self) -> bool:
        """The portal does not accept our key: perhaps because it has ours from `next/`, and we were killed before we knew. Whether that was it."""
        return credentials.waiting(self.folder) and self.look()

    def renew(self) -> None:
        """One renewal; may be repeated after any interruption. Raises PortalError, PkiError or OSError."""
        keys = credentials.prepare_next(self.folder)
        body = KeyRotationRequest(csr=csr.make(keys.own, self.link.agent_id), node_public_key=keys.node).to_json()
        try:
            answer = self.link.call("POST", "/agents/rotate", body)
        except PortalRefused as error:
            if error.status == 400:
                credentials.discard(self.folder)  # these keys will never do: the next try makes others
            if error.status != 401:
                raise
            # The portal said yes once, long ago, and does not accept the old key any more: the new one may ask for the same answer.
            answer = self.link.call("POST", "/agents/rotate", body, key=keys.own)
        credentials.accept(self.folder, parsed(KeyRotationAnswer, answer).certificate)
        self.link.key, self.certificate, self.node_is_sound = keys.own, credentials.read(self.folder), True
        log.info(
            "new keys are in use; the certificate is good until %s",
            time.strftime("%Y-%m-%d", time.gmtime(self.certificate.not_after if self.certificate else 0)),
        )
        self.changed()
