"""What a run reports while it goes on: the SuperLink's end writes each event as one line of JSON in the run's log, the portal reads them.

A line holds `kind` and the fields of that kind. A reader ignores a kind that it has no type for. A line names no version of the contract; a writer whose
contract is newer than its reader's may be one with `contract`, and then its unknown fields are dropped, as everywhere (`federated.contract.message`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from federated.contract.fields import Count, Seconds, Sha256
from federated.contract.message import VERSION, ContractError, ContractMessage, decode

EVENT_LINE_BYTES = 16 * 1024 * 1024  # a thousand nodes and their reasons, or a card, are far below it

NodeId = Annotated[str, Meta(pattern="^[0-9]{1,20}$", description="decimal text: 64-bit numbers do not survive JSON in a browser")]
NodeStatus = Literal["accepted", "rejected", "failed", "late"]


def _written_null() -> Any:
    """The default of a field that is written as null when there is nothing to say, where others are left out."""
    return dataclasses.field(default_factory=type(None))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome(ContractMessage):
    """What became of one node in a round. Losses on its held-back data after and before, `n` samples, bytes of weights, the length of its update, its cosine
    with the root update, the epsilon of local privacy so far, and why it was left out or shortened."""

    node: NodeId
    status: NodeStatus
    loss: float | None = _written_null()
    loss_before: float | None = _written_null()
    n: int | float | None = _written_null()
    epsilon: float | None = None
    bytes_down: Count = 0
    bytes_up: Count = 0
    update_norm: float | None = _written_null()
    cosine: float | None = _written_null()
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeVote(ContractMessage):
    """A node's losses on its held-back data: with the starting weights, with those it reaches alone, with the result, and with what it would run (since 1.2).

    `own` is that of the node's own weights, made from the result, or of the result itself where they are no better; absent when it made none.
    """

    node: NodeId
    before: float | None = _written_null()
    alone: float | None = _written_null()
    after: float | None = _written_null()
    own: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RootLoss(ContractMessage):
    """The loss on the portal's own root set, with the starting weights and with the result."""

    before: float | None = _written_null()
    after: float | None = _written_null()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyStatement(ContractMessage):
    """What was promised and spent so far: epsilon spent and wanted, delta, the noise's sigma, the clip, whose data it is for (`unit`) and what it covers."""

    kind: Literal["central", "local"]
    epsilon: float | None = _written_null()
    wanted: float | None = _written_null()
    delta: float | None = _written_null()
    sigma: float | None = _written_null()
    clip: float | None = _written_null()
    unit: str = ""
    covers: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(ContractMessage):
    """What every event of a run has: its number from 1, and when it was written (Unix seconds; absent for an end that the reader has found out itself)."""

    limit = EVENT_LINE_BYTES
    kind: ClassVar[str] = ""

    seq: Count = 0
    t: Seconds | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data. What is not finite becomes null, and texts lose what no database takes: both may come from a node."""
        return {"kind": self.kind, **_harmless(ContractMessage.to_json(self))}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent(RunEvent):
    """The quorum is not there yet: nodes that are, nodes that are needed, and for how long the run will wait."""

    kind = "waiting"

    have: Count
    need: Count
    seconds_left: float | None = _written_null()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent(RunEvent):
    """Within a round, or in the vote after the last: the nodes that were asked, those that have answered, and seconds since they were asked (since 1.2)."""

    kind = "progress"

    phase: Literal["round", "vote"]
    round: Count
    rounds: Count
    asked: tuple[NodeId, ...]
    answered: tuple[NodeId, ...] = ()
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoundEvent(RunEvent):
    """A round is over: its number of how many, what became of each node (`sites`, as the wire has it), the mean loss after training, its seconds."""

    kind = "round"

    round: Count
    rounds: Count
    sites: tuple[NodeOutcome, ...]
    loss: float | None = _written_null()
    seconds: float
    privacy: PrivacyStatement | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateEvent(RunEvent):
    """The gate has judged the result: why it refused (`reasons`), what it warns of, the votes, and how far the ONNX file computes from the net."""

    kind = "gate"

    passed: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    votes: tuple[NodeVote, ...] = ()
    onnx_difference: float | None = _written_null()
    root: RootLoss | None = dataclasses.field(default_factory=type(None))  # null, as `_written_null`


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResultEvent(RunEvent):
    """The model that passed the gate: its ONNX file on the SuperLink's machine, that file's hash, and its card."""

    kind = "result"

    path: str
    sha256: Sha256
    card: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndedEvent(RunEvent):
    """The run is over, always the last event; made by the reader from what the SuperLink says of the run. Bytes over the wire to and from all nodes."""

    kind = "ended"

    status: Literal["completed", "failed", "stopped"]
    reason: str = ""
    bytes_sent: Count = 0
    bytes_received: Count = 0


KINDS: dict[str, type[RunEvent]] = {each.kind: each for each in (WaitingEvent, ProgressEvent, RoundEvent, GateEvent, ResultEvent, EndedEvent)}


def parse(data: Any, *, dropped: list[str] | None = None) -> RunEvent | None:
    """The event in plain JSON data; None for a kind that this side has no type for. Raises ContractError. `dropped` receives what a newer writer adds."""
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        raise ContractError("kind", "an event is an object with its kind")
    fields = dict(data)
    kind, version = KINDS.get(fields.pop("kind")), fields.pop("contract", VERSION)
    return None if kind is None else kind.parse(fields, version=version, dropped=dropped)


def read(line: str, *, dropped: list[str] | None = None) -> RunEvent | None:
    """The event in one line of JSON, as `parse`."""
    return parse(decode(line.encode("utf-8", "surrogatepass"), EVENT_LINE_BYTES), dropped=dropped)


def _harmless(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _harmless(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    if isinstance(value, str):
        return value.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value
