"""What became of a model that an agent was asked to run."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, get_args

from msgspec import Meta

from federated.contract.fields import Amount, Sha256, Text, Version
from federated.contract.message import VERSION, ContractMessage

Detector = Annotated[str, Meta(min_length=1, max_length=40)]
OutcomeKind = Literal["installed", "refused", "failed", "rolled back"]
OUTCOMES: tuple[str, ...] = get_args(OutcomeKind)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutcomeMessage(ContractMessage):
    """`ms` is the mean processor time of a frame in the self-test, when it came so far; `budget_ms` what this camera allows."""

    detector: Detector
    sha256: Sha256
    outcome: OutcomeKind
    reason: Text = ""
    ms: Amount | None = None
    budget_ms: Amount | None = None
    contract: Version = VERSION
