"""One camera's agent, put together: frames in, events out, the signed configuration applied; the main thread watches, everything slow has its own."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
import time
from typing import Any

from detectors.rules.registry import RECOGNISED, raises_alert
from detectors.rules.scene import RuleFinding
from detectors.types import Detection, Frame, uuid7
from federated.contract.events import AgentEvent, EventDetection
from federated.contract.heartbeat import (
    CameraStatus,
    CanaryStatus,
    DoorStatus,
    Heartbeat,
    HeartbeatAnswer,
    LabelsHeld,
    OutboxStatus,
    StaffListHeld,
    TrainingTerms,
)
from site_agents import calibration, credentials, signed_config
from site_agents.alert_labels import AlertLabelStore
from site_agents.canary import CanaryComparisons, CanaryDisagreement
from site_agents.clock import TOLERATED_S, Clock, moment, steady
from site_agents.config import Config
from site_agents.disagreements import DisagreementSender
from site_agents.errors import DocumentRejected, StaffListRefused
from site_agents.evidence import Evidence, face_finder
from site_agents.host import only_one
from site_agents.link import PortalLink, identity_of, read_portal
from site_agents.models import ModelStore, weights_digest
from site_agents.neighbours.live import NeighbourService
from site_agents.outbox import Outbox
from site_agents.outbox_writer import OutboxWriter
from site_agents.pipeline import Pipeline, PipelineStep
from site_agents.portal_source import PortalSource
from site_agents.restarts import Restarts
from site_agents.rotation import Rotation
from site_agents.signed_config import M0, M1, SignedConfig
from site_agents.staff_list_store import NOBODY, StaffListStore
from site_agents.store import Medium
from site_agents.training import Footage, SuperNodeSupervisor, step_now
from site_agents.updates import Updates
from site_agents.uplink import Heart, Sender
from site_agents.versions import on_mains, versions
from site_agents.views import ViewStore
from site_agents.witness import WitnessStore

TAKE_S = 0.5
SUPERVISE_S = 1.0
MARK_S = 60.0  # how exactly the time of a power cut is known
UNFILMED = (RECOGNISED,)  # for the face log: the face is enough, who else passed by is nobody's business
STOPPED = "biometrics_stopped"  # a file: the stop button holds over a restart, until the portal takes it back
log = logging.getLogger("site_agents.agent")


class CameraAgent:
    """Everything of one agent's folder. `run` returns when asked to stop, or when a source without a loop has ended. `last`: what the newest frame led to."""

    def __init__(self, config: Config) -> None:
        self.config, self.folder, self.started = config, config.folder, round(time.time(), 3)
        self._lock = only_one(self.folder)
        credentials.finish_move(self.folder)
        portal, key = read_portal(self.folder), credentials.own_key(self.folder)
        self.restarts = Restarts(self.folder)
        self.restarts.begin()
        self.identity, self.clock = identity_of(portal), Clock()
        self.link = PortalLink(config.portal, key, portal["agent_id"], self.clock)
        self.witness = WitnessStore(self.folder, self.identity, portal["agent_id"])
        self.outbox = Outbox(self.folder, int(config.outbox.media_mb * 1e6))
        self.writer = OutboxWriter(self.outbox)
        self.models = ModelStore(self.folder)
        self.pipeline = Pipeline(self.models.load, self.clock, drone=config.source.kind == "drone", fps=config.source.fps, views=ViewStore(self.folder))
        self.updates = Updates(self.models, self.link, self.identity.portal_public_key, self.pipeline.swap, budget_ms=1000 / config.source.fps)
        self.pipeline.failed = self.updates.fail
        self.disagreement_sender = DisagreementSender(self.link)
        self.canaries = CanaryComparisons(self._picture, self._disagree)
        self.updates.canaries, self.updates.options = self.canaries, self.pipeline.options
        self.pipeline.stop_biometrics((self.folder / STOPPED).exists())
        self.signed_config = self._within(signed_config.load(self.folder, self.identity))
        self.pipeline.apply_config(self.signed_config)
        self.staff_list = StaffListStore(self.folder, self.identity, names=config.neighbours.keep == "expected")
        self.neighbour_service = NeighbourService(self.folder, self.staff_list, self.link, config.neighbours, portal["agent_id"])
        self.pipeline.recognizer.others = self.neighbour_service if config.neighbours.host else None
        self.pipeline.staff = self.staff_list.load(self.clock.latest()) if self.signed_config.mode(self.clock.latest()) == M1 else NOBODY
        self.portal_source = PortalSource(self.folder, self.identity, self.link, self.staff_list.key, lambda: self.signed_config)
        self.capture = self.portal_source.capture(config.source)
        self.evidence = Evidence(face_finder, self._add_clip)
        self.footage = Footage(self.folder, config.training)
        self.alert_labels = AlertLabelStore(self.folder, self.identity, keeps=config.training.enabled)
        self.training = SuperNodeSupervisor(self.folder, config.training, portal)
        self.sender = Sender(self.outbox, self.link, self.identity)
        self.rotation = Rotation(self.folder, self.link, self.training.renew)
        self.heart = Heart(self.link, self.status, self.apply_answer, self.revoke)
        self._stopping, self._failure = threading.Event(), None
        self.last: PipelineStep | None = None
        self._supervised, self._marked = 0.0, time.monotonic()
        self._calibrated = ""

    @property
    def closed(self) -> bool:
        """Whether the folder is free again for another agent."""
        return self._lock.closed

    def stop(self, *_: object) -> None:
        """Ask to end; usable as a signal handler."""
        self._stopping.set()

    def fail(self, error: BaseException) -> None:
        """End because of an error in one of the threads: without it, part of the work would silently stand still. `run` raises it."""
        self._failure = self._failure or error
        self._stopping.set()

    def run(self) -> None:
        """Watch until asked to stop; then say what there is to say, and end. Raises what nobody expected, here or in a thread (`fail`)."""
        log.info("watching %s/%s, training: %s", self.identity.site, self.identity.camera, self.training.reason or "yes")
        threads = (self.capture, self.writer, self.evidence, self.sender, self.heart, self.updates, self.disagreement_sender)
        for thread in (self.neighbour_service, *threads):
            thread.start()
        try:
            while not self._stopping.is_set():
                frame = self.capture.take(TAKE_S)
                if frame is not None:
                    self.look(frame)
                elif self.capture.ended:
                    break
                else:
                    self.listen_to_silence()
                self.supervise()
        finally:
            self.close()
        if self._failure is not None:
            raise self._failure

    def look(self, frame: Frame) -> None:
        """Take one frame through everything."""
        began = time.perf_counter()
        step = self.pipeline.step(frame)
        self.last = step
        with self.pipeline.stages("evidence"):
            if self.signed_config.present:
                self.evidence.remember(step.frame)
            for finding in step.findings:
                self.record(finding, step)
            if self.heart.wants_frame and self.signed_config.present:
                self.heart.offer(self._picture(step))
        self.footage.add(step.frame, normal=self._is_normal(step))
        room_ms = (1 / self.config.source.fps - (time.perf_counter() - began)) * 1000
        self.canaries.look(step, self.pipeline.looked, self.signed_config, room_ms=room_ms, dropped=self.capture.dropped)

    def listen_to_silence(self) -> None:
        """No frame came: say so when it has lasted."""
        for finding in self.pipeline.silence(steady.now(), self.capture.silent_s):
            self.record(finding, None)

    def record(self, finding: RuleFinding, step: PipelineStep | None) -> AgentEvent:
        """Make an event of a finding, with its picture, and put both into the outbox."""
        mode = step.mode if step else self.pipeline.mode
        media, snapshot = [], None
        frame = finding.frame or (step.frame if step else None)
        if frame is not None and self.signed_config.present and (finding.kind == RECOGNISED or raises_alert(finding.kind)) and "ended" not in finding.data:
            media = [Medium(self.evidence.picture(frame, hide_faces=mode == M0), finding.score, finding.t)]
            snapshot = media[0].sha256
        event = self._event(finding, mode, frame, snapshot)
        if media:
            event = self.alert_labels.see(event, media[0].content, self.pipeline, self._timezone)
        event = self.writer.add(event, media)
        log.info("%s %s score %.2f (event %s)", finding.kind, finding.data.get("zone", finding.data.get("line", "")), finding.score, event.id)
        if media and finding.kind not in UNFILMED:
            self.evidence.want_clip(event, hide_faces=mode == M0)
        return event

    def status(self) -> Heartbeat:
        """How we are, as a heartbeat says it."""
        mode = self.pipeline.mode
        in_m1 = mode == M1
        return Heartbeat(
            t=time.time(),
            started=self.started,
            versions=versions(),
            legal_mode=mode,
            config_version=self.signed_config.version,
            camera=self.camera_status(),
            outbox=OutboxStatus(**self.writer.stats(), clips_left_out=self.evidence.left_out),
            models=self.pipeline.loaded,
            data={calibration.DETECTOR: self.footage.count, "object_head": self.alert_labels.count},
            own_weights=self.pipeline.own_weights,
            training=self.training.reason or "on",
            training_step=step_now(self.folder),
            terms=TrainingTerms(tasks=tuple(self.config.training.tasks), most_epsilon=self.config.training.most_epsilon),
            training_held_s=round(self.training.throttle.seconds, 1),
            mains=on_mains(),
            disk_free=shutil.disk_usage(self.folder).free,
            restarts=self.restarts.status(),
            trials={name: CanaryStatus(**each) for name, each in self.canaries.status().items()},
            verdicts=LabelsHeld(**self.alert_labels.status()) if self.alert_labels.keeps else None,
            gallery=StaffListHeld(**self.staff_list.status()) if in_m1 else None,
            door=DoorStatus(**self.pipeline.recognizer.report(self.pipeline.staff)) if in_m1 else None,
            neighbours=self.neighbour_service.status() if in_m1 and self.config.neighbours.host else None,
            audit=self.witness.receipt(self.link.key),
            **self.portal_source.status(),
        )

    def camera_status(self) -> CameraStatus:
        """State and figures of the camera; nothing old is called live."""
        state, last = self.capture.state, self.last
        if state == "live" and last is not None and last.health:
            state = "tampered"
        return CameraStatus(
            state="stale" if state == "ended" else state,
            fps=round(self.capture.fps, 2),
            dropped=self.capture.dropped,
            restarts=self.capture.restarts,
            problem=self.capture.problem[:300],
            problem_code=self.capture.problem_code,
            last_frame_t=None if self.capture.last_t is None else steady.to_wall(self.capture.last_t),
            width=self.capture.size[0],
            height=self.capture.size[1],
            people=sum(each.kind == "person" for each in last.tracks) if last is not None else 0,
            telemetry=last.frame.telemetry if last is not None else None,
            stages_ms=self.pipeline.stages.rounded(),
            faults=tuple(each.kind for each in last.health) if last is not None else (),
            suspended=last is not None and last.elsewhere,
            featureless=last is not None and last.featureless,
        )

    def apply_answer(self, answer: HeartbeatAnswer) -> None:
        """Do what a heartbeat's answer says. The stop button comes first."""
        self._set_stopped(answer.stop_biometrics)
        if answer.audit is not None:
            self.witness.take(answer.audit, self.link.key)
        if (document := answer.config) is not None:
            try:
                accepted = signed_config.verify(document, self.identity, newer_than=self.signed_config.version)
                signed_config.save(self.folder, document)
                self.signed_config = accepted = self._within(accepted)
                self.pipeline.apply_config(accepted)
                log.info("applying configuration %d (%s, %d rules)", accepted.version, accepted.legal_mode, len(accepted.rules))
            except DocumentRejected as error:
                log.error("%s", error)
            except OSError as error:
                log.error("the configuration cannot be kept (%s): staying with the one before", error)
        if answer.gallery is not None:
            self.apply_staff_list(answer.gallery)
        if answer.neighbours is not None and self.config.neighbours.host and self.pipeline.mode == M1:
            self.neighbour_service.take(answer.neighbours)
        if answer.verdicts is not None:
            self.apply_alert_labels(answer.verdicts)
        if answer.models is not None:
            self.updates.want(list(answer.models))
        self.portal_source.take(answer.source)
        self.rotation.look(answer.renew_keys)

    def apply_staff_list(self, document: Any) -> None:
        """Take news of the staff list, in mode M1 only, whatever the portal says; what is not accepted changes nothing."""
        if self.signed_config.mode(self.clock.latest()) != M1 or self.pipeline.stopped:
            log.error("a staff list came although this camera is in mode M0: it is refused")
            return
        try:
            self.pipeline.staff = self.staff_list.take(document, self.clock.latest())
            log.info("knowing version %d of the staff list (%d people)", self.pipeline.staff.version, len(self.pipeline.staff.entries))
        except StaffListRefused as error:
            log.error("the staff list is not accepted: %s", error)
        except OSError as error:
            self.pipeline.staff = self.staff_list.staff
            log.error("the staff list cannot be kept (%s): it holds until this agent ends", error)

    def apply_alert_labels(self, document: Any) -> None:
        """Take what operators said of this camera's alerts; what is not accepted or cannot be written changes nothing and comes again."""
        try:
            self.alert_labels.take(document)
        except (DocumentRejected, OSError) as error:
            log.error("verdicts are not taken: %s", error)

    def revoke(self) -> bool:
        """The portal accepts us no more: no biometrics, whatever the configuration allows. Watching goes on, events wait. True: new keys have mended it."""
        if self.rotation.rescue():
            return True
        self.pipeline.stop_biometrics(True)
        return False

    def supervise(self) -> None:
        """Once a second: the SuperNode, whom a door may still recognise, and a calibration that has just been learnt."""
        if time.monotonic() - self._supervised < SUPERVISE_S:
            return
        self._supervised = time.monotonic()
        if self._supervised - self._marked >= MARK_S:
            self._marked = self._supervised
            self.restarts.running()
        self.training.tick(self.capture.dropped, self.capture.frames)
        self._forget_staff()
        anomaly = self.pipeline.detector(calibration.DETECTOR)
        if anomaly is None or (digest := weights_digest(anomaly.card)) == self._calibrated:
            return
        if (found := anomaly.calibration(self.identity.camera)) is not None:
            self._calibrated = digest
            calibration.save(self.folder, digest, found)

    def close(self) -> None:
        """Stop everything in order: no new frames, finish clips, send what can be sent, end the children."""
        log.info("stopping")
        self.capture.stop()
        self.heart.stop()
        self.updates.stop()
        self.disagreement_sender.stop()
        self.evidence.stop()
        self.writer.stop()
        self.sender.stop()
        self.training.stop()
        self.neighbour_service.stop()
        self.witness.close(self.link.key)
        self.link.close()
        pending = self.outbox.stats()["pending"]
        self.outbox.close()
        self._lock.close()
        log.info("stopped; %d events wait in the outbox", pending)

    @property
    def _timezone(self) -> str:
        """Of the site, as its rules carry it."""
        return next((rule.timezone for rule in self.signed_config.rules), "")

    def _event(self, finding: RuleFinding, mode: str, frame: Frame | None, snapshot: str | None) -> AgentEvent:
        skew = self.clock.skew if abs(self.clock.skew) > TOLERATED_S else 0.0
        data = {**finding.data, "made_t": round(self.clock.now(), 4), "made_at": moment(), **({"clock_corrected_s": round(skew, 1)} if skew else {})}
        if frame is not None:
            data |= {"width": frame.image.shape[1], "height": frame.image.shape[0]} | ({"telemetry": frame.telemetry} if frame.telemetry else {})
        t = self.clock.stamp(finding.t)
        return AgentEvent(
            id=uuid7(t),
            site=self.identity.site,
            camera=self.identity.camera,
            t=t,
            seq=0,
            kind=finding.kind,
            score=finding.score,
            legal_mode=mode,
            detections=tuple(map(_detection, finding.detections)),
            snapshot=snapshot,
            models=self.pipeline.loaded,
            data=data,
        )

    def _picture(self, step: PipelineStep) -> bytes:
        return self.evidence.picture(step.frame, hide_faces=step.mode == M0)

    def _disagree(self, disagreement: CanaryDisagreement, jpeg: bytes) -> None:
        self.disagreement_sender.add(dataclasses.replace(disagreement, t=round(self.clock.stamp(disagreement.t), 4)), jpeg)

    def _add_clip(self, event: AgentEvent, content: bytes) -> None:
        self.writer.add_clip(event, Medium(content, event.score, event.t))

    def _is_normal(self, step: PipelineStep) -> bool:
        """Ordinary life, good to learn from: a healthy camera with a configuration, and nothing unusual in view."""
        unusual = step.anomaly is not None and step.anomaly.score >= 0.5
        return self.signed_config.present and not step.health and not unusual

    def _within(self, accepted: SignedConfig) -> SignedConfig:
        """A configuration never reaches further than this box's own agent.toml allows."""
        return dataclasses.replace(accepted, legal_mode=M0) if self.config.most_legal_mode == M0 else accepted

    def _forget_staff(self) -> None:
        """Nobody of the list outlives mode M1 or the own end date, with the portal or without."""
        if self.pipeline.mode != M1:
            if self.staff_list.status()["version"] or self.staff_list.staff.entries:
                log.warning("the staff list is forgotten: this camera is not in mode M1 any more")
            self.staff_list.forget()
        elif self.staff_list.drop_expired(self.clock.latest()):
            log.info("a member of the staff has come to the end date and is forgotten")
        self.pipeline.staff = self.staff_list.staff
        if self.config.neighbours.host:
            allowed = self.pipeline.mode == M1
            self.neighbour_service.sync(allowed, self.pipeline.staff, self.pipeline.recognizer.report(self.pipeline.staff)["threshold"] if allowed else 1.0)

    def _set_stopped(self, stopped: bool) -> None:
        if stopped == self.pipeline.stopped:
            return
        self.pipeline.stop_biometrics(stopped)
        log.warning("biometrics %s by the portal", "stopped" if stopped else "allowed again")
        if stopped:
            (self.folder / STOPPED).touch()
        else:
            (self.folder / STOPPED).unlink(missing_ok=True)


def _detection(found: Detection) -> EventDetection:
    """A detection as an event carries it."""
    return EventDetection(kind=found.kind, score=found.score, box=found.box and tuple(map(float, found.box)), track=found.track, data=found.data)
