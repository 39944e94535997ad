"""What a camera's agent said last, judged by this portal's clock: what is old is never called live."""

from __future__ import annotations

import dataclasses
import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from detectors.health.words import sentence
from federated.contract.heartbeat import CAUSE_KILLED, CAUSE_POWER, CameraStatus
from portal.sites import problems
from portal.sites.models import Agent, Camera
from portal.sites.worded import Worded

SILENT_S = 12  # four heartbeats missed: whatever the last one said is no longer true
REFUSED_S = 30  # an agent whose heartbeat was refused waits so long before the next
STARTING_S = 60  # from enrolment to the first heartbeat: weights are loaded meanwhile
OLD_FRAME_S = 8.0  # heartbeats come every 3 s
SKEWED_S = 5.0  # times of capture are then off by more than people notice
BACKLOG = 200  # events waiting at the camera
RESTARTS_SHOWN = datetime.timedelta(hours=24)
CAUSES = {CAUSE_KILLED: _("killed from outside, or by a lack of memory"), CAUSE_POWER: _("the machine lost its power or was restarted")}
WORDS = {
    "live": (_("Live"), "is-ok"),
    "starting": (_("Starting"), ""),
    "stale": (_("No new picture"), "is-warning"),
    "silent": (_("Agent silent"), "is-alarm"),
    "tampered": (_("Tampered with"), "is-alarm"),
    "unknown": (_("Speaks an unknown version"), "is-warning"),
    "none": (_("No agent"), ""),
    "off": (_("Switched off"), ""),
    "revoked": (_("Revoked"), ""),
}


@dataclasses.dataclass(frozen=True, slots=True)
class State(Worded):
    """The state of a camera ("live", "stale", "tampered", "starting", "silent", "unknown", "none", "off", "revoked") and the numbers beside it."""

    words = WORDS
    last_frame: datetime.datetime | None = None
    fps: float | None = None
    dropped: int | None = None
    people: int | None = None
    width: int = 4
    height: int = 3
    problem: str = ""  # why there is no picture, in the reader's language
    featureless: bool = False  # it would not be noticed that it is turned
    elsewhere: bool = False  # it looks elsewhere than where its masks, zones and lines were drawn
    faults: tuple[str, ...] = ()  # what its agent finds wrong with the picture, each a sentence in the reader's language


def of(agent: Agent | None, now: datetime.datetime) -> State:
    """The state of a camera with this agent."""
    if agent is None:
        return State("none")
    heartbeat = agent.heartbeat
    camera = heartbeat.camera if heartbeat else CameraStatus()
    t, name = _capture(agent, camera), _name(agent, camera, now)
    size = (camera.width, camera.height) if camera.width and camera.height else (4, 3)
    people = camera.people if name in ("live", "tampered") else None
    problem = problems.in_words(camera.problem_code) if camera.problem_code and name in ("stale", "starting") else ""
    faults, elsewhere = (_faults(camera), camera.suspended) if name == "tampered" else ((), False)
    featureless = camera.featureless and people is not None
    return State(name, t, camera.fps, camera.dropped, people, *size, problem=problem, featureless=featureless, elsewhere=elsewhere, faults=faults)


def _faults(camera: CameraStatus) -> tuple[str, ...]:
    language = get_language() or "en"
    sentences = [sentence(each, language) for each in camera.faults]
    if camera.suspended:
        sentences.append(_("While it looks elsewhere, zones, lines and rules are suspended, and privacy masks cover more than was drawn."))
    return tuple(map(str, sentences))


def of_camera(camera: Camera, agent: Agent | None, now: datetime.datetime) -> State:
    """The state of this camera, which may be switched off: then nothing else is worth a word."""
    found = of(agent, now)
    return State("off", width=found.width, height=found.height) if camera.switched_off else found


@dataclasses.dataclass(frozen=True, slots=True)
class AgentRestarts:
    """How often an agent ended in the last 24 hours without being asked to, when last, and why: a code of the contract, or an exception in one line."""

    times: int
    last: datetime.datetime
    cause: str

    @property
    def why(self) -> str:
        """The cause in the reader's language."""
        return str(CAUSES.get(self.cause, self.cause))


def restarts(agent: Agent | None, now: datetime.datetime) -> AgentRestarts | None:
    """Those that its last heartbeat reported; None when there were none, or when the last one is more than a day ago."""
    reported = agent.heartbeat.restarts if agent and agent.heartbeat else None
    if reported is None:
        return None
    last = moment(reported.last_t, agent.clock_skew)
    if last is None or now - last > RESTARTS_SHOWN:
        return None
    return AgentRestarts(reported.count_24h, last, reported.cause)


def lacks_liveness(agent: Agent | None) -> bool:
    """Whether it compares faces and looks at none for being live: an agent of before, or one whose detector cannot be loaded."""
    models = agent.heartbeat.models if agent and agent.heartbeat else {}
    return "face-embedding" in models and "face-liveness" not in models


def moment(seconds: float, skew: float) -> datetime.datetime | None:
    """A time of an agent's clock, Unix seconds, by this portal's; None when it is in no calendar."""
    try:
        return datetime.datetime.fromtimestamp(seconds + skew, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return None


def newest(agents: list[Agent]) -> dict[int, Agent]:
    """For each camera the agent that counts: not revoked, enrolled last."""
    return {agent.camera_id: agent for agent in sorted(agents, key=lambda agent: agent.enrolled) if agent.revoked is None}


def _name(agent: Agent, camera: CameraStatus, now: datetime.datetime) -> str:
    if agent.revoked:
        return "revoked"
    if agent.contract_problem and agent.contract_refused and (now - agent.contract_refused).total_seconds() <= SILENT_S + REFUSED_S:
        return "unknown"
    if agent.last_seen is None:
        return "starting" if (now - agent.enrolled).total_seconds() < STARTING_S else "silent"
    if abs((now - agent.last_seen).total_seconds()) > SILENT_S:  # in the future: this portal's clock was put back, and nothing has come since
        return "silent"
    t = _capture(agent, camera)
    if camera.state == "starting":
        return "starting" if _is_new(agent) else "stale"
    return "stale" if camera.state == "live" and (t is None or (now - t).total_seconds() > OLD_FRAME_S) else camera.state


def _is_new(agent: Agent) -> bool:
    """Whether its program began so short a time before its last heartbeat that the first picture may still come; both by its own clock."""
    heartbeat = agent.heartbeat
    return heartbeat is None or heartbeat.started is None or heartbeat.t - heartbeat.started < STARTING_S


def _capture(agent: Agent, camera: CameraStatus) -> datetime.datetime | None:
    return None if camera.last_frame_t is None else moment(camera.last_frame_t, agent.clock_skew)
