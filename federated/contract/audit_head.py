"""The head of the portal's audit log as agents are given it, and the signed receipt with which each carries it back: agents are witnesses of the log."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from msgspec import Meta

from federated.contract.fields import Count, Name, Seconds, Sha256
from federated.contract.message import ContractMessage

Signature = Annotated[str, Meta(max_length=120, description="Ed25519 over the other fields, base64")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead(ContractMessage):
    """The newest row of the audit log at time `t` of the portal, signed by the portal (federated/trust/witness.py). `seq` 0: the log was empty."""

    seq: Count
    hash: Sha256
    t: Seconds
    signature: Signature


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditReceipt(ContractMessage):
    """An agent's signed statement that it was given this head at `received` by its own clock."""

    site: Name
    agent: Name
    head: AuditHead
    received: Seconds
    signature: Signature
