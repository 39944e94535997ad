"""Alerts as this site's operators judged them: features of each alert, and the verdicts that the portal hands on. Nothing of it leaves this box."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import logging
import re
import threading
import time
import uuid
import zoneinfo
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors import image
from detectors.files import BAD_ARCHIVE, PRIVATE, replacing, write_durably
from detectors.objects import head
from detectors.types import Box, Detection
from federated.contract.documents import AlertLabels
from federated.contract.events import AgentEvent
from federated.contract.message import ContractError
from federated.learning.tasks.object_head import FOLDER, LABELS
from federated.trust import signing
from site_agents.errors import DocumentRejected
from site_agents.models import FAILURES
from site_agents.signed_config import Identity

if TYPE_CHECKING:
    from site_agents.pipeline import Pipeline

DAY_S = 86_400.0
MOST = 2000  # files of alerts that nobody has judged, and as many of judged ones
UNLABELLED_DAYS, LABELLED_DAYS = 30, 180
A_SECOND = 3  # looks at the most: each is a run of the people net, and several events of one moment must not hold up the camera
TIDY_S = 3600.0
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
log = logging.getLogger("site_agents.alert_labels")


class AlertLabelStore:
    """`training/objects/<event id>.npz` (nobody has judged it) or `<event id>.<label>.npz`: a label is a file's new name, so it is there whole or not at all.

    `see` belongs to the thread that watches, `take` and `status` to the heartbeat's.
    """

    def __init__(self, folder: Path, identity: Identity, *, keeps: bool) -> None:
        self.folder, self.identity, self.keeps = folder / FOLDER, identity, keeps
        self.number = self._read_number()
        self._looks: deque[float] = deque(maxlen=A_SECOND)
        self._tidied, self._lock = float("-inf"), threading.Lock()
        self._counted: int | None = None  # every heartbeat asks; the folder is read again only after a change

    def see(self, event: AgentEvent, jpeg: bytes, pipeline: Pipeline, zone: str = "") -> AgentEvent:
        """Keep the features of an alert's picture, and say how likely it is a false alarm when trained weights are here. Never raises, never holds back."""
        trained = getattr(pipeline.ready(head.NAME), "trained", False)
        if event.kind in head.EXCLUDED or not (trained or self.keeps) or not self._may_look(event.t):
            return event
        features = _features(event, jpeg, pipeline, zone)
        if features is None:
            return event
        if self.keeps:
            self._keep(event, features, pipeline.loaded["people"])
        doubt = pipeline.ask(head.NAME, lambda built: float(built.judge(features[None])[0])) if trained else None
        return event if doubt is None else dataclasses.replace(event, data={**event.data, "false_alarm": round(doubt, 3)})

    def take(self, document: Any) -> None:
        """Verdicts since the last ones, signed by the portal; taken twice they change nothing. Raises DocumentRejected."""
        labels, number = verify(document, self.identity, self.number)
        if not self.keeps:
            return
        with self._lock:
            for event, label in labels:
                self._label(event, label)
            self._counted = None
            self._write_number(number)

    def status(self) -> dict[str, Any]:
        """For a heartbeat: the number of the last verdict that is written down here, and so need not be sent again."""
        self._tidy()
        return {"number": self.number}

    @property
    def count(self) -> int:
        """Judged alerts kept here."""
        if self._counted is None:
            self._counted = sum(1 for name in LABELS for _ in self.folder.glob(f"*.{name}.npz"))
        return self._counted

    def _may_look(self, t: float) -> bool:
        if len(self._looks) == A_SECOND and 0 <= t - self._looks[0] < 1:
            return False
        self._looks.append(t)
        return True

    def _keep(self, event: AgentEvent, features: np.ndarray, net: str) -> None:
        file = self.folder / f"{event.id}.npz"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(file) as target:
                np.savez(target, features=features, net=np.array(net))
        except OSError as error:
            log.warning("no alert can be kept for training: %s", error.strerror)

    def _label(self, event: str, label: str) -> None:
        """The newest verdict wins; of an event that is not kept (any more) nothing is written."""
        names = [self.folder / f"{event}.npz", *(self.folder / f"{event}.{name}.npz" for name in LABELS)]
        wanted = self.folder / (f"{event}.{label}.npz" if label else f"{event}.npz")
        for file in names:
            if file != wanted and file.exists():
                file.replace(wanted)

    def _tidy(self) -> None:
        """Once an hour: away with what is old, and with the oldest when there is too much."""
        if time.monotonic() - self._tidied < TIDY_S:
            return
        if self._tidied == float("-inf"):
            self._drop_damaged()
        self._tidied = time.monotonic()
        files = sorted(self.folder.glob("*.npz"))
        labelled = [file for file in files if file.name.count(".") == 2]
        unlabelled = [file for file in files if file.name.count(".") == 1]
        with self._lock, contextlib.suppress(OSError):
            for kept, days in ((unlabelled, UNLABELLED_DAYS), (labelled, LABELLED_DAYS)):
                for n, file in enumerate(kept):
                    if n < len(kept) - MOST or time.time() - _made(file) > days * DAY_S:
                        file.unlink(missing_ok=True)
        self._counted = None

    def _drop_damaged(self) -> None:
        """What a power cut left half written would keep this site from training."""
        for file in (*self.folder.glob("*.npz"), *self.folder.glob("*.part")):
            if not _is_whole(file):
                file.unlink(missing_ok=True)
                log.warning("%s was damaged and is gone", file.name)

    def _read_number(self) -> int:
        """0 when it is lost: the portal then says again what it knows, which changes nothing."""
        try:
            number = json.loads((self.folder / "verdicts.json").read_text())["number"]
            return number if isinstance(number, int) and number >= 0 else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _write_number(self, number: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / "verdicts.json", json.dumps({"number": number}), mode=PRIVATE)
        self.number = number


def verify(document: Any, identity: Identity, number: int) -> tuple[list[tuple[str, str]], int]:
    """Event ids with their labels ("": taken back), and the number they reach. Raises DocumentRejected with the reason."""
    try:
        body = AlertLabels.parse(signing.verify_document(document, identity.portal_public_key))
    except ContractError as error:
        raise DocumentRejected(f"verdicts make no sense: {error}") from error
    except (signing.SignatureRejected, ValueError, TypeError, AttributeError) as error:
        raise DocumentRejected(f"verdicts are not signed by our portal: {error}") from error
    if (body.site, body.camera) != (identity.site, identity.camera):
        raise DocumentRejected("verdicts of another camera came")
    if body.after not in (0, number):
        raise DocumentRejected(f"verdicts {body.after} to {body.upto} do not follow on {number}")
    return list(body.labels), body.upto


def kept_features(folder: Path, most: int) -> list[np.ndarray]:
    """The newest features kept in an agent's folder; what cannot be read is left out."""
    found = []
    for file in sorted((folder / FOLDER).glob("*.npz"))[-most:]:
        if _is_whole(file):
            with np.load(file, allow_pickle=False) as content:
                found.append(content["features"].astype(np.float32))
    return found


def _features(event: AgentEvent, jpeg: bytes, pipeline: Pipeline, zone: str) -> np.ndarray | None:
    """Of the picture as the operator will see it: in mode M0 the faces in it are blurred."""
    people, found = pipeline.detector("people"), next((each for each in event.detections if each.box is not None), None)
    if people is None or found is None:
        return None
    try:
        detection = Detection(found.kind, found.score, Box(*found.box), found.track, found.data)
        return head.describe(people, image.read(jpeg), detection, event=event.kind, hour=hour_of_day(event.t, zone))
    except FAILURES as error:
        log.warning("the alert %s has no features: %s", event.id, error)
        return None


def hour_of_day(t: float, zone: str) -> float:
    """The hour of the day at the site, UTC when nobody has said where it is."""
    moment = datetime.datetime.fromtimestamp(t, zoneinfo.ZoneInfo(zone) if zone else datetime.UTC)
    return moment.hour + moment.minute / 60


def _made(file: Path) -> float:
    """When the event was made, by its id; what has no id is as old as can be."""
    name = file.name.split(".")[0]
    return (uuid.UUID(name).int >> 80) / 1000 if ID.fullmatch(name) else 0.0


def _is_whole(file: Path) -> bool:
    try:
        with np.load(file, allow_pickle=False) as content:
            return content["features"].shape == (head.SIZE,) and bool(np.isfinite(content["features"]).all()) and bool(str(content["net"]))
    except BAD_ARCHIVE:
        return False
