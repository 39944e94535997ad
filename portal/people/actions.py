"""Every change of the staff list."""

from __future__ import annotations

import datetime
import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

import detectors
from detectors import image
from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.core import audit
from portal.people.models import LegalBasis, Person, Template
from portal.sites.models import Camera, LegalMode, Site

LONGEST = datetime.timedelta(days=366)


def enrol(
    *, user: User, site: Site, name: str, pictures: Sequence[bytes], legal_basis: str, document: str, expires: datetime.datetime, title: str = ""
) -> Person:
    """Put a person on a site's staff list. Raises ValidationError with a sentence, and then nothing is kept; pictures are never kept."""
    require_role(user, site, Role.MANAGER)
    _check_paper(name, legal_basis, document, expires)
    vectors = [_template(picture, number) for number, picture in enumerate(pictures, 1)]
    if not vectors:
        raise ValidationError(_("At least one picture is needed."))
    try:
        with transaction.atomic():
            fields = {"title": title[:120], "legal_basis": legal_basis, "document": document.strip()[:200], "owner": user, "expires": expires}
            person = Person.objects.create(site=site, name=name.strip(), **fields)
            for picture, vector in zip(pictures, vectors, strict=True):
                digest = hashlib.sha256(picture).hexdigest()
                Template.objects.create(person=person, vector=vector, model_sha256=_embedder().card.sha256, picture_sha256=digest)
            data = {"legal_basis": legal_basis, "expires": expires.isoformat(), "templates": len(vectors)}
            _changed(user, person, "person.enrolled", data)
    except IntegrityError as error:
        raise ValidationError(_("%(name)s is on the staff list of this site already.") % {"name": name}) from error
    return person


def revoke(*, user: User, person_id: int) -> Person:
    """Take a person off the list and forget the templates; agents forget them with their next configuration."""
    with transaction.atomic():
        person = Person.objects.select_for_update().select_related("site").get(pk=person_id)
        require_role(user, person.site, Role.MANAGER)
        if person.revoked is None:
            person.revoked = timezone.now()
            person.save(update_fields=["revoked"])
            forgotten, _rows = person.templates.all().delete()
            _changed(user, person, "person.revoked", {"templates_deleted": forgotten})
    return person


def _check_paper(name: str, legal_basis: str, document: str, expires: datetime.datetime) -> None:
    if not name.strip() or len(name.strip()) > 120:
        raise ValidationError(_("A name is needed (at most 120 characters)."))
    if legal_basis not in LegalBasis.values:
        raise ValidationError(_("Nobody is enrolled without a legal basis."))
    if not document.strip():
        raise ValidationError(_("Say where the signed document is kept."))
    if not timezone.now() < expires <= timezone.now() + LONGEST:
        raise ValidationError(_("The end date must lie in the future, at most a year from now."))


def _template(picture: bytes, number: int) -> np.ndarray:
    try:
        pixels = image.read(picture)
    except detectors.BadInput as error:
        raise ValidationError(_("Picture %(n)d cannot be read: %(why)s.") % {"n": number, "why": str(error).rstrip(".")}) from error
    faces = _finder().find(pixels)
    if not faces:
        raise ValidationError(_("No face was found in picture %(n)d.") % {"n": number})
    if len(faces) > 1:
        raise ValidationError(_("%(k)d faces were found in picture %(n)d: show one person only.") % {"k": len(faces), "n": number})
    return _embedder().embed(pixels, faces)[0].embedding


def _changed(user: User, person: Person, verb: str, data: dict[str, Any]) -> None:
    Camera.objects.filter(site=person.site, legal_mode=LegalMode.M1).update(config_version=F("config_version") + 1)
    audit.record(actor=user, verb=verb, subject=f"person:{person.pk}", site=person.site.slug, data=data)


@functools.cache
def _finder() -> Any:
    return detectors.load("faces")


@functools.cache
def _embedder() -> Any:
    return detectors.load("face-embedding")
