"""The part of the health page that is about the audit log."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.core import audit, audit_witness
from portal.core.health import Check
from portal.core.models import AuditWitness
from portal.house import anchors

ANCHORED = datetime.timedelta(hours=26)  # one a day, and the hour in which it is written


def audit_log(reader: Any) -> Check:
    """The audit log is what it was, as far as agents and anchors have witnessed it."""
    name = _("Audit log")
    try:
        found, (rows, _hash) = audit_witness.open_findings(), audit.head()
        since = timezone.now() - datetime.timedelta(days=1)
        agents = AuditWitness.objects.filter(hour__gte=since).values("agent").distinct().count()
    except DatabaseError as error:
        return Check(name, "problem", str(error).strip().splitlines()[0], _("The database must answer first."))
    if found:
        first = min(each.seq for each in found)
        detail = _("the audit log was changed: row %(row)d or one before it") % {"row": first}
        return Check(name, "problem", detail, _("Run `manage.py verify-audit`; ask the witnesses named on the audit page for their files. Keep the backups."))
    detail = _("%(rows)d rows; agents that witnessed it in the last day: %(agents)d") % {"rows": rows, "agents": agents}
    if rows and (late := _late()):
        return Check(name, "warning", f"{detail}; {late}", _("Look at the worker and at the folder of the anchors; the worker's log gives the reason."))
    return Check(name, "ok", detail)


def _late() -> str:
    """Why an anchor is overdue; empty when none is, and before the first."""
    folders = [anchors.folder(), *([Path(settings.AUDIT_FOLDER)] if settings.AUDIT_FOLDER else [])]
    for each in folders:
        last = anchors.newest(each) if each.is_dir() else None
        if last is None and each != anchors.folder():
            return _("there is no anchor in %(folder)s") % {"folder": each}
        if last is not None and timezone.now() - datetime.datetime.fromtimestamp(last.stat().st_mtime, datetime.UTC) > ANCHORED:
            return _("the last anchor in %(folder)s is older than a day") % {"folder": each}
        if last is not None and settings.AUDIT_TSA and not last.with_suffix(anchors.STAMP).exists():
            return _("the last anchor has no time stamp")
    return ""
