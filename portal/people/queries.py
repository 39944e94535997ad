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
