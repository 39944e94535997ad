"""Rotation of an agent's keys: new public halves, signed with the old key, for a new certificate."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from msgspec import Meta

from federated.contract.enrolment import CertificateRequest, Pem
from federated.contract.fields import Version
from federated.contract.message import VERSION, ContractMessage


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotationRequest(ContractMessage):
    """Two new keys; the certificate request must name the agent's id. `node_public_key` is EC P-384, OpenSSH."""

    csr: CertificateRequest
    node_public_key: Annotated[str, Meta(min_length=1, max_length=1000)]
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotationAnswer(ContractMessage):
    """The certificate of the new key and whose signature it bears, both PEM."""

    certificate: Annotated[str, Meta(min_length=1, max_length=20_000)]
    authority: Pem = ""
    contract: Version = VERSION
