"""The staff list as an agent gets it: signed, sealed for that agent, and only what has changed since the version it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Q, QuerySet
from django.utils import timezone

from federated.gallery import GalleryRejected, seal, sign_entry, sign_list
from portal.people.models import Person
from portal.sites.config import effective_mode, portal_key
from portal.sites.models import Camera, LegalMode


def news(camera: Camera, version: int, public: str) -> dict[str, Any] | None:
    """`{list, sealed}` for the agent of this camera, which holds `version` (0: nothing) and reads with the key behind `public`.

    None when it has everything, when the camera may recognise nobody, or when `public` is no key.
    """
    site = camera.site
    if effective_mode(camera) != LegalMode.M1 or version == site.people_version:
        return None
    covered = list(staff_of(camera))
    changed = [person for person in covered if person.changed > version or version > site.people_version]
    try:
        sealed = seal([_entry(person) for person in changed], public)
    except GalleryRejected:
        return None
    people = {str(person.uid): person.changed for person in covered}
    return {"list": sign_list(site.slug, camera.slug, site.people_version, people, portal_key()), "sealed": sealed}


def staff_of(camera: Camera) -> QuerySet[Person]:
    """Whom the legal basis of this door covers now, with templates of theirs."""
    living = Person.objects.filter(site=camera.site, revoked=None, expires__gt=timezone.now(), templates__isnull=False)
    return living.filter(Q(doors=None) | Q(doors=camera)).distinct().order_by("pk").prefetch_related("templates")


def _entry(person: Person) -> dict[str, Any]:
    templates = list(person.templates.all())
    small = [template.small for template in templates if template.small is not None]
    vectors = {"template": _centroid([template.vector for template in templates]), "small": _centroid(small) if small else None}
    key, expires = portal_key(), person.expires.timestamp()
    return sign_entry(person.site.slug, str(person.uid), vectors["template"], expires, person.changed, key, small=vectors["small"])


def _centroid(vectors: list[Any]) -> np.ndarray:
    mean = np.mean([np.asarray(vector, np.float32) for vector in vectors], axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
