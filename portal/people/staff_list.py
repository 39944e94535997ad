"""The staff list as an agent gets it: signed, sealed for that agent, and only what has changed since the version it holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from django.db.models import Q, QuerySet
from django.utils import timezone

from federated.trust.staff_list import GalleryRejected, seal, sign_entry, sign_list
from portal.people.models import Person
from portal.sites.config import effective_mode, portal_key
from portal.sites.models import Camera, LegalMode, Site


@dataclasses.dataclass(frozen=True, slots=True)
class StaffFace:
    """What an agent may know of a person: opaque id, normalised mean templates (128,) of both nets, end date in Unix seconds, version of the entry."""

    person: str
    template: np.ndarray
    small: np.ndarray | None
    expires: float
    version: int


def news(camera: Camera, version: int, public: str, names: bool = False) -> dict[str, Any] | None:
    """`{list, sealed}` for the agent of this camera, which holds `version` (0: nothing) and reads with the key behind `public`.

    With `names` the agent keeps nobody's face and is sent none. None when it has everything, when the camera may recognise nobody, or when `public` is no key.
    """
    site = camera.site
    if effective_mode(camera) != LegalMode.M1 or version == site.people_version:
        return None
    covered = list(staff_of(camera))
    changed = [] if names else [person for person in covered if person.changed > version or version > site.people_version]
    try:
        sealed = seal([sign(camera.site, entry_of(person)) for person in changed], public)
    except GalleryRejected:
        return None
    people = {str(person.uid): person.changed for person in covered}
    return {"list": sign_list(site.slug, camera.slug, site.people_version, people, portal_key()), "sealed": sealed}


def staff_of(camera: Camera) -> QuerySet[Person]:
    """Whom the legal basis of this door covers now, with templates of theirs."""
    living = Person.objects.filter(site=camera.site, revoked=None, expires__gt=timezone.now(), templates__isnull=False)
    return living.filter(Q(doors=None) | Q(doors=camera)).distinct().order_by("pk").prefetch_related("templates")


def entry_of(person: Person) -> StaffFace:
    """One template for each net: the mean of the person's own."""
    templates = list(person.templates.all())
    small = [template.small for template in templates if template.small is not None]
    sharp = _centroid([template.vector for template in templates])
    return StaffFace(str(person.uid), sharp, _centroid(small) if small else None, person.expires.timestamp(), person.changed)


def sign(site: Site, face: StaffFace) -> dict[str, Any]:
    """The portal's word for it."""
    return sign_entry(site.slug, face.person, face.template, face.expires, face.version, portal_key(), small=face.small)


def _centroid(vectors: list[Any]) -> np.ndarray:
    mean = np.mean([np.asarray(vector, np.float32) for vector in vectors], axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
