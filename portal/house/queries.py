"""Reading the audit log: managers see their sites, an administrator of every site sees all of it."""

from __future__ import annotations

import dataclasses

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date

from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.core.models import AuditRow

ROUTINE = ("events.recorded",)
READERS = ("manager", "administrator")


@dataclasses.dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the reader asked for; an empty field asks for everything."""

    actor: str = ""
    verb: str = ""
    site: str = ""
    subject: str = ""
    day: str = ""
    routine: str = ""  # also what agents do every few seconds

    @classmethod
    def read(cls, parameters: QueryDict) -> AuditFilters:
        """From a query string; values are cut at 100 characters."""
        values = {field.name: parameters.get(field.name, "") for field in dataclasses.fields(cls)}
        return cls(**{name: value[:100].strip() for name, value in values.items() if "\x00" not in value})


def audit_rows(user: User, filters: AuditFilters | None = None) -> QuerySet[AuditRow]:
    """The rows the reader may see, newest first."""
    rows = AuditRow.objects.order_by("-id")
    if not user.memberships.filter(role__in=READERS, site=None).exists():
        slugs = {slug for role in READERS for slug in sites_of(user, role).values_list("slug", flat=True)}
        rows = rows.filter(Q(site__in=slugs) | Q(actor=f"user:{user.email}"))
    return _filtered(rows, filters or AuditFilters())


def verbs(user: User) -> list[str]:
    """What the reader can filter by."""
    return list(audit_rows(user, AuditFilters(routine="1")).order_by("verb").values_list("verb", flat=True).distinct())


def _filtered(rows: QuerySet[AuditRow], filters: AuditFilters) -> QuerySet[AuditRow]:
    if filters.actor:
        rows = rows.filter(actor__icontains=filters.actor)
    if filters.verb:
        rows = rows.filter(verb=filters.verb)
    elif not filters.routine:
        rows = rows.exclude(verb__in=ROUTINE)
    if filters.site:
        rows = rows.filter(site=filters.site)
    if filters.subject:
        rows = rows.filter(subject=filters.subject)
    try:
        day = parse_date(filters.day)
    except ValueError:
        day = None
    return rows.filter(t__date=day) if day else rows
