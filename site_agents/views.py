"""Where the camera looked when its masks, zones and lines were drawn: kept over a restart, and an alarm that no configuration can leave out."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from detectors.files import PRIVATE, write_durably
from detectors.rules.camera_tampered import CameraTamperedRule
from detectors.rules.scene import ELSEWHERE, CameraRule, RuleFinding, SceneView
from site_agents.signed_config import SignedConfig

KIND = "camera_tampered"
log = logging.getLogger("site_agents.views")


def places_of(config: SignedConfig) -> str:
    """A name for everything that is drawn on the picture, and for the view it belongs to: it changes with a point of a mask, zone or line, when a person says
    that the view of now is the right one, and with nothing else."""
    drawn = [config.masks, sorted({(rule.zone.name, rule.zone.polygon) for rule in config.rules if rule.zone})]
    drawn.append(sorted({(rule.line.name, rule.line.a, rule.line.b) for rule in config.rules if rule.line}))
    drawn += [config.view] if config.view else []
    return hashlib.sha256(json.dumps(drawn).encode()).hexdigest()[:32]


class ViewStore:
    """The file `view/<places>.npz` of an agent: what the camera's view is compared with. Only the newest is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "view"

    def load(self, places: str) -> bytes:
        """The reference for what is drawn; b"" when there is none."""
        try:
            return (self.folder / f"{places}.npz").read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            log.error("the view's reference cannot be read (%s): it is learnt anew", error)
            return b""

    def keep(self, places: str, content: bytes) -> None:
        """Write the reference for what is drawn; a disk that cannot take it is tried again with the next version."""
        try:
            self.folder.mkdir(exist_ok=True)
            write_durably(self.folder / f"{places}.npz", content, mode=PRIVATE)
            for file in self.folder.glob("*.npz"):
                if file.stem != places:
                    file.unlink(missing_ok=True)
        except OSError as error:
            log.error("the view's reference cannot be kept (%s): after a restart it is learnt anew", error)


class ViewAlarm:
    """Says that the camera was turned where no rule of the configuration would: suspended rules must not be silent about it."""

    def __init__(self, config: SignedConfig) -> None:
        needed = config.present and bool(config.masks or config.rules) and all(rule.kind != KIND for rule in config.rules)
        self._rule = CameraTamperedRule(CameraRule(KIND)) if needed else None

    def step(self, view: SceneView) -> list[RuleFinding]:
        """A finding when the camera begins to look elsewhere."""
        if self._rule is None:
            return []
        return self._rule.step(SceneView(view.t, view.width, view.height, health=tuple(each for each in view.health if each.kind in ELSEWHERE)))
