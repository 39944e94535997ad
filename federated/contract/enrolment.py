"""Enrolment: a one-time code and the public halves of new keys, for an identity."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from msgspec import Meta

from federated.contract.fields import Name, Version
from federated.contract.message import VERSION, ContractMessage

CertificateRequest = Annotated[str, Meta(min_length=1, max_length=8192, description="PKCS#10 in PEM, for an Ed25519 key")]
NodeKey = Annotated[str, Meta(max_length=1000, description="EC P-384, OpenSSH")]
Pem = Annotated[str, Meta(max_length=20_000)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest(ContractMessage):
    """A one-time code, a certificate request (extensions and other wishes in it are passed over), and the key of the node that trains; "": none does."""

    code: Annotated[str, Meta(min_length=1, max_length=100)]
    csr: CertificateRequest
    node_public_key: NodeKey = ""
    versions: Annotated[dict[Name, Annotated[str, Meta(max_length=100)]], Meta(max_length=40)] = dataclasses.field(default_factory=dict)
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FleetAddress(ContractMessage):
    """Where the SuperNode finds the SuperLink, and whose certificates count."""

    address: Annotated[str, Meta(min_length=1, max_length=300)]
    ca_pem: Pem


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer(ContractMessage):
    """Who the agent is now, the portal's public key (Ed25519, base64), the federation (None: there is none), and the certificate with its authority."""

    writes_null = True

    agent_id: Annotated[str, Meta(min_length=1, max_length=60)]
    site: Name
    camera: Name
    portal_public_key: Annotated[str, Meta(min_length=1, max_length=120)]
    certificate: Annotated[str, Meta(max_length=20_000, description="PEM; names the agent's id, for client use")]
    authority: Pem
    fleet: FleetAddress | None = None
    contract: Version = VERSION
