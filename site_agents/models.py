"""Which weights each detector of this camera uses: those of the release, or ones the portal has published and this camera has tested."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from pathlib import Path
from typing import Any

import cv2
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

import detectors
from detectors import weights
from detectors.errors import DetectorError
from detectors.files import PRIVATE, write_durably
from detectors.types import ModelCard
from federated.learning import personal
from site_agents import calibration

OWN_WEIGHTS = "own_weights"  # in a card's metrics: the sha256 of the weights that this camera made for itself from those the card names
log = logging.getLogger("site_agents.models")

# What a detector may raise on a picture; onnxruntime's exceptions share no public base class.
ONNX_ERRORS = tuple(each for each in vars(onnx_errors).values() if isinstance(each, type) and issubclass(each, Exception))
FAILURES = (DetectorError, cv2.error, ValueError, RuntimeError, *ONNX_ERRORS)


@dataclasses.dataclass(frozen=True, slots=True)
class Installed:
    """sha256 of the published weights in use and of those before them; None is the release's own."""

    current: str | None = None
    previous: str | None = None


def weights_digest(card: ModelCard) -> str:
    """sha256 of the weights that compute, be they shared or this camera's own: what a calibration belongs to."""
    return str(card.metrics.get(OWN_WEIGHTS) or card.sha256)


class ModelStore:
    """The folder `models/` of an agent. May be used from several threads."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder, folder / "models"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._installed = self._read()

    def load(self, name: str, **options: Any) -> Any:
        """The detector as installed here; falls back to the release's weights when a published file is damaged. Raises DetectorError."""
        installed = self.installed(name)
        if installed.current is not None:
            file = self.path(name, installed.current)
            try:
                return self.build(name, weights.verify(file, installed.current), options)
            except (DetectorError, OSError) as error:
                log.error("the installed model of %s cannot be used (%s): back to the release's own", name, error)
                self.install(name, None)
        return self.build(name, None, options)

    def installed(self, name: str) -> Installed:
        """What is installed for a detector."""
        with self._lock:
            return self._installed.get(name, Installed())

    def names(self) -> list[str]:
        """Detectors that use published weights."""
        with self._lock:
            return [name for name, each in self._installed.items() if each.current is not None]

    def install(self, name: str, sha256: str | None) -> None:
        """Write down that these weights are used from now on; what was used before stays, as the way back."""
        with self._lock:
            before = self._installed.get(name, Installed()).current
            self._installed[name] = Installed(sha256, before)
            kept = {each for each in (sha256, before) if each}
            installed = {each: dataclasses.asdict(found) for each, found in self._installed.items()}
            write_durably(self.folder / "installed.json", json.dumps(installed), mode=PRIVATE)
        for file in (self.folder / name).glob("*.onnx"):
            if file.stem not in kept:
                file.unlink(missing_ok=True)
        personal.prune(self.home, name, kept)

    def path(self, name: str, sha256: str) -> Path:
        """Where a published file lies, or would lie."""
        return self.folder / name / f"{sha256}.onnx"

    def build(self, name: str, file: Path | None, options: dict[str, Any] | None = None) -> Any:
        """The detector with these weights (None: the release's own), this camera's own weights made from them where it has some, and its calibration.

        Its card bears the sha256 of the shared weights, whoever trained on. Own weights that cannot be used are dropped. Raises DetectorError.
        """
        digest = weights.sha256_of(file) if file else detectors.card(name).sha256
        if (own := personal.find(self.home, name, digest)) is not None:
            try:
                return self._build(name, own.path, own.sha256, options, shared=digest)
            except (DetectorError, OSError) as error:
                log.error("this camera's own weights of %s cannot be used (%s): it stays with the shared ones", name, error)
                personal.drop(self.home, name, digest)
        return self._build(name, file, digest, options)

    def _build(self, name: str, file: Path | None, digest: str, options: dict[str, Any] | None, shared: str = "") -> Any:
        options = options or {}
        if name == calibration.DETECTOR:
            options = {"calibration": calibration.load(self.home, digest), **options}
        made = detectors.load(name, path=file, **options)
        if shared:
            made.card = dataclasses.replace(made.card, sha256=shared, metrics={**made.card.metrics, OWN_WEIGHTS: digest})
        return made

    def _read(self) -> dict[str, Installed]:
        try:
            fields = json.loads((self.folder / "installed.json").read_text())
            return {str(name): Installed(each["current"], each["previous"]) for name, each in fields.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("models/installed.json is damaged (%s): every detector uses the release's own weights", error)
            return {}
