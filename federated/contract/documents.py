"""The portal's other signed documents, as the agent parses them once their signature is checked: models, peers, alert labels.

They name no version yet (so: 1.0): what is signed and kept today must be the same bytes tomorrow. Whoever changes one writes `contract` in it.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from msgspec import Meta

from federated.contract.events import EventId
from federated.contract.fields import Count, Host, Name, Sha256, Version
from federated.contract.message import ContractMessage

MODEL_BYTES = 500_000_000
PEERS = 64  # neighbours of one camera
MOST_LABELS = 2000  # in one answer
Label = tuple[EventId, Literal["real", "false_alarm", ""]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelDocument(ContractMessage):
    """A model that the agent is asked to run. `trial`: the version before is to run beside it."""

    limit = 1024 * 1024

    detector: Annotated[str, Meta(min_length=1, max_length=40)]
    sha256: Sha256
    size: Annotated[int, Meta(gt=0, le=MODEL_BYTES)]
    version: Annotated[str, Meta(max_length=80)] = ""
    card: dict[str, Any] = dataclasses.field(default_factory=dict)
    trial: bool | None = None
    contract: Version | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerConfig(ContractMessage):
    """Where a neighbour listens, and whether it keeps the whole staff list."""

    host: Annotated[Host, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)]
    whole: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeersDocument(ContractMessage):
    """Whom an agent may meet, by agent id, and the certificates (PEM) to meet them with. `edition` goes back with the heartbeat: news only."""

    limit = 1024 * 1024

    type: Literal["circle"]
    site: Name
    camera: Name
    agent: Name
    peers: Annotated[dict[Name, PeerConfig], Meta(max_length=PEERS)]
    authority: Annotated[str, Meta(max_length=20_000)]
    certificate: Annotated[str, Meta(max_length=20_000)]
    edition: Annotated[str, Meta(max_length=80)]
    contract: Version | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertLabels(ContractMessage):
    """What operators said of a camera's alerts after number `after`, up to `upto`: event ids with "real", "false_alarm" or "" (taken back)."""

    type: Literal["verdicts"]
    site: Name
    camera: Name
    after: Count
    upto: Count
    labels: Annotated[tuple[Label, ...], Meta(max_length=MOST_LABELS)]
    contract: Version | None = None
