"""Every read of the staff list."""

from __future__ import annotations

import dataclasses
import uuid

from django.db.models import Count, Q, QuerySet

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.people.models import Person, Recognition
from portal.sites.models import Camera, LegalMode
from portal.sites.queries import Tile, tiles_of


@dataclasses.dataclass(frozen=True, slots=True)
class Here:
    """A door, the version of the list that its agent says it has, and whether this person is on it for sure."""

    tile: Tile
    version: int
    current: bool


def person(user: User, uid: uuid.UUID) -> Person:
    """One of them. Raises Person.DoesNotExist."""
    return people(user).get(uid=uid)


def at_doors(person: Person) -> list[Here]:
    """The doors this person may pass, and whether each of their agents knows it by now."""
    doors = Camera.objects.filter(site=person.site, legal_mode=LegalMode.M1).select_related("site")
    chosen = person.doors.all()
    tiles = tiles_of(doors.filter(pk__in=chosen) if chosen else doors)
    return [Here(tile, version, version >= person.changed) for tile in tiles for version in [_version(tile)]]


def _version(tile: Tile) -> int:
    heartbeat = tile.agent.heartbeat if tile.agent else None
    return heartbeat.gallery.version if heartbeat and heartbeat.gallery else 0


def people(user: User, words: str = "") -> QuerySet[Person]:
    """Staff of the sites that the user manages, with the number of their templates; the living first. `words`: in the name, the role or the document."""
    found = Person.objects.filter(site__in=sites_of(user, Role.MANAGER)).select_related("site", "owner")
    for word in words.split()[:8]:
        found = found.filter(Q(name__icontains=word) | Q(title__icontains=word) | Q(document__icontains=word))
    return found.annotate(template_count=Count("templates")).order_by("revoked", "expires", "name")


def nobody(uids: set[str]) -> set[str]:
    """Those of these ids that are nobody's: erased, or never known."""
    return uids - {str(uid) for uid in Person.objects.filter(uid__in=uids).values_list("uid", flat=True)}


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that the face log shows."""
    return set(Recognition.objects.filter(snapshot__in=names).values_list("snapshot", flat=True))
