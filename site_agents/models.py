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
from site_agents import calibration

log = logging.getLogger("site_agents.models")

# What a detector may raise on a picture; onnxruntime's exceptions share no public base class.
ONNX_ERRORS = tuple(each for each in vars(onnx_errors).values() if isinstance(each, type) and issubclass(each, Exception))
FAILURES = (DetectorError, cv2.error, ValueError, RuntimeError, *ONNX_ERRORS)


@dataclasses.dataclass(frozen=True, slots=True)
class Installed:
    """sha256 of the published weights in use and of those before them; None is the release's own."""

    current: str | None = None
    previous: str | None = None


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

    def path(self, name: str, sha256: str) -> Path:
        """Where a published file lies, or would lie."""
        return self.folder / name / f"{sha256}.onnx"

    def build(self, name: str, file: Path | None, options: dict[str, Any] | None = None) -> Any:
        """The detector with these weights (None: the release's own) and this camera's calibration. Raises DetectorError."""
        options = options or {}
        if name == calibration.DETECTOR:
            digest = weights.sha256_of(file) if file else detectors.card(name).sha256
            options = {"calibration": calibration.load(self.home, digest), **options}
        return detectors.load(name, path=file, **options)

    def _read(self) -> dict[str, Installed]:
        try:
            fields = json.loads((self.folder / "installed.json").read_text())
            return {str(name): Installed(each["current"], each["previous"]) for name, each in fields.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("models/installed.json is damaged (%s): every detector uses the release's own weights", error)
            return {}
