"""Who on a site's list looks like somebody: the same person under two names, a twin, or a picture that was used for two people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

import detectors
from detectors.faces import identify
from portal.people import search
from portal.people.models import Person, Template
from portal.people.pictures import EnrolmentSample
from portal.sites.models import Site

NEAREST = 20  # templates looked at; a person has twelve at the most


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """Somebody on the list, the best cosine to a template of theirs, and whether a door could take one for the other."""

    person: Person
    score: float
    close: bool


def of_samples(site: Site, samples: Sequence[EnrolmentSample]) -> list[Twin]:
    """Those on the list whom a door could take for the person in the pictures, most alike first."""
    return [twin for twin in _twins(site, [sample.vector for sample in samples]) if twin.close]


def of_person(person: Person, most: int = 3) -> list[Twin]:
    """The people on the site's list who look most like this one."""
    return [twin for twin in _twins(person.site, [template.vector for template in person.templates.all()]) if twin.person.pk != person.pk][:most]


def check(site: Site, twins: Sequence[Twin], samples: Sequence[EnrolmentSample], *, alike: bool) -> None:
    """Raises ValidationError when a picture is somebody else's already, or when somebody looks the same and nobody said that it is another person."""
    used = Template.objects.filter(person__site=site, picture_sha256__in=[sample.picture_sha256 for sample in samples]).select_related("person").first()
    if used:
        raise ValidationError(_("One of these pictures was used for %(name)s already: a picture belongs to one person.") % {"name": used.person.name})
    if twins and not alike:
        words = _("This looks like %(name)s, who is on the list (likeness %(score).2f). If it is another person, say so and save again.")
        raise ValidationError(words % {"name": twins[0].person.name, "score": twins[0].score}, code="alike")


def _twins(site: Site, vectors: Sequence[Any]) -> list[Twin]:
    if not len(vectors):
        return []
    people = Person.objects.filter(site=site, revoked=None).count()
    threshold = identify.threshold_for(max(1, people), detectors.card("face-embedding").thresholds["tail"])
    best: dict[int, tuple[float, Person]] = {}
    for vector in vectors:
        for template, score in search.nearest(site, np.asarray(vector, np.float32), NEAREST):
            if score > best.get(template.person_id, (-2.0,))[0]:
                best[template.person_id] = score, template.person
    return [Twin(person, score, score >= threshold) for score, person in sorted(best.values(), key=lambda each: -each[0])]
