"""Agents as witnesses of the audit log: each is given the log's head with every heartbeat's answer, and brings it back, signed, with the next."""

from __future__ import annotations

import dataclasses
import datetime
import logging
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from federated.contract.audit_head import AuditHead, AuditReceipt
from federated.trust import signing, witness
from portal.core import audit, events
from portal.core.audit_check import Statement
from portal.core.events import AuditEntry, DomainEvent
from portal.core.models import AuditFinding, AuditRow, AuditWitness

STORED_EVERY_S = 60  # an agent's newest receipt is written so often; each one is compared
KEPT = datetime.timedelta(days=400)
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class AuditLogChanged(DomainEvent):
    """The audit log is not what it was: a witness, or its own chain (`agent` empty), shows that row `seq` or one before it was changed or taken out."""

    finding_id: int
    seq: int
    agent: str
    site: str

    def audit_entry(self) -> AuditEntry:
        return AuditEntry("audit.changed", f"finding:{self.finding_id}", self.site, {"row": self.seq, "witness": self.agent})


def head(key: Ed25519PrivateKey) -> AuditHead:
    """The log's head now, signed with the portal's key, for an agent to keep."""
    seq, sha256 = audit.head()
    return witness.sign_head(seq=seq, sha256=sha256, t=round(timezone.now().timestamp(), 3), key=key)


def compare(*, agent: str, site: str, public_key: str, receipt: AuditReceipt, portal_key: str) -> bool:
    """Compare what an agent was given with the log as it is; False, a finding and an event when the log was changed since.

    `public_key` is the one with which the agent signed this call. A receipt that is not its own is logged and counts for nothing.
    """
    if (receipt.agent, receipt.site) != (agent, site) or not witness.receipt_is_signed(receipt, public_key):
        log.warning("agent %s brought a receipt of the audit log that is not its own", agent)
        return True
    head = receipt.head
    found = AuditRow.objects.filter(seq=head.seq).values_list("hash", flat=True).first() or (audit.GENESIS if head.seq == 0 else "")
    if found == head.hash:
        _store(agent, receipt, public_key)
        return True
    _find(
        seq=head.seq,
        expected=head.hash,
        found=found,
        agent=agent,
        site=site,
        receipt=receipt.to_json(),
        public_key=public_key,
        own_signature=witness.head_is_signed(head, portal_key),
    )
    return False


def note_break(seq: int) -> None:
    """Keep that the chain itself breaks at this row, and publish it; once for each row."""
    _find(seq=seq, expected="", found="", agent="", site="")


@transaction.atomic
def settle(*, user: Any, finding_id: int, reason: str) -> AuditFinding:
    """Close a finding: somebody has looked into it, such as after a restored backup. It stays on record, and so does who closed it and why."""
    finding = AuditFinding.objects.select_for_update().get(pk=finding_id)
    if finding.settled is None:
        finding.settled, finding.settled_by, finding.reason = timezone.now(), user, reason[:500]
        finding.save(update_fields=["settled", "settled_by", "reason"])
        data = {"row": finding.seq, "witness": finding.agent, "reason": finding.reason}
        audit.record(actor=user, verb="audit.settled", subject=f"finding:{finding.pk}", site=finding.site, data=data)
    return finding


def open_findings() -> list[AuditFinding]:
    """Those nobody has settled, newest first."""
    return list(AuditFinding.objects.filter(settled=None))


def stored(portal_key: str) -> list[Statement]:
    """What agents have stated about the log, as far as it is kept here: receipts of each hour, and those that contradicted it."""
    kept = [(each.receipt, each.public_key) for each in AuditWitness.objects.all()]
    kept += [(each.receipt, each.public_key) for each in AuditFinding.objects.exclude(receipt=None)]
    statements = [statement(AuditReceipt.parse(receipt), public, portal_key, registered=True) for receipt, public in kept]
    return [each for each in statements if each is not None]


def statement(receipt: AuditReceipt, public_key: str, portal_key: str, *, registered: bool) -> Statement | None:
    """A receipt as a statement about the log; None when its agent has not signed it. `registered`: the database lists the agent's key."""
    if not witness.receipt_is_signed(receipt, public_key):
        return None
    own = witness.head_is_signed(receipt.head, portal_key)
    key = signing.fingerprint(public_key)
    proofs = [
        "the head is signed by this portal's own key" if own else "the head is signed by another portal key than today's",
        f"the receipt by the agent's key {key}" + ("" if registered else ", which this database does not list: compare it with the agent's own"),
    ]
    by = f"agent {receipt.agent} at {receipt.site}"
    return Statement(receipt.head.seq, receipt.head.hash, receipt.head.t, by, "; ".join(proofs), proven=own or registered)


def forget_old(now: datetime.datetime | None = None) -> int:
    """Delete stored receipts that are older than 400 days; the agents keep a year of their own."""
    return AuditWitness.objects.filter(hour__lt=(now or timezone.now()) - KEPT).delete()[0]


def _store(agent: str, receipt: AuditReceipt, public_key: str) -> None:
    if cache.add(f"witness:{agent}", 1, STORED_EVERY_S):
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        kept = {"seq": receipt.head.seq, "receipt": receipt.to_json(), "public_key": public_key}
        AuditWitness.objects.update_or_create(agent=agent, hour=hour, defaults=kept)


@transaction.atomic
def _find(*, seq: int, expected: str, agent: str, site: str, **more: Any) -> None:
    finding, made = AuditFinding.objects.get_or_create(seq=seq, expected=expected, agent=agent, defaults={"site": site, **more})
    if made:
        log.error("the audit log was changed at row %d or before it (witness: %s)", seq, agent or "the chain itself")
        events.publish(AuditLogChanged(finding_id=finding.pk, seq=seq, agent=agent, site=site))
