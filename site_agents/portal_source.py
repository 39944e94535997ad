"""The address that the portal names for this camera: tried when it asks, used when it says so, kept sealed. No message that leaves holds a password."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import detectors
from detectors.files import PRIVATE, write_durably
from federated.contract.message import ContractError
from federated.contract.source import PICTURE, PURPOSE, TEST_PICTURE_BYTES, SourceDocument, SourceTestMessage
from federated.trust import signing
from federated.trust.staff_list import GalleryRejected, box_text, unseal
from site_agents import source_probe
from site_agents.capture import Capture
from site_agents.errors import DocumentRejected, PortalRefused, PortalUnreachable
from site_agents.link import PortalLink
from site_agents.privacy import Mask, blur
from site_agents.signed_config import Identity, SignedConfig
from site_agents.source_probe import Probed
from site_agents.sources import SourceSettings

FILE = "source.json"
OWN = "agent.toml"  # the edition of no address at all
SMALL = 480  # pixels a side of the picture that shows that it works
log = logging.getLogger("site_agents.portal_source")


class PortalSource:
    """`address` is what the portal named last, "" when agent.toml's counts; `edition` which one that was.

    `key` is the one that this agent reads sealed documents with; `config()` gives what holds now: its masks are applied to every picture that leaves.
    """

    def __init__(self, folder: Path, identity: Identity, link: PortalLink, key: X25519PrivateKey, config: Callable[[], SignedConfig]) -> None:
        self.folder, self.identity, self.link, self.key, self.config = folder, identity, link, key, config
        self.changed: Callable[[], None] = lambda: None  # called when another address is to be read
        self.edition, self.address = self._load()
        self._trying = ""
        self._lock = threading.Lock()

    def over(self, own: SourceSettings) -> SourceSettings:
        """agent.toml's source, or the portal's address in its place."""
        return dataclasses.replace(own, kind="stream", path=self.address, loop=False, pace="real-time", telemetry="") if self.address else own

    def capture(self, own: SourceSettings) -> Capture:
        """Reads agent.toml's source or the portal's address, also when that changes."""
        made = Capture(self.over(own), self.folder, self.identity.camera)
        self.changed = lambda: made.change(self.over(own))
        return made

    def status(self) -> dict[str, str]:
        """For a heartbeat: the public half of the key that addresses are sealed for, and which one is read."""
        return {"box": box_text(self.key), "source": self.edition}

    def take(self, document: Any) -> None:
        """Do what a document of the portal says (None: nothing new); what is not accepted or cannot be kept changes nothing."""
        if document is None:
            return
        try:
            accepted = self._verify(document)
            if accepted.use:
                self._use(accepted, document)
            else:
                self._try(accepted)
        except (DocumentRejected, OSError) as error:
            log.error("the portal's address is not taken: %s", error)

    def _use(self, accepted: SourceDocument, document: dict[str, Any]) -> None:
        if accepted.id == (self.edition or OWN):
            return
        address = self._unseal(accepted.sealed) if accepted.sealed else ""
        if address:
            write_durably(self.folder / FILE, json.dumps(document), mode=PRIVATE)
        else:
            (self.folder / FILE).unlink(missing_ok=True)
        self.edition, self.address = (accepted.id if address else ""), address
        log.warning("the pictures come from %s now", "the address that the portal names" if address else "what agent.toml names")
        self.changed()

    def _try(self, asked: SourceDocument) -> None:
        with self._lock:
            if self._trying == asked.id:
                return
            self._trying = asked.id
        address = self._unseal(asked.sealed)
        threading.Thread(target=self._answer, args=(asked.id, address), name="source-test", daemon=True).start()

    def _answer(self, number: str, address: str) -> None:
        message = self._message(number, source_probe.probe(address))
        try:
            self.link.call("POST", "/agents/source", message.to_json())
        except (PortalUnreachable, PortalRefused) as error:
            log.warning("what came of trying an address does not reach the portal: %s", error)
            with self._lock:
                self._trying = ""  # the next heartbeat's answer asks again

    def _message(self, number: str, probed: Probed) -> SourceTestMessage:
        height, width = probed.image.shape[:2] if probed.image is not None else (0, 0)
        return SourceTestMessage(
            id=number,
            outcome=probed.outcome,
            problem=probed.problem,
            codec=probed.codec,
            width=width,
            height=height,
            fps=round(min(probed.fps, 1000.0), 1),
            clock_s=probed.clock_s,
            picture=self._small(probed.image) if probed.outcome == PICTURE and probed.image is not None else "",
        )

    def _small(self, image: np.ndarray) -> str:
        config = self.config()
        if not config.present:
            return ""  # without a configuration no picture leaves the camera
        masked = Mask(config.masks).apply(image)
        shown = blur(masked, [face.box for face in detectors.load("faces", threshold=0.4).find(masked)])
        longest = max(shown.shape[:2])
        if longest > SMALL:
            shown = cv2.resize(shown, None, fx=SMALL / longest, fy=SMALL / longest, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
        return base64.b64encode(jpeg).decode() if len(jpeg) <= TEST_PICTURE_BYTES else ""

    def _verify(self, document: Any) -> SourceDocument:
        if not isinstance(document, dict):
            raise DocumentRejected("the source is no object")
        try:
            body = signing.verify_document(document, self.identity.portal_public_key)
            accepted = SourceDocument.parse(body)
        except (signing.SignatureRejected, ContractError, ValueError, TypeError) as error:
            raise DocumentRejected(f"the source is not accepted: {error}") from error
        if (accepted.site, accepted.camera) != (self.identity.site, self.identity.camera):
            raise DocumentRejected("the source is for another camera")
        return accepted

    def _unseal(self, sealed: str) -> str:
        try:
            (found,) = unseal(sealed, self.key, purpose=PURPOSE)
            if not isinstance(found["address"], str):
                raise ValueError("no address")
        except (GalleryRejected, ValueError, KeyError) as error:
            raise DocumentRejected("the source was sealed for another agent, or is damaged") from error
        return found["address"]

    def _load(self) -> tuple[str, str]:
        """What was kept; agent.toml's address counts when there is none or it is not accepted any more."""
        try:
            accepted = self._verify(json.loads((self.folder / FILE).read_text()))
            return accepted.id, self._unseal(accepted.sealed)
        except FileNotFoundError:
            return "", ""
        except (OSError, ValueError, DocumentRejected) as error:
            log.error("the kept address is not used (%s): reading what agent.toml names", error)
            return "", ""
