"""Every read of the staff list."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.people.models import Person


def people(user: User) -> QuerySet[Person]:
    """Staff of the sites that the user manages, with the number of their templates; the living first."""
    found = Person.objects.filter(site__in=sites_of(user, Role.MANAGER)).select_related("site", "owner")
    return found.annotate(template_count=Count("templates")).order_by("revoked", "expires", "name")


def nobody(uids: set[str]) -> set[str]:
    """Those of these ids that are nobody's: erased, or never known."""
    return uids - {str(uid) for uid in Person.objects.filter(uid__in=uids).values_list("uid", flat=True)}
