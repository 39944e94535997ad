"""The question of a door that keeps no whole staff list (mode M1): whose face is this?"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from federated.contract.fields import Amount, Count, Version
from federated.contract.message import VERSION, ContractMessage


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuery(ContractMessage):
    """`probe`: an embedding, 128 half-precision numbers, normalised, in base64; `within_s`: how long the agent waits."""

    probe: Annotated[str, Meta(min_length=1, max_length=1000)]
    within_s: Amount | None = None
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FaceQueryAnswer(ContractMessage):
    """`version` of the staff list; `sealed`: the person's signed entry, for this agent's own key, empty for a stranger."""

    verdict: Literal["person", "unknown"]
    score: Annotated[float, Meta(ge=-1.01, le=1.01)]
    version: Count
    sealed: Annotated[str, Meta(max_length=20_000)]
    contract: Version = VERSION
