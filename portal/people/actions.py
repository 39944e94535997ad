"""Every change of the staff list."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.core import audit
from portal.core.secrets import refuse_secret
from portal.people import lookalikes
from portal.people import pictures as reading
from portal.people.models import LegalBasis, Person, Template
from portal.sites.models import Camera, LegalMode, Site

LONGEST = datetime.timedelta(days=366)


def enrol(
    *,
    user: User,
    site: Site,
    name: str,
    pictures: Sequence[bytes],
    legal_basis: str,
    document: str,
    expires: datetime.datetime,
    title: str = "",
    doors: Sequence[Camera] = (),
    alike: bool = False,
    alternative: str = "",
    without_alternative: bool = False,
    turn: bool = False,
) -> Person:
    """Put a person on a site's staff list. Raises ValidationError with a sentence, and then nothing is kept; pictures are never kept.

    No `doors` means every restricted door of the site, also those that come later. `alike`: the manager says that it is another person than the one on the list
    who looks the same; the audit log then says so too. `alternative`: the way in without biometrics that was offered. Consent of employees is hardly free
    without one (Garante per la protezione dei dati personali, 22 February 2024): then the manager must confirm `without_alternative`, which is logged.
    `turn`: pictures that lie on their side or head are turned.
    """
    require_role(user, site, Role.MANAGER)
    _check_paper(name, legal_basis, document, expires)
    for shown in (name, title, document, alternative):
        refuse_secret(shown)
    _check_alternative(legal_basis, alternative, without_alternative)
    _check_doors(site, doors)
    samples = reading.read(pictures, turn=turn)
    try:
        with transaction.atomic():
            Site.objects.select_for_update(no_key=True).get(pk=site.pk)  # one at a time: two managers must not enrol the same face at once
            twins = lookalikes.of_samples(site, samples)
            lookalikes.check(site, twins, samples, alike=alike)
            fields = {"title": title[:120], "legal_basis": legal_basis, "document": document.strip()[:200], "owner": user, "expires": expires}
            fields["alternative"] = alternative.strip()[:200]
            person = Person.objects.create(site=site, name=name.strip(), **fields)
            person.doors.set(doors)
            Template.objects.bulk_create(Template(person=person, **sample.kept()) for sample in samples)
            _changed(
                user,
                person,
                "person.enrolled",
                {**_basis(person), "templates": len(samples), **({"alike": len(twins)} if twins else {})},
            )
    except IntegrityError as error:
        raise ValidationError(_("%(name)s is on the staff list of this site already.") % {"name": name}) from error
    return person


def change(*, user: User, uid: uuid.UUID, expires: datetime.datetime, doors: Sequence[Camera] = ()) -> Person:
    """Give a person another end date or other doors. Raises ValidationError; Person.DoesNotExist for who is not on the list any more."""
    with transaction.atomic():
        person = _locked(user, uid, revoked=None)
        if expires != person.expires:
            _check_end(expires)
        _check_doors(person.site, doors)
        if expires != person.expires or {door.pk for door in doors} != set(person.doors.values_list("pk", flat=True)):
            person.expires = expires
            person.save(update_fields=["expires"])
            person.doors.set(doors)
            _changed(user, person, "person.changed", _basis(person))
    return person


def revoke(*, user: User, uid: uuid.UUID) -> Person:
    """Take a person off the list and forget the templates; agents forget them with their next heartbeat."""
    with transaction.atomic():
        person = _locked(user, uid)
        if person.revoked is None:
            person.revoked = timezone.now()
            person.save(update_fields=["revoked"])
            forgotten, _rows = person.templates.all().delete()
            _changed(user, person, "person.revoked", {"templates_deleted": forgotten})
    return person


def raise_version(person: Person) -> int:
    """The one way in which a site's list changes: its version rises by one, and the person carries the new number. Call it inside the transaction."""
    site = Site.objects.select_for_update(no_key=True).filter(pk=person.site_id)
    site.update(people_version=F("people_version") + 1)
    person.changed = site.values_list("people_version", flat=True).get()
    Person.objects.filter(pk=person.pk).update(changed=person.changed)
    return person.changed


def _locked(user: User, uid: uuid.UUID, **more: Any) -> Person:
    """The person, if the user manages their site. Raises Person.DoesNotExist or PermissionDenied."""
    person = Person.objects.select_for_update(of=("self",)).select_related("site").get(uid=uid, **more)
    require_role(user, person.site, Role.MANAGER)
    return person


def _changed(user: User, person: Person, verb: str, data: dict[str, Any]) -> None:
    version = raise_version(person)
    audit.record(actor=user, verb=verb, subject=f"person:{person.uid}", site=person.site.slug, data={**data, "version": version})


def _basis(person: Person) -> dict[str, Any]:
    """What the audit log says of a person: never the name."""
    doors = sorted(person.doors.values_list("slug", flat=True))
    return {"legal_basis": person.legal_basis, "alternative": bool(person.alternative), "expires": person.expires.isoformat(), "doors": doors}


def _check_paper(name: str, legal_basis: str, document: str, expires: datetime.datetime) -> None:
    if not name.strip() or len(name.strip()) > 120:
        raise ValidationError(_("A name is needed (at most 120 characters)."))
    if legal_basis not in LegalBasis.values:
        raise ValidationError(_("Nobody is enrolled without a legal basis."))
    if not document.strip():
        raise ValidationError(_("Say where the signed document is kept."))
    _check_end(expires)


def _check_alternative(legal_basis: str, alternative: str, without: bool) -> None:
    if legal_basis == LegalBasis.CONSENT and not alternative.strip() and not without:
        raise ValidationError(
            _(
                "No way in without biometrics is named. Consent of an employee who has no other way in is hardly free: so the Garante, on 22 February 2024. "
                "Name the alternative that was offered, for example a badge, or confirm below that there is none."
            ),
            code="alternative",
        )


def _check_end(expires: datetime.datetime) -> None:
    if not timezone.now() < expires <= timezone.now() + LONGEST:
        raise ValidationError(_("The end date must lie in the future, at most a year from now."))


def _check_doors(site: Site, doors: Sequence[Camera]) -> None:
    if any(door.site_id != site.pk or door.legal_mode != LegalMode.M1 for door in doors):
        raise ValidationError(_("Only restricted doors (mode M1) of this site can be chosen."))
