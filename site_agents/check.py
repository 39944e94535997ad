"""`check`: is this box ready? One line for each thing, "ok" or "problem" and what to do."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

import detectors
from detectors.errors import DetectorError
from federated.contract.address import redact, redact_text
from federated.trust import signing
from site_agents import credentials, signed_config, sources
from site_agents.config import Config
from site_agents.errors import AgentError, CameraSourceError, NotEnrolled
from site_agents.link import identity_of, read_portal
from site_agents.training import why_not

FIRST_FRAME_S = 15.0
LEAST_DISK = 500_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok     ' if self.ok else 'problem'}  {self.what}: {self.detail}"


def check(config: Config) -> Iterator[CheckResult]:
    """Look at everything, one line after the other; nothing is changed."""
    yield CheckResult("configuration", True, f"agent.toml of {config.name}")
    looks: tuple[tuple[str, Callable[[Config], str]], ...] = (
        ("source", _source),
        ("detectors", _detectors),
        ("disk", _disk),
        ("portal", _portal),
        ("enrolment", _enrolment),
        ("signed configuration", _signed_config),
        ("training", _training),
    )
    for what, look in looks:
        try:
            yield CheckResult(what, True, look(config))
        except (AgentError, DetectorError, OSError) as error:
            yield CheckResult(what, False, redact_text(str(error), config.source.path, config.portal))


def _source(config: Config) -> str:
    """The first frame within 15 s; a hanging driver must not hang the check."""
    found: list[str] = []
    problem: list[BaseException] = []

    def read() -> None:
        try:
            with contextlib.closing(sources.open_source(config.source, config.folder)) as shots:
                height, width = next(shots).image.shape[:2]
                found.append(f"{config.source.kind} {width} x {height}")
        except BaseException as error:  # noqa: BLE001 - this thread's edge: whatever it is, a person must read it
            problem.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(FIRST_FRAME_S)
    if problem:
        code = getattr(problem[0], "code", "failed")
        words = str(problem[0]) or "it gives no frame"
        raise CameraSourceError(words if code == "failed" else f"{words} ({code})", code)
    if not found:
        raise CameraSourceError(f"no frame within {FIRST_FRAME_S:.0f} s (timeout)", "timeout")
    return found[0]


def _detectors(config: Config) -> str:
    began = time.perf_counter()
    for name in ("people", "anomaly", "camera-health", "faces"):
        detectors.load(name)
    return f"weights verified and opened in {time.perf_counter() - began:.1f} s"


def _disk(config: Config) -> str:
    free = shutil.disk_usage(config.folder).free
    if free < LEAST_DISK:
        raise AgentError(f"{free // 1_000_000} MB free, at least {LEAST_DISK // 1_000_000} are wanted")
    (config.folder / ".check").write_text("")
    (config.folder / ".check").unlink()
    return f"{free / 1e9:.1f} GB free, the folder can be written"


def _portal(config: Config) -> str:
    try:
        answer = httpx.get(config.portal, timeout=5, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AgentError(f"{config.portal} does not answer ({error or type(error).__name__}): check address, network and firewall") from error
    if answer.status_code >= 500:
        raise AgentError(f"{redact(config.portal)} answers {answer.status_code}")
    return f"{redact(config.portal)} answers"


def _enrolment(config: Config) -> str:
    portal = read_portal(config.folder)
    for name in (credentials.KEY, credentials.NODE):
        _private(config.folder / name)
    key, certificate = signing.public_text(credentials.own_key(config.folder)), credentials.read(config.folder)
    if certificate is not None and certificate.not_after < time.time():
        raise NotEnrolled(f"the certificate ended on {_day(certificate.not_after)}: enrol again with a new code, or set this machine's clock")
    if not credentials.node_is_sound(config.folder):
        raise AgentError(f"{credentials.NODE} is damaged: the agent asks for new keys when it runs")
    until = f"certificate until {_day(certificate.not_after)}, renews by itself" if certificate else "no certificate yet: it comes with the first heartbeat"
    return f"{portal['site']}/{portal['camera']} as {portal['agent_id']}, key {signing.fingerprint(key)}, {until}"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _private(path: Path) -> None:
    if not path.exists():
        raise NotEnrolled(f"{path.name} is missing: enrol again")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AgentError(f"{path.name} can be read by others: chmod 600 {path}")


def _signed_config(config: Config) -> str:
    path = config.folder / signed_config.FILE
    if not path.exists():
        return "none yet; it comes with the first heartbeat"
    found = signed_config.load(config.folder, identity_of(read_portal(config.folder)))
    if not found.present:
        raise AgentError("the kept configuration is not accepted; the portal will send a new one")
    return f"version {found.version}, {found.mode(time.time())}, {len(found.rules)} rules, {len(found.masks)} masks"


def _training(config: Config) -> str:
    try:
        return f"no: {reason}" if (reason := why_not(config.training, read_portal(config.folder))) else "yes"
    except NotEnrolled:
        return "known after enrolment"
