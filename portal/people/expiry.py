"""Who comes to the end date, who has come to it, and what then goes by itself."""

from __future__ import annotations

import dataclasses
import datetime
import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.accounts.queries import sites_of
from portal.core import audit, events
from portal.core.periodic import for_each
from portal.core.secrets import refuse_secret
from portal.people import actions
from portal.people.events import PeopleExpiring
from portal.people.models import Person

SOON = datetime.timedelta(days=30)
KEPT = datetime.timedelta(days=30)  # after the end date, for an owner who only forgot to extend; a door recognises nobody past the date


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """People whose time ends soon, and those whose time is over, each by end date."""

    soon: list[Person]
    over: list[Person]


def ending(user: User) -> Ending:
    """The people of the sites that the user manages, with `template_count`."""
    people = _living(timezone.now() + SOON).filter(site__in=sites_of(user, Role.MANAGER)).select_related("site", "owner")
    people = people.annotate(template_count=Count("templates")).order_by("expires", "name")
    now = timezone.now()
    return Ending([each for each in people if each.expires > now], [each for each in people if each.expires <= now])


def count(user: User) -> int:
    """How many want a decision: the number beside the link."""
    return _living(timezone.now() + SOON).filter(site__in=sites_of(user, Role.MANAGER)).count()


def extend(*, user: User, uid: uuid.UUID, expires: datetime.datetime, reason: str) -> Person:
    """Another end date, with the reason in the audit log. Raises ValidationError, PermissionDenied or Person.DoesNotExist."""
    reason = refuse_secret(reason.strip()[:300])
    if not reason:
        raise ValidationError(_("Say why: the reason stands in the audit log."))
    with transaction.atomic():
        person = Person.objects.select_related("site").get(uid=uid, revoked=None)
        require_role(user, person.site, Role.MANAGER)
        if not person.templates.exists():
            raise ValidationError(_("The templates are deleted already: enrol the person again."))
        actions.change(user=user, uid=uid, expires=expires, doors=list(person.doors.all()))
        audit.record(actor=user, verb="person.extended", subject=f"person:{uid}", site=person.site.slug, data={"reason": reason})
    person.refresh_from_db()
    return person


def clean_up() -> tuple[int, int]:
    """Once a day: one event for each owner and site whose people end soon, and the templates of those long over go. Returns how many of each."""
    expiring: dict[tuple[str, int, str], list[str]] = {}
    for person in _living(timezone.now() + SOON).select_related("site", "owner").order_by("expires"):
        expiring.setdefault((person.site.slug, person.owner_id, person.owner.email), []).append(str(person.uid))
    for (site, owner_id, owner), uids in expiring.items():
        events.publish(PeopleExpiring(site=site, owner_id=owner_id, owner=owner, uids=tuple(uids)))
    over = list(_living(timezone.now() - KEPT).filter(templates__isnull=False).distinct())
    return len(expiring), len(for_each(over, _forget))


def _forget(person: Person) -> None:
    with transaction.atomic():
        forgotten, _rows = person.templates.all().delete()
        data = {"templates_deleted": forgotten, "version": actions.raise_version(person)}
        audit.record(actor="system", verb="person.expired", subject=f"person:{person.uid}", site=person.site.slug, data=data)


def _living(before: datetime.datetime) -> QuerySet[Person]:
    """Not revoked, with an end date before then."""
    return Person.objects.filter(revoked=None, expires__lte=before)
