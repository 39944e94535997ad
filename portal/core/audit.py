"""Write the audit log."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from federated.trust.evidence_pack import row_hash
from portal.core.models import AuditRow

GENESIS = "0" * 64
LOCK = 0x5350454C  # one writer at a time, or two rows would name the same predecessor


def record(*, actor: Any, verb: str, subject: str = "", site: str = "", data: dict[str, Any] | None = None) -> AuditRow:
    """Add one row; call it inside the transaction of the change it tells of. `actor` is a User, or text such as "agent:<uuid>" or "system"."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        seq, previous = head()
        name = actor if isinstance(actor, str) else f"user:{actor.email}"
        row = AuditRow(seq=seq + 1, t=timezone.now(), actor=name, verb=verb, subject=subject, site=site, data=data or {}, previous=previous)
        row.hash = digest(row)
        row.save(force_insert=True)
    return row


def head() -> tuple[int, str]:
    """Number and hash of the newest row; (0, GENESIS) of an empty log."""
    return AuditRow.objects.order_by("-seq").values_list("seq", "hash").first() or (0, GENESIS)


def digest(row: AuditRow) -> str:
    """SHA-256 (hex) of a row's content and its predecessor's hash."""
    return row_hash(row.previous, row.t.isoformat(), row.actor, row.verb, row.subject, row.site, row.data)
