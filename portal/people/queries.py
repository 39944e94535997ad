"""Every read of the staff list."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.people.models import Person
from portal.sites.models import Camera, LegalMode


def people(user: User) -> QuerySet[Person]:
    """Staff of the sites that the user manages, with the number of their templates; the living first."""
    found = Person.objects.filter(site__in=sites_of(user, Role.MANAGER)).select_related("site", "owner")
    return found.annotate(template_count=Count("templates")).order_by("revoked", "expires", "name")


def gallery(camera: Camera) -> list[dict[str, Any]]:
    """Whom this camera's agent may recognise: nobody unless the camera is in mode M1 and the site's stop button is not pressed."""
    if camera.legal_mode != LegalMode.M1 or camera.site.biometrics_stopped:
        return []
    valid = Person.objects.filter(site=camera.site, revoked=None, expires__gt=timezone.now()).prefetch_related("templates")
    return [
        {
            "person": str(person.pk),
            "name": person.name,
            "templates": [[float(each) for each in template.vector] for template in person.templates.all()],
            "expires": person.expires.timestamp(),
        }
        for person in valid
    ]
