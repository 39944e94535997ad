"""The heartbeat: every three seconds an agent reports how it is, and the answer holds what it must know now."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from msgspec import Meta

from federated.contract.audit_head import AuditHead, AuditReceipt
from federated.contract.fields import (
    LARGEST_COUNT,
    Amount,
    Base64Key,
    CameraState,
    Count,
    Counts,
    Host,
    LegalMode,
    Name,
    Port,
    Seconds,
    Sha256,
    ShortText,
    Version,
)
from federated.contract.message import VERSION, ContractMessage

BEAT_S = 3.0
CAUSE_KILLED, CAUSE_POWER = "killed", "power lost"  # why an agent ended, when it could not say so itself
HEARTBEAT_BYTES = 64 * 1024
Bin = Annotated[str, Meta(pattern="^[0-9]{1,4}$")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTerms(ContractMessage):
    """On which terms the site trains; no tasks: all of them; `most_epsilon` 0: no demand for privacy."""

    tasks: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=40)] = ()
    most_epsilon: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus(ContractMessage):
    """State and figures of the camera; `problem_code` of `federated/contract/camera_problem.py` words why it gives no picture.

    `telemetry` is a drone's lat, lon, alt, heading; `stages_ms` the mean milliseconds of each stage of a frame.

    `faults`: what camera-health says of it now, such as "moved" or "sprayed"; `suspended`: it looks elsewhere than where its zones were drawn, so that its
    rules are not asked. `featureless`: too little stands still in its picture for anybody to notice that it is turned.
    """

    state: CameraState = "starting"
    fps: Amount | None = None
    dropped: Count | None = None
    restarts: Count | None = None
    problem: ShortText = ""
    problem_code: Annotated[str, Meta(max_length=40)] = ""
    last_frame_t: Seconds | None = None
    width: Annotated[int, Meta(ge=0, lt=20000)] | None = None
    height: Annotated[int, Meta(ge=0, lt=20000)] | None = None
    people: Count | None = None
    telemetry: Annotated[dict[Name, float], Meta(max_length=20)] | None = None
    stages_ms: Annotated[dict[Name, Amount], Meta(max_length=60)] = dataclasses.field(default_factory=dict)
    faults: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()
    suspended: bool = False
    featureless: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus(ContractMessage):
    """How much waits at the camera: events, the oldest one's time, bytes of pictures, events put aside for good, clips left out.

    `unsaved` events wait in memory only, because the disk takes nothing or another program holds the outbox: a power cut would lose them.
    """

    pending: Count = 0
    oldest_t: Seconds | None = None
    media_bytes: Count = 0
    dead: Count = 0
    clips_left_out: Count = 0
    unsaved: Count = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CanaryStatus(ContractMessage):
    """A version on trial beside the one before, on the same frames, since `began`; milliseconds are means. `ended`: why it compares no longer."""

    sha256: Sha256
    began: Seconds
    both: Count
    neither: Count
    only_new: Count
    only_old: Count
    skipped: Count
    old_ms: Amount
    new_ms: Amount
    before: Annotated[str, Meta(max_length=64)] = ""
    frames: Count = 0
    pictures: Count = 0
    ended: ShortText = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RestartStatus(ContractMessage):
    """How often the agent ended without being asked to in the last 24 hours, when last, and why: `killed`, `power lost`, or the exception in one line."""

    count_24h: Annotated[int, Meta(ge=1, le=LARGEST_COUNT)]
    last_t: Seconds
    cause: ShortText


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep(ContractMessage):
    """What the agent's node is doing in a run: the phase of its work, gradient steps done and `of` how many (0: not counted)."""

    task: Annotated[str, Meta(max_length=40)]
    run: Annotated[str, Meta(max_length=40)]
    phase: Literal["training", "own", "alone", "measuring"]
    step: Count = 0
    of: Count = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabelsHeld(ContractMessage):
    """The number of the last alert label that the agent has written down."""

    number: Count


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StaffListHeld(ContractMessage):
    """Which version of the staff list the agent holds and with which X25519 key (base64) it reads; `names`: it keeps no faces."""

    version: Count
    key: Base64Key = ""
    names: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoorStatus(ContractMessage):
    """A door's list, threshold and visits by answer; `scores`: a histogram (bin number to count) of the best cosines of unknown visitors."""

    people: Annotated[int, Meta(ge=0, lt=2**31)]
    threshold: Annotated[float, Meta(ge=-1, le=2)] | None = None
    fpir: Annotated[float, Meta(ge=0, le=1)] | None = None
    visits: Counts = dataclasses.field(default_factory=dict)
    scores: Annotated[dict[Bin, Annotated[int, Meta(ge=0, lt=2**31)]], Meta(max_length=2000)] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WayLearned(ContractMessage):
    """The learned time from a neighbour to this camera, of `n` people, in seconds."""

    n: Count = 0
    mean_s: float | None = None
    spread_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLatency(ContractMessage):
    """Seconds added until a face was decided, at the half and at 95 %."""

    p50_s: Amount | None = None
    p95_s: Amount | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursStatus(ContractMessage):
    """Where other cameras reach this one, its key, the edition of its neighbours, and what the protocol counted (by the agent's id or "server")."""

    host: Host = ""
    port: Port = 0
    key: Annotated[str, Meta(max_length=2000)] = ""
    edition: Annotated[str, Meta(max_length=80)] = ""
    keep: Literal["all", "expected"] = "all"
    sharing: bool = False
    decided: Counts = dataclasses.field(default_factory=dict)
    asked: Counts = dataclasses.field(default_factory=dict)
    answered: Counts = dataclasses.field(default_factory=dict)
    helped: Counts = dataclasses.field(default_factory=dict)
    latency: DecisionLatency = dataclasses.field(default_factory=DecisionLatency)
    messages: Count = 0
    bytes: Count = 0
    ways: Annotated[dict[Name, WayLearned], Meta(max_length=200)] = dataclasses.field(default_factory=dict)
    departures: Counts = dataclasses.field(default_factory=dict)
    hot: Count = 0
    refused: Count = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(ContractMessage):
    """How an agent is. `t` is its clock, `started` when its program began; `gallery`, `door` and `neighbours` in mode M1 only.

    `audit`: the head of the audit log that it was given last; `box`: the X25519 key (base64) it reads sealed documents with; `source`: which address of
    the portal's it reads its pictures from, "": that of agent.toml; `own_weights`: sha256 of weights that the
    camera made for itself from the shared ones named in `models`; `training_step`: while its node works in a run (all since 1.2).
    """

    limit = HEARTBEAT_BYTES

    t: Seconds
    contract: Version = VERSION
    started: Seconds | None = None
    versions: Annotated[dict[Name, Annotated[str, Meta(max_length=100)]], Meta(max_length=40)] = dataclasses.field(default_factory=dict)
    legal_mode: LegalMode | None = None
    config_version: Count | None = None
    camera: CameraStatus = dataclasses.field(default_factory=CameraStatus)
    outbox: OutboxStatus = dataclasses.field(default_factory=OutboxStatus)
    models: Annotated[dict[Name, Sha256], Meta(max_length=60)] = dataclasses.field(default_factory=dict)
    data: Counts = dataclasses.field(default_factory=dict)
    own_weights: Annotated[dict[Name, Sha256], Meta(max_length=60)] = dataclasses.field(default_factory=dict)
    training: ShortText = ""
    training_step: TrainingStep | None = None
    terms: TrainingTerms = dataclasses.field(default_factory=TrainingTerms)
    training_held_s: Amount = 0.0
    mains: bool | None = None
    disk_free: Amount | None = None
    restarts: RestartStatus | None = None
    trials: Annotated[dict[Name, CanaryStatus], Meta(max_length=20)] = dataclasses.field(default_factory=dict)
    verdicts: LabelsHeld | None = None
    gallery: StaffListHeld | None = None
    door: DoorStatus | None = None
    neighbours: NeighboursStatus | None = None
    audit: AuditReceipt | None = None
    box: Base64Key = ""
    source: Annotated[str, Meta(max_length=80)] = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswer(ContractMessage):
    """What the agent must know now. The documents are signed and parsed by themselves, after their signature is checked; None: nothing new."""

    limit = 16 * 1024 * 1024
    writes_null = True

    now: Seconds
    contract: Version = VERSION
    config: dict[str, Any] | None = None
    gallery: dict[str, Any] | None = None
    neighbours: dict[str, Any] | None = None
    models: Annotated[tuple[dict[str, Any], ...], Meta(max_length=60)] | None = None
    verdicts: dict[str, Any] | None = None
    watch: bool = False
    stop_biometrics: bool = False
    renew_keys: bool = False
    audit: AuditHead | None = None
    source: dict[str, Any] | None = None
