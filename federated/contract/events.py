"""Events: what an agent saw, in batches; the portal answers for each of them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import Meta

from federated.contract.fields import LegalMode, Name, Seconds, Sha256, Share, ShortText, Version
from federated.contract.message import VERSION, ContractMessage, Unread

BATCH = 500  # events at most
EVENT_BYTES = 200_000  # of one event
BATCH_BYTES = 12 * 1024 * 1024

EventId = Annotated[str, Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="UUIDv7, the idempotency key")]
EventKind = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Box = Annotated[tuple[float, float, float, float], Meta(description="left, top, width, height in pixels")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventDetection(ContractMessage):
    """One finding in the event's frame; `track` is the tracker's number."""

    kind: Name
    score: Annotated[float, Meta(ge=-1e6, le=1e6)]
    box: Box | None = None
    track: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent(ContractMessage):
    """Something happened at a camera. `seq` is the order within the camera; `snapshot` a JPEG's sha256, `clip` a WebM's; `models`: detector to weights.

    `data` also carries what its kind needs: zone or line, width and height of the frame that boxes are measured in, `made_t`.
    """

    limit = EVENT_BYTES
    writes_null = True

    id: EventId
    site: Name
    camera: Name
    t: Annotated[float, Meta(ge=-1e15, le=1e15, description="Unix seconds of capture; a broken clock's are kept and put right")]
    seq: Annotated[int, Meta(ge=0, le=2**62)]
    kind: EventKind
    score: Share
    legal_mode: LegalMode
    detections: Annotated[tuple[EventDetection, ...], Meta(max_length=1000)] = ()
    snapshot: Sha256 | None = None
    clip: Sha256 | None = None
    models: Annotated[dict[Name, Annotated[str, Meta(max_length=64)]], Meta(max_length=60)] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventsBatch(ContractMessage):
    """At most 500 events, each an AgentEvent that is parsed by itself, so that one bad event does not stop the others; `sent_t` by the agent's clock."""

    limit = BATCH_BYTES

    events: Annotated[tuple[Unread, ...], Meta(max_length=BATCH)]
    sent_t: Seconds | None = None
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RejectedEvent(ContractMessage):
    """An event that the portal will never take, and why."""

    id: Annotated[str, Meta(max_length=64)]
    reason: ShortText


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventsAnswer(ContractMessage):
    """What became of each event of a batch: stored now, stored before, or refused."""

    limit = 2 * 1024 * 1024

    accepted: tuple[str, ...]
    duplicates: tuple[str, ...]
    rejected: tuple[RejectedEvent, ...]
    contract: Version = VERSION
