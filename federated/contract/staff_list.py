"""The staff list's signed documents: the list itself, and each person's entry on it, as the agent parses them once their signature is checked."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from federated.contract.fields import Count, Name, Version
from federated.contract.message import ContractMessage

MOST_PEOPLE = 100_000  # of one site
Embedding = Annotated[str, Meta(max_length=400, description="base64 of 128 half-precision numbers")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StaffEntryDocument(ContractMessage):
    """That a person, by an opaque id, is on a site's list until `expires`, since `version` of it; the mean templates of both nets."""

    type: Literal["entry"] = "entry"
    site: Name
    person: Name
    template: Embedding
    expires: Annotated[float, Meta(description="Unix seconds")]
    version: Count
    small: Embedding | None = None
    contract: Version | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StaffListDocument(ContractMessage):
    """That exactly these people, each with the entry of that version, may be recognised at a camera."""

    limit = 16 * 1024 * 1024

    type: Literal["list"] = "list"
    site: Name
    camera: Name
    version: Count
    people: Annotated[dict[Name, Count], Meta(max_length=MOST_PEOPLE)]
    contract: Version | None = None
