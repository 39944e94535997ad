"""Models the portal asks for: fetched, verified, tried in a process of their own, swapped in between two frames; and the way back."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import detectors
from detectors import weights
from detectors.errors import DetectorError
from detectors.files import PRIVATE, write_durably
from federated.contract.documents import ModelDocument
from federated.contract.message import ContractError
from federated.learning import personal
from federated.trust import signing
from site_agents import selftest
from site_agents.canary import CanaryComparisons
from site_agents.errors import ModelRefused, PortalError, PortalRefused
from site_agents.link import PortalLink, RetryDelay
from site_agents.models import ModelStore

AGAIN_S = 3600.0  # a refused model is tried again so much later, or after a restart: the reason may have gone
SHA256 = re.compile(r"[0-9a-f]{64}")
log = logging.getLogger("site_agents.updates")


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """One signed model document, checked. `canary`: this camera tries it first, the version before is to run beside it."""

    detector: str
    sha256: str
    size: int
    canary: bool = False


class Updates(threading.Thread):
    """Brings what runs here in line with what the portal wants. `swap(name, detector)` puts a loaded detector into the pipeline."""

    def __init__(
        self, models: ModelStore, link: PortalLink, portal_key: str, swap: Callable[[str, Any], None], *, budget_ms: float = selftest.SLOWEST_MS
    ) -> None:
        super().__init__(name="updates", daemon=True)
        self.models, self.link, self.portal_key, self.swap, self.budget_ms = models, link, portal_key, swap, budget_ms
        self._desired: list[dict[str, Any]] | None = None
        self._refused: dict[tuple[str, str], float] = {}
        self._reports: list[dict[str, Any]] = []
        self._failed: list[tuple[str, str]] = []
        self._changed, self._due, self._stopping = threading.Condition(), False, False
        self.canaries: CanaryComparisons | None = None
        self.options: Callable[[str], dict[str, Any]] = lambda name: {}  # how the camera's orders want a detector built

    def want(self, documents: list[dict[str, Any]]) -> None:
        """What the last heartbeat's answer said: the models this agent should run, the release's own where none is named."""
        with self._changed:
            if documents != self._desired or self._reports:
                self._desired, self._due = documents, True
                self._changed.notify_all()

    def fail(self, detector: str, reason: str) -> None:
        """The pipeline says that a detector fails again and again."""
        with self._changed:
            self._failed.append((detector, reason))
            self._due = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End after what is being done."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def run(self) -> None:
        """Work when something is wanted or has failed; when the portal does not answer, again a little later."""
        backoff, pause = RetryDelay(1.0, 60.0), AGAIN_S
        while True:
            with self._changed:
                # The flag, not the notice, is what counts: something may be wanted while the work before it is still being done.
                self._changed.wait_for(lambda: self._due or self._stopping, pause)
                self._due = False
                if self._stopping:
                    return
            try:
                self.work()
                backoff.succeed()
                pause = AGAIN_S
            except (PortalError, DetectorError, OSError) as error:
                pause = backoff.fail()
                log.warning("models wait: %s", error)

    def work(self) -> None:
        """One look at everything that is due. Raises PortalError or OSError when it must be done again later."""
        with self._changed:
            failed, self._failed = self._failed, []
            desired = self._desired
        for detector, reason in failed:
            self._give_back(detector, reason)
        if desired is not None:
            self._align(desired)
        while self._reports:
            with contextlib.suppress(PortalRefused):  # a portal that does not know the model needs no report
                self.link.call("POST", "/agents/models", self._reports[0])
            self._reports.pop(0)

    def _align(self, documents: list[dict[str, Any]]) -> None:
        named, canaries = set(), dict[str, str]()
        for document in documents:
            try:
                wanted = check_document(document, self.portal_key)
            except ModelRefused as error:
                log.error("a model document is refused: %s", error)
                named.add(str(document.get("detector")) if isinstance(document, dict) else "")
                self._refuse_document(document, str(error))
                continue
            if wanted.sha256 == detectors.card(wanted.detector).sha256:
                continue  # the release's own weights, by their name
            named.add(wanted.detector)
            if wanted.sha256 != self.models.installed(wanted.detector).current:
                self._try(wanted)
            if wanted.canary and wanted.sha256 == self.models.installed(wanted.detector).current:
                canaries[wanted.detector] = wanted.sha256
        for detector in self.models.names():
            if detector not in named:
                self._use(detector, None, "rolled back", "the portal wants the release's own weights")
        self._accompany(canaries)

    def _accompany(self, canaries: dict[str, str]) -> None:
        """Let the versions before look on beside the canaries, and no others."""
        for name in self.canaries.keep(canaries) if self.canaries else ():
            self.canaries.begin(name, canaries[name], functools.partial(self._before, name))

    def _before(self, name: str) -> Any:
        """The detector with the weights that were in use before. Raises DetectorError or OSError."""
        sha256 = self.models.installed(name).previous
        return self.models.build(name, weights.verify(self.models.path(name, sha256), sha256) if sha256 else None, self.options(name))

    def _try(self, wanted: Wanted) -> None:
        mark = wanted.detector, wanted.sha256
        if time.monotonic() < self._refused.get(mark, 0.0):
            return
        back = wanted.sha256 == self.models.installed(wanted.detector).previous
        try:
            file = self._fetch(wanted)
            report = selftest.try_model(wanted.detector, file, self.models.home, budget_ms=self.budget_ms)
            reason = f"self-test: {report['ms']} ms a frame{self._try_own(wanted)}"
            self._use(wanted.detector, wanted.sha256, "rolled back" if back else "installed", reason, report["ms"])
        except (ModelRefused, DetectorError) as error:
            self._refused[mark] = time.monotonic() + AGAIN_S
            if wanted.sha256 != self.models.installed(wanted.detector).previous:
                self.models.path(*mark).unlink(missing_ok=True)
            self._report(*mark, "refused", str(error), getattr(error, "ms", None))

    def _try_own(self, wanted: Wanted) -> str:
        """The camera's own weights made from these pass the same self-test, or they are dropped; in words for the report."""
        own = personal.find(self.models.home, wanted.detector, wanted.sha256)
        if own is None:
            return ""
        try:
            selftest.try_model(wanted.detector, own.path, self.models.home, budget_ms=self.budget_ms)
        except (ModelRefused, DetectorError) as error:
            log.error("the own weights made from %s %s are dropped: %s", wanted.detector, wanted.sha256[:12], error)
            personal.drop(self.models.home, wanted.detector, wanted.sha256)
            return "; this camera's own weights failed it and are dropped"
        return f"; with this camera's own weights (loss {own.own_loss:.3g} on its held-back data, {own.shared_loss:.3g} without)"

    def _refuse_document(self, document: Any, reason: str) -> None:
        """Say once that a document is not accepted, if it can be named at all; nothing of it has been fetched."""
        named = document if isinstance(document, dict) else {}
        mark = str(named.get("detector"))[:40], str(named.get("sha256"))
        if SHA256.fullmatch(mark[1]) and time.monotonic() >= self._refused.get(mark, 0.0):
            self._refused[mark] = time.monotonic() + AGAIN_S
            self._report(*mark, "refused", reason)

    def _use(self, name: str, sha256: str | None, outcome: str, reason: str, ms: float | None = None) -> None:
        """Load first, then write down, then swap: whatever fails before the last step leaves the camera with what it had."""
        file = self.models.path(name, sha256) if sha256 else None
        detector = self.models.build(name, file, self.options(name))
        self.models.install(name, sha256)
        self.swap(name, detector)
        self._report(name, sha256 or detector.card.sha256, outcome, reason, ms)

    def _give_back(self, name: str, reason: str) -> None:
        installed = self.models.installed(name)
        if installed.current is None:
            return  # the release's own weights: there is nothing to go back to
        if personal.find(self.models.home, name, installed.current) is not None:
            personal.drop(self.models.home, name, installed.current)
            file = self.models.path(name, installed.current)
            self.swap(name, self.models.build(name, weights.verify(file, installed.current), self.options(name)))
            self._report(name, installed.current, "installed", f"this camera's own weights failed at work and are dropped: {reason}")
            return
        self._refused[name, installed.current] = time.monotonic() + AGAIN_S
        before = installed.previous
        try:
            detector = self.models.build(name, weights.verify(self.models.path(name, before), before) if before else None)
        except (DetectorError, OSError) as error:
            log.error("the model of %s before this one cannot be used (%s): back to the release's own", name, error)
            before, detector = None, self.models.build(name, None)
        self.models.install(name, before)
        self.swap(name, detector)
        self._report(name, installed.current, "failed", f"given back: {reason}")

    def _fetch(self, wanted: Wanted) -> Path:
        """The verified file, downloaded unless it is here. Raises ModelRefused when it is not what the document says."""
        target = self.models.path(wanted.detector, wanted.sha256)
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == wanted.sha256:
            return target
        content = self.link.call("GET", f"/models/{wanted.sha256}").content
        if len(content) != wanted.size or (found := hashlib.sha256(content).hexdigest()) != wanted.sha256:
            raise ModelRefused(f"the file has {len(content)} bytes, sha256 {found if len(content) == wanted.size else '(not computed)'}: not what was signed")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, content, mode=PRIVATE)
        return target

    def _report(self, detector: str, sha256: str, outcome: str, reason: str, ms: float | None = None) -> None:
        """`ms`: what a frame took in the self-test; the portal keeps it beside what this camera allows."""
        log.info("model %s %s: %s (%s)", detector, sha256[:12], outcome, reason)
        measured = {"ms": ms, "budget_ms": round(self.budget_ms, 1)} if ms is not None else {}
        self._reports.append({"detector": detector, "sha256": sha256, "outcome": outcome, "reason": reason[:500], **measured})


def check_document(document: Any, portal_key: str) -> Wanted:
    """Verify a model document. Raises ModelRefused."""
    try:
        body = ModelDocument.parse(signing.verify_document(document, portal_key))
        entry = detectors.entry(body.detector)
    except signing.SignatureRejected as error:
        raise ModelRefused(f"it is not signed by our portal: {error}") from error
    except (ContractError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefused(f"it makes no sense: {error}") from error
    except DetectorError as error:
        raise ModelRefused(str(error)) from error
    if entry.weights is None:
        raise ModelRefused(f"the detector {body.detector} has no weights")
    return Wanted(body.detector, body.sha256, body.size, body.trial is True)
