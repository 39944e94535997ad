"""Witnesses of the audit log: the portal signs its head, an agent signs that it was given it; both can be verified years later by somebody else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.contract.audit_head import AuditHead, AuditReceipt
from federated.contract.message import ContractError
from federated.trust import signing

# Each kind of statement names itself, so that a signature over one can never be shown as one over another.
HEAD, RECEIPT, EXPORT = "specola audit head", "specola audit receipt", "specola audit witness"
LARGEST_FILE = 64 * 2**20  # bytes of an exported file: a year of hours is 8 MB


class WitnessRejected(Exception):
    """A file that is no witness's, or whose signatures do not belong to it; str() says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class WitnessFile:
    """What an agent exported: who it is, with which key it signs now, whose portal it belongs to, and every receipt it keeps with the key that signed it."""

    site: str
    camera: str
    agent: str
    public_key: str
    portal_public_key: str
    receipts: tuple[tuple[AuditReceipt, str], ...]


def sign_head(*, seq: int, sha256: str, t: float, key: Ed25519PrivateKey) -> AuditHead:
    """The head as the portal gives it to an agent; `t` in Unix seconds."""
    t = float(t)  # JSON would bring a whole number back as another text
    return AuditHead(seq=seq, hash=sha256, t=t, signature=signing.sign_document(_head_body(seq, sha256, t), key)["signature"])


def head_is_signed(head: AuditHead, public: str) -> bool:
    """Whether the portal with this public key (base64) gave out this head."""
    return _signed({**_head_body(head.seq, head.hash, head.t), "signature": head.signature}, public)


def sign_receipt(*, site: str, agent: str, head: AuditHead, received: float, key: Ed25519PrivateKey) -> AuditReceipt:
    """The agent's statement; `received` by its clock, in Unix seconds."""
    received = float(received)
    signed = signing.sign_document(_receipt_body(site, agent, head, received), key)
    return AuditReceipt(site=site, agent=agent, head=head, received=received, signature=signed["signature"])


def receipt_is_signed(receipt: AuditReceipt, public: str) -> bool:
    """Whether the agent with this public key (base64) made the statement."""
    body = _receipt_body(receipt.site, receipt.agent, receipt.head, receipt.received)
    return _signed({**body, "signature": receipt.signature}, public)


def export(found: WitnessFile, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The file as JSON data, signed as a whole with the agent's present key."""
    fields = {name: getattr(found, name) for name in ("site", "camera", "agent", "public_key", "portal_public_key")}
    receipts = [{**receipt.to_json(), "public_key": public} for receipt, public in found.receipts]
    return signing.sign_document({"kind": EXPORT, **fields, "receipts": receipts}, key)


def read_export(document: Any) -> WitnessFile:
    """An exported file, with the whole and each receipt's signature verified by the keys it names. Raises WitnessRejected.

    Whether these keys are those of the agent is not known here: compare them with the portal's list, or their fingerprints with the agent's own machine.
    """
    if not isinstance(document, dict) or document.get("kind") != EXPORT:
        raise WitnessRejected("it is no file of `site_agents witness`")
    try:
        body = signing.verify_document(document, str(document.get("public_key")))
        texts = {name: str(body[name]) for name in ("site", "camera", "agent", "public_key", "portal_public_key")}
        receipts = tuple(_read_receipt(each) for each in body["receipts"])
    except (signing.SignatureRejected, ContractError, KeyError, TypeError, ValueError) as error:
        raise WitnessRejected(f"it was changed or is damaged: {error}") from error
    for number, (receipt, public) in enumerate(receipts, 1):
        if receipt.agent != texts["agent"] or not receipt_is_signed(receipt, public):
            raise WitnessRejected(f"receipt {number} is not signed by the agent")
    return WitnessFile(**texts, receipts=receipts)


def _read_receipt(fields: Mapping[str, Any]) -> tuple[AuditReceipt, str]:
    plain = dict(fields)
    public = str(plain.pop("public_key"))
    return AuditReceipt.parse(plain), public


def _head_body(seq: int, sha256: str, t: float) -> dict[str, Any]:
    return {"kind": HEAD, "seq": seq, "hash": sha256, "t": t}


def _receipt_body(site: str, agent: str, head: AuditHead, received: float) -> dict[str, Any]:
    return {"kind": RECEIPT, "site": site, "agent": agent, "head": head.to_json(), "received": received}


def _signed(document: dict[str, Any], public: str) -> bool:
    try:
        signing.verify_document(document, public)
    except signing.SignatureRejected:
        return False
    return True
