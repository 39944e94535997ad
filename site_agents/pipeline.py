"""From a frame to findings: mask, look, follow, judge; the one path every picture takes."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from detectors.errors import DetectorError
from detectors.health.viewpoint import SAME, ViewState
from detectors.rules import registry
from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, RuleFinding, SceneView
from detectors.tracking import Tracker
from detectors.types import Detection, Frame
from site_agents.clock import Clock
from site_agents.faces import BIOMETRIC, FINDER, FPIR, LIVENESS, SHARP, FaceRecognizer, RecognitionLimits, limits_of
from site_agents.models import FAILURES, weights_digest
from site_agents.privacy import Mask
from site_agents.signed_config import M0, M1, NO_CONFIG, SignedConfig
from site_agents.staff_list_store import NOBODY, Staff
from site_agents.stages import Stages
from site_agents.views import ViewAlarm, ViewStore, places_of

HEALTH = "camera-health"
ALWAYS = ("people", "anomaly", HEALTH)
PATIENCE = 3  # failures in a row after which a model is given back
log = logging.getLogger("site_agents.pipeline")


class Loads(Protocol):
    """Builds the detector `name` as it is installed at this camera."""

    def __call__(self, name: str, **options: Any) -> Any: ...


@dataclasses.dataclass(frozen=True, slots=True)
class PipelineStep:
    """What one frame led to. `frame` is masked; `mode` is the legal mode that held."""

    frame: Frame
    mode: str
    tracks: tuple[Detection, ...] = ()
    anomaly: Detection | None = None
    health: tuple[Detection, ...] = ()
    findings: tuple[RuleFinding, ...] = ()
    elsewhere: bool = False  # the camera looks elsewhere than where its zones were drawn: its rules were not asked
    featureless: bool = False  # too little stands still in its picture to notice that


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """What a detector gave for the last frame, which weights it used, and how long it took."""

    found: Any
    sha256: str
    ms: float


class Pipeline:
    """One camera's detectors, tracker and rules. `step` belongs to one thread; `apply`, `swap` and `stop_biometrics` may come from any.

    `failed(name, reason)` is told when a detector fails again and again. `staff` is whom a door may recognise, and may be replaced at any time.
    """

    def __init__(
        self,
        load: Loads,
        clock: Clock,
        *,
        drone: bool = False,
        fps: float = 5.0,
        failed: Callable[[str, str], None] = lambda *_: None,
        views: ViewStore | None = None,
    ) -> None:
        self.load, self.clock, self.drone, self.fps, self.failed, self.views = load, clock, drone, fps, failed, views
        self.stages = Stages()
        self.signed_config, self._next = NO_CONFIG, None
        self.stopped, self.staff = False, NOBODY
        self._detectors: dict[str, Any] = {}
        self._swaps: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._troubles: Counter[str] = Counter()
        self.looked: dict[str, Looked] = {}
        self._view_of, self._view_with, self._view_kept = "", None, 0
        self._tracker = self._new_tracker()
        self.recognizer = FaceRecognizer(self._detector, self._run)
        self._apply_config(NO_CONFIG)

    @property
    def mode(self) -> str:
        """The legal mode that holds now: M0 without a valid configuration, and as soon as biometrics are stopped."""
        return M0 if self.stopped else self.signed_config.mode(self.clock.latest())

    @property
    def loaded(self) -> dict[str, str]:
        """Detectors in use and the sha256 of their weights."""
        return {name: detector.card.sha256 for name, detector in list(self._detectors.items())}

    @property
    def own_weights(self) -> dict[str, str]:
        """sha256 of this camera's own weights, by detector, where it uses some in the place of the shared ones."""
        return {name: digest for name, each in list(self._detectors.items()) if (digest := weights_digest(each.card)) != each.card.sha256}

    def apply_config(self, signed_config: SignedConfig) -> None:
        """Follow this configuration from the next frame on."""
        with self._lock:
            self._next = signed_config

    def swap(self, name: str, detector: Any) -> None:
        """Use this detector from the next frame on."""
        with self._lock:
            self._swaps[name] = detector

    def stop_biometrics(self, stopped: bool) -> None:
        """Halt every biometric function at once, or allow what the configuration allows."""
        self.stopped = stopped

    def step(self, frame: Frame) -> PipelineStep:
        """Take the next frame."""
        self._take_changes()
        self._take_view(frame.camera)
        self.looked = {}
        if frame.n == 0:
            self.begin_anew()
        mode = self.mode
        if mode != M1:
            self._forget_faces()
        with self.stages("mask"):
            frame = dataclasses.replace(frame, image=self._mask.apply(frame.image))
        health = tuple(self._run(HEALTH, lambda detector: detector.step(frame), []))
        with self.stages("mask"):
            where = self._view(frame.camera, health)
            frame = dataclasses.replace(frame, image=self._mask.follow(frame.image, where))
            self._keep_view(frame.camera)
        elsewhere = SceneView(frame.t, health=health).elsewhere
        objects = self._run("people", lambda detector: detector.detect([frame.image])[0], [])
        at_door = mode == M1 and bool(self._doors) and not elsewhere
        if at_door and self._live_only:
            self._detector(LIVENESS)  # before the first face comes: the heartbeat shows whether it is here
        faces = self._run(FINDER, lambda _: self.recognizer.find(frame), []) if at_door else []
        with self.stages("tracking"):
            tracks = tuple(self._tracker.update(frame, [*objects, *faces]))
        tracks = self._judge_faces(frame, tracks, self.staff) if at_door else tracks
        anomaly = self._run("anomaly", lambda detector: detector.step(frame), None)
        with self.stages("rules"):
            view = SceneView(
                frame.t,
                frame.image.shape[1],
                frame.image.shape[0],
                tracks,
                tuple(objects),
                anomaly,
                health,
                best=self.recognizer.best(),
                wall_t=self.clock.stamp(frame.t),
            )
            findings = (*self.engine.step(view, mode), *self._turned.step(view), *self.recognizer.news(frame.t, self.staff))
        return PipelineStep(frame, mode, tracks, anomaly, health, findings, elsewhere, where is not None and where.featureless)

    def silence(self, t: float, silent_s: float) -> list[RuleFinding]:
        """What there is to report at the steady time `t` when no frame comes."""
        self._take_changes()
        return self.engine.step(SceneView(t, silent_s=silent_s, wall_t=self.clock.stamp(t)), self.mode)

    def detector(self, name: str) -> Any:
        """A loaded detector, or None."""
        return self._detectors.get(name)

    def ready(self, name: str) -> Any:
        """A detector, loaded now if need be; None when it cannot be used."""
        return self._detector(name)

    def options(self, name: str) -> dict[str, Any]:
        """How this camera's configuration wants a detector built."""
        return {option: value for option, value in self.signed_config.detectors.get(name, {}).items() if option != "enabled"}

    def begin_anew(self) -> None:
        """The source has started again: tracks and stays of before mean nothing now."""
        self._tracker = self._new_tracker()
        self.recognizer.begin_anew()
        self.engine.reset()

    def _judge_faces(self, frame: Frame, tracks: tuple[Detection, ...], staff: Staff) -> tuple[Detection, ...]:
        """The tracks, with what is known of the faces in the zones of the doors."""
        inside, must_live = _within(self._doors, frame), _within(self._live_only, frame)
        plain = [track for track in tracks if track.kind != "face"]
        return tuple(self._run(SHARP, lambda _: self.recognizer.follow(frame, tracks, staff, self.clock.latest(), inside, must_live), plain))

    def _take_view(self, camera: str) -> None:
        """Masks, zones and lines were drawn on what the camera saw then: with others the view of now is what counts, with those of before the kept one."""
        drawn = places_of(self.signed_config)
        detector = self._detector(HEALTH)
        if detector is None or (self._view_of, self._view_with) == (drawn, detector):
            return
        if self._view_with is detector:
            self.ask(HEALTH, lambda detector: detector.forget(camera))
        self._view_of, self._view_with, self._view_kept = drawn, detector, 0
        if self.views is not None and (content := self.views.load(drawn)):
            self.ask(HEALTH, lambda detector: detector.recall(camera, content))

    def _keep_view(self, camera: str) -> None:
        version = self.ask(HEALTH, lambda detector: detector.reference_version(camera), 0)
        if self.views is None or version == self._view_kept:
            return
        self._view_kept = version
        if content := self.ask(HEALTH, lambda detector: detector.reference(camera), b""):
            self.views.keep(self._view_of, content)

    def _view(self, camera: str, health: Sequence[Detection]) -> ViewState | None:
        """Where the camera looks; None when that should be watched and cannot be, so that masks must not be relied on."""
        if self.drone or self.signed_config.detectors.get(HEALTH, {}).get("enabled", True) is False:
            return SAME
        covered = any(each.kind == "covered" for each in health)  # or turned to where there is nothing to compare
        return None if covered else self.ask(HEALTH, lambda detector: detector.view(camera))

    def _forget_faces(self) -> None:
        self.recognizer.forget()
        for name in BIOMETRIC:
            self._detectors.pop(name, None)

    def _run(self, name: str, look: Callable[[Any], Any], nothing: Any) -> Any:
        """Let one detector look at this frame, and time it."""

        def timed(detector: Any) -> Any:
            began = time.perf_counter()
            with self.stages(name):
                found = look(detector)
            self.looked[name] = Looked(found, detector.card.sha256, (time.perf_counter() - began) * 1000)
            return found

        return self.ask(name, timed, nothing)

    def ask(self, name: str, look: Callable[[Any], Any], nothing: Any = None) -> Any:
        """What one detector says; one that cannot is left out this time, one that never can is reported."""
        detector = self._detector(name)
        if detector is None:
            return nothing
        try:
            found = look(detector)
            self._troubles.pop(name, None)
            return found
        except FAILURES as error:
            self._troubles[name] += 1
            if self._troubles[name] == PATIENCE:
                log.error("the detector %s fails again and again: %s", name, error)
                self.failed(name, f"{type(error).__name__}: {error}")
            return nothing

    def _detector(self, name: str) -> Any:
        if name not in self._detectors:
            options = dict(self.signed_config.detectors.get(name, {}))
            if options.pop("enabled", True) is False or self._troubles[name] >= PATIENCE:
                return None
            if name == HEALTH:
                options.setdefault("moving", self.drone)
            try:
                self._detectors[name] = self.load(name, **options)
            except (DetectorError, TypeError, ValueError) as error:
                self._troubles[name] = PATIENCE
                log.error("the detector %s cannot be used: %s", name, error)
                return None
        return self._detectors[name]

    def _take_changes(self) -> None:
        with self._lock:
            signed_config, self._next = self._next, None
            swaps, self._swaps = self._swaps, {}
        if signed_config is not None:
            self._apply_config(signed_config)
        for name, detector in swaps.items():
            self._detectors[name] = detector
            self._troubles.pop(name, None)

    def _apply_config(self, signed_config: SignedConfig) -> None:
        for name in {*self._detectors, *signed_config.detectors}:
            if signed_config.detectors.get(name) != self.signed_config.detectors.get(name):
                self._detectors.pop(name, None)
                self._troubles.pop(name, None)
        self.signed_config, self._mask, self.engine = signed_config, Mask(signed_config.masks), Engine(signed_config.rules)
        self._turned = ViewAlarm(signed_config)
        self._doors = [rule for rule in signed_config.rules if rule.kind in registry.kinds() and registry.kinds()[rule.kind].compares_faces]
        self._live_only = [rule for rule in signed_config.rules if rule.kind == registry.NOT_LIVE_FACE and _is_at_door(rule, self._doors)]
        self.recognizer.limits = _limits(self._doors)

    def _new_tracker(self) -> Tracker:
        return Tracker("drone" if self.drone else "fixed", self.fps)


def _is_at_door(rule: CameraRule, doors: Sequence[CameraRule]) -> bool:
    """Whether faces are compared in the rule's zone at all. It opens no door of its own: where nobody is named, nobody is looked at for being live."""
    if any(door.zone is None or rule.zone is None or door.zone == rule.zone for door in doors):
        return True
    log.warning("the rule %s is left out: no rule compares faces in the zone %s, so there is no name to withhold", rule.kind, rule.zone and rule.zone.name)
    return False


def _within(rules: Sequence[CameraRule], frame: Frame) -> Callable[[Detection], bool]:
    """Whether a face of this frame stands in a zone of these rules."""
    height, width = frame.image.shape[:2]

    def holds(face: Detection) -> bool:
        x, y = face.box.foot
        return any(rule.zone is None or rule.zone.contains((x / width, y / height)) for rule in rules)

    return holds


def _limits(doors: Sequence[CameraRule]) -> RecognitionLimits:
    """The strictest of the doors' wishes; numbers that make no sense were left out with their rule, and do not count here either."""
    asked = [limits for rule in doors if (limits := limits_of(rule))]
    return RecognitionLimits(min((each.fpir for each in asked), default=FPIR), max((each.threshold for each in asked if each.threshold), default=None))
