"""What the house itself does: look whether the audit log is what it was, and close what was found."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.utils.translation import gettext as _

from federated.trust.signing import public_text
from portal.accounts.models import Role, User
from portal.core import audit_check, audit_witness
from portal.core.audit_check import AuditReport
from portal.core.models import AuditFinding
from portal.house import anchors
from portal.sites.actions import checked_reason
from portal.sites.config import portal_key


def walk_audit() -> AuditReport:
    """Walk the whole log; what contradicts it becomes a finding, once. Statements from before the last finding was settled count no more."""
    anchored, _problems = anchors.statements([anchors.folder()], [])
    since = AuditFinding.objects.aggregate(last=Max("settled"))["last"]
    statements = [*audit_witness.stored(public_text(portal_key())), *anchored]
    report = audit_check.check(each for each in statements if since is None or each.t > since.timestamp())
    if report.first is not None:
        audit_witness.note_break(report.first[1])
    return report


def settle_finding(*, user: User, finding_id: int, reason: str) -> AuditFinding:
    """Close a finding, with the reason; for administrators of every site. Raises PermissionDenied and (the reason) ValidationError."""
    if not (user.is_active and user.memberships.filter(role=Role.ADMINISTRATOR, site=None).exists()):
        raise PermissionDenied(_("Only an administrator of every site may close this."))
    return audit_witness.settle(user=user, finding_id=finding_id, reason=checked_reason(reason))
