"""Erase one person everywhere, and prove it: delete, make the stores forget, look at every file, and only then write the one audit row."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import operator
import time
import uuid
from typing import Any

import numpy as np
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from detectors.rules import registry
from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.alerts.models import Alert, Event
from portal.core import audit, media
from portal.core.models import AuditRow
from portal.people import erase_stores as stores
from portal.people.actions import raise_version
from portal.people.models import Person
from portal.people.residue import Pattern, Residue, patterns_of, residue
from portal.sites.models import Agent, LegalMode, Site

ERASED = "person.erased"
LOOK_S = 0.5
BACKUPS = "Specola makes no backups. Copies that you made of the home folder or of PostgreSQL still hold what they held: erase there too."


class NeverListed(ObjectDoesNotExist):
    """Nobody with this id is or was on a staff list."""


@dataclasses.dataclass(frozen=True, slots=True)
class Confirmed:
    """An agent of the site's doors: the version of the list it says it has, and the one without the person."""

    agent: str
    camera: str
    version: int
    needed: int

    @property
    def done(self) -> bool:
        """Whether it has said that it knows the list without the person."""
        return self.version >= self.needed


@dataclasses.dataclass(slots=True)
class Proof:
    """What was deleted, what every agent said, and what a look at every file of the home folder found. `clean` is the verdict."""

    uid: str
    site: str
    t: datetime.datetime
    first: bool
    deleted: dict[str, int]
    held: int  # pictures and clips that stay, because a case or another record needs them
    agents: list[Confirmed]
    residue: Residue
    templates: int
    database: str
    backups: str = BACKUPS

    @property
    def clean(self) -> bool:
        """Nothing is left, every file was read, every agent has confirmed and the database's files were among those looked at."""
        return not self.residue.left and not self.residue.unread and all(each.done for each in self.agents) and self.database == "looked through"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        kept = {**dataclasses.asdict(self), "t": self.t.isoformat(), "clean": self.clean}
        kept["agents"] = [{**dataclasses.asdict(each), "state": "confirmed" if each.done else "waiting"} for each in self.agents]
        return kept


def erase(uid: uuid.UUID, by: User | str, wait_s: float = 15.0) -> Proof:
    """Erase a person and prove it; safe to repeat after a kill, and a second call looks again. `wait_s`: for the agents' heartbeats.

    Raises NeverListed, or PermissionDenied when `by` is a user who does not manage the person's site. Call it outside a transaction.
    """
    site, templates = _whereabouts(uid, by)
    patterns = patterns_of(uid, templates)
    deleted, held = _delete(uid)
    agents = _confirmed(site, wait_s)
    deleted = _add(deleted, stores.scrub_rows(uid))  # what was on its way while the first look was taken
    deleted["cache keys"] = stores.scrub_cache(uid)
    deleted["places in logs"] = stores.scrub_logs(uid, settings.HOME)
    stores.rewrite_database()
    first = not AuditRow.objects.filter(subject=f"person:{uid}", verb=ERASED).exists()
    return _proved(uid, by, site, patterns, first=first, deleted=deleted, held=held, agents=agents, templates=len(templates))


def confirmed(site: Site) -> list[Confirmed]:
    """Which list each living agent of the site's restricted doors says it has."""
    agents = Agent.objects.filter(camera__site=site, camera__legal_mode=LegalMode.M1, revoked=None).select_related("camera").order_by("camera__slug")
    return [Confirmed(str(agent.pk), agent.camera.slug, _version_held(agent), site.people_version) for agent in agents]


def _version_held(agent: Agent) -> int:
    return agent.heartbeat.gallery.version if agent.heartbeat and agent.heartbeat.gallery else 0


def _whereabouts(uid: uuid.UUID, by: User | str) -> tuple[Site, list[np.ndarray]]:
    """The person's site and templates, (128,) float32 each; for somebody deleted already, the site that the audit log names."""
    person = Person.objects.select_related("site").filter(uid=uid).first()
    row = None if person else AuditRow.objects.filter(subject=f"person:{uid}").order_by("id").last()
    site = person.site if person else row and Site.objects.filter(slug=row.site).first()
    if site is None:
        raise NeverListed(f"Nobody with the id {uid} is or was on a staff list here.")
    if isinstance(by, User):
        require_role(by, site, Role.MANAGER)
    templates = person.templates.all() if person else []
    return site, [np.asarray(vector, np.float32) for each in templates for vector in (each.vector, each.small) if vector is not None]


def _delete(uid: uuid.UUID) -> tuple[dict[str, int], int]:
    """In one transaction: the person, what hangs on the person, the recognitions, and the id wherever else it stands; then the pictures.

    Returns what went, and how many pictures stay because somebody else needs them.
    """
    with transaction.atomic():
        person = Person.objects.select_for_update(of=("self",)).filter(uid=uid).first()
        gone: dict[str, int] = {}
        pictures: set[str] = set()
        if person:
            raise_version(person)
            pictures |= set(person.recognitions.exclude(snapshot="").values_list("snapshot", flat=True))
            for relation in Person._meta.related_objects:
                gone = _add(gone, relation.related_model._default_manager.filter(**{relation.field.name: person}).delete()[1])
            gone = _add(gone, person.delete()[1])
        recognised = Event.objects.filter(kind=registry.RECOGNISED, data__person=str(uid))
        naming = [Q(kind=kind, **{f"data__{key}": str(uid)}) for kind, key in registry.naming().items() if kind != registry.RECOGNISED]
        named = Event.objects.filter(functools.reduce(operator.or_, naming, Q(pk__in=[])))
        pictures |= {name for event in [*recognised, *named] for name in (event.snapshot, event.clip) if name}
        gone = _add(gone, recognised.delete()[1])
        # the person walks in front in these pictures; the alert itself stays
        Alert.objects.filter(pk__in=list(named.values_list("alert", flat=True)), picture__in=pictures).update(picture="")
        named.update(snapshot=None, clip=None)
        gone = _add(gone, stores.scrub_rows(uid))
    gone["pictures and clips"] = media.release(pictures)
    return gone, len(media.held(pictures))


def _confirmed(site: Site, wait_s: float) -> list[Confirmed]:
    """Wait for the agents' heartbeats, no longer than `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        site.refresh_from_db()
        agents = confirmed(site)
        if all(each.done for each in agents) or time.monotonic() >= until:
            return agents
        time.sleep(LOOK_S)


def _proved(uid: uuid.UUID, by: User | str, site: Site, patterns: list[Pattern], **done: Any) -> Proof:
    files = stores.audit_files(settings.HOME)
    found = residue(uid, patterns, settings.HOME, files)
    proof = Proof(uid=str(uid), site=site.slug, t=timezone.now(), residue=found, database="looked through" if files else "lies outside the home folder", **done)
    summary = {
        "clean": proof.clean,
        "files": found.files,
        "bytes": found.bytes,
        "left": len(found.left),
        "agents_waiting": sum(not each.done for each in proof.agents),
        "templates": proof.templates,
        "deleted": proof.deleted,
        "held": proof.held,
        "database": proof.database,
    }
    audit.record(actor=by, verb=ERASED, subject=f"person:{uid}", site=site.slug, data=summary)
    stores.drop_log()
    return proof


def _add(gone: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {name: gone.get(name, 0) + more.get(name, 0) for name in {**gone, **more} if gone.get(name, 0) + more.get(name, 0)}
