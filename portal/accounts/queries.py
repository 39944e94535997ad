"""Who may see what."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.accounts.models import User
from portal.sites.models import Site


def sites_of(user: User, role: str | None = None) -> QuerySet[Site]:
    """The sites at which the user holds a role (any role when none is named). Nothing for a stranger or a closed account."""
    if not user.is_authenticated or not user.is_active:
        return Site.objects.none()
    rows = user.memberships.filter(role=role) if role else user.memberships.all()
    limits = list(rows.values_list("site_id", flat=True))
    return Site.objects.all() if None in limits else Site.objects.filter(pk__in=limits)
