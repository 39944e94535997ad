"""Every change people make to sites and cameras: permission, change and audit row in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.rules import registry
from portal.accounts.actions import WORDS
from portal.accounts.models import User
from portal.accounts.permissions import require_role
from portal.core import audit, jobs
from portal.core.numbers import whole
from portal.core.secrets import refuse_secret
from portal.sites.models import Agent, Camera, EnrolmentCode, LegalMode, Line, Rule, Site, Zone
from portal.sites.rules import Watching

CODE_VALID = timedelta(hours=24)
SHORTEST_REASON = 8
LONGEST_KEPT = 365  # days
unregister_node = jobs.named("sites.unregister_node")


class Changed(ValidationError):
    """Somebody else saved the camera meanwhile; `version` is what is stored now."""

    def __init__(self, version: int):
        super().__init__(_("Somebody else changed this camera meanwhile. Load the page again, then repeat your change."))
        self.version = version


@transaction.atomic
def make_site(*, user: User, **fields: Any) -> Site:
    """A new site; only an administrator of every site makes one."""
    if not user.memberships.filter(role="administrator", site=None).exists():
        require_role(user, None, "nobody")
    refuse_secrets(fields)
    site = Site(**fields)
    site.full_clean()
    site.save()
    audit.record(actor=user, verb="site.made", subject=f"site:{site.pk}", site=site.slug, data={"name": site.name})
    return site


@transaction.atomic
def make_camera(*, user: User, site: Site, **fields: Any) -> Camera:
    """A new camera in mode M0 that watches its own picture from the beginning."""
    require_role(user, site, "administrator", "manager")
    refuse_secrets(fields)
    camera = Camera(site=site, **fields)
    camera.full_clean()
    camera.save()
    Rule.objects.bulk_create(Rule(camera=camera, kind=kind, severity=registry.severity_of(kind)) for kind in ("camera_stale", "camera_tampered"))
    audit.record(actor=user, verb="camera.made", subject=f"camera:{camera.pk}", site=site.slug, data={"name": camera.name, "kind": camera.kind})
    return camera


@transaction.atomic
def change_note(*, user: User, camera_id: int, note: str) -> None:
    """Say where a camera's pictures come from; cut at 300 characters."""
    camera = Camera.objects.select_for_update(of=("self",)).select_related("site").get(pk=camera_id)
    require_role(user, camera.site, "administrator", "manager")
    camera.note = refuse_secret(note[:300])
    camera.save(update_fields=["note"])
    audit.record(actor=user, verb="camera.note_changed", subject=f"camera:{camera.pk}", site=camera.site.slug, data={"note": camera.note})


@transaction.atomic
def save_watching(*, user: User | str, camera_id: int, watching: Watching, version: int | None = None) -> Camera:
    """Replace all that a camera watches for. Raises Changed when `version` is not the stored one; saving the same again changes nothing."""
    camera = Camera.objects.select_for_update(of=("self",)).select_related("site").get(pk=camera_id)
    if isinstance(user, User):
        require_role(user, camera.site, "manager", "administrator")
    if version is not None and version != camera.config_version:
        raise Changed(camera.config_version)
    before = watching_of(camera)
    _write(camera, watching)
    after = watching_of(camera)
    if before != after:
        _raise_version(camera)
        audit.record(actor=user, verb="camera.zones_saved", subject=f"camera:{camera.pk}", site=camera.site.slug, data={"before": before, "after": after})
    return camera


@transaction.atomic
def change_mode(*, user: User, camera_id: int, mode: str, reason: str) -> Camera:
    """Set the most that a camera may do. Only a manager of the site, and with a reason."""
    camera = Camera.objects.select_for_update(of=("self",)).select_related("site").get(pk=camera_id)
    require_role(user, camera.site, "manager")
    if mode not in LegalMode.values:
        raise ValidationError(_("There is no such legal mode here."))
    reason = checked_reason(reason)
    if mode == LegalMode.M1 and camera.kind != Camera.Kind.DOOR:
        raise ValidationError(_("Mode M1 is for cameras at restricted doors only."))
    before, camera.legal_mode = camera.legal_mode, mode
    if before != mode:
        _raise_version(camera)
        data = {"before": before, "after": mode, "reason": reason}
        audit.record(actor=user, verb="camera.mode_changed", subject=f"camera:{camera.pk}", site=camera.site.slug, data=data)
    return camera


@transaction.atomic
def stop_biometrics(*, user: User, site: Site, reason: str = "") -> None:
    """Halt every biometric function of the site; agents hear it with their next heartbeat. Anybody on duty may press it."""
    require_role(user, site, "operator", "manager", "administrator")
    _set_stop(user, site, True, "site.biometrics_stopped", refuse_secret(reason.replace("\x00", "").strip()[:500]))


@transaction.atomic
def resume_biometrics(*, user: User, site: Site, reason: str) -> None:
    """Allow again what the cameras' modes allow. Only a manager, and with a reason."""
    require_role(user, site, "manager")
    _set_stop(user, site, False, "site.biometrics_resumed", checked_reason(reason))


@transaction.atomic
def change_kept_days(*, user: User, site: Site, days: Any) -> None:
    """How long the site keeps closed alerts, pictures and clips: 1 to 365 days. Only a manager; fewer days hold from the next night on."""
    require_role(user, site, "manager")
    row = Site.objects.select_for_update().get(pk=site.pk)
    before = row.kept_days
    row.kept_days = whole(str(days).strip()) or 0
    if not 1 <= row.kept_days <= LONGEST_KEPT:
        raise ValidationError(_("Pictures are kept for 1 to %(most)d days.") % {"most": LONGEST_KEPT})
    if row.kept_days != before:
        row.save(update_fields=["kept_days"])
        data = {"before": before, "after": row.kept_days}
        audit.record(actor=user, verb="site.kept_days_changed", subject=f"site:{row.pk}", site=row.slug, data=data)


@transaction.atomic
def make_code(*, user: User | str, camera: Camera) -> str:
    """A one-time code that lets one agent enrol for this camera within a day; it is shown once, only its hash is kept."""
    if isinstance(user, User):
        require_role(user, camera.site, "administrator")
    code = "-".join("".join(secrets.choice(WORDS) for _ in range(4)) for _ in range(4))
    EnrolmentCode.objects.filter(camera=camera, used=None).delete()
    EnrolmentCode.objects.create(camera=camera, code_sha256=hash_code(code), expires=timezone.now() + CODE_VALID)
    audit.record(actor=user, verb="agent.code_made", subject=f"camera:{camera.pk}", site=camera.site.slug)
    return code


@transaction.atomic
def revoke(*, user: User | str, agent: Agent, reason: str = "") -> None:
    """Believe this agent no longer, neither its calls nor its training. Revoking twice changes nothing."""
    if isinstance(user, User):
        require_role(user, agent.camera.site, "administrator")
    agent = Agent.objects.select_for_update(of=("self",)).select_related("camera__site").get(pk=agent.pk)
    if agent.revoked:
        return
    reason = refuse_secret(reason.replace("\x00", "")[:500])
    agent.revoked = timezone.now()
    agent.save(update_fields=["revoked"])
    data = {"camera": agent.camera.slug, "reason": reason}
    audit.record(actor=user, verb="agent.revoked", subject=f"agent:{agent.pk}", site=agent.camera.site.slug, data=data)
    if agent.node_id or agent.node_public_key:  # it may be about to be registered
        unregister_node.defer(agent_id=str(agent.pk))


def touch_cameras(site: Site) -> None:
    """Let every agent of the site fetch its configuration again (for apps whose data are part of it)."""
    Camera.objects.filter(site=site).update(config_version=F("config_version") + 1)


def watching_of(camera: Camera) -> dict[str, Any]:
    """All that a camera watches for, in the form of `rules.read`."""
    zones = [{"name": zone.name, "polygon": zone.polygon} for zone in camera.zones.order_by("name")]
    lines = [{"name": line.name, "a": line.a, "b": line.b} for line in camera.lines.order_by("name")]
    rows = camera.rules.filter(enabled=True).select_related("zone", "line")
    rules = [_rule_of(row) for row in rows]
    return {"masks": camera.masks, "zones": zones, "lines": lines, "rules": sorted(rules, key=str)}


def hash_code(code: str) -> str:
    """What is kept of a code; spaces and capitals do not matter."""
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()


def _rule_of(row: Rule) -> dict[str, Any]:
    return {"kind": row.kind, "severity": row.severity, "zone": row.zone and row.zone.name, "line": row.line and row.line.name, **row.parameters}


def _write(camera: Camera, watching: Watching) -> None:
    camera.rules.all().delete()
    camera.zones.all().delete()
    camera.lines.all().delete()
    zones = {row.name: row for row in Zone.objects.bulk_create(Zone(camera=camera, name=n, polygon=p) for n, p in watching.zones.items())}
    lines = {row.name: row for row in Line.objects.bulk_create(Line(camera=camera, name=n, a=a, b=b) for n, (a, b) in watching.lines.items())}
    rows = [
        Rule(camera=camera, kind=rule["kind"], zone=zones.get(rule["zone"]), line=lines.get(rule["line"]), **{n: rule[n] for n in ("parameters", "severity")})
        for rule in watching.rules
    ]
    Rule.objects.bulk_create(rows)
    camera.masks = watching.masks
    camera.save(update_fields=["masks"])


def _raise_version(camera: Camera) -> None:
    camera.config_version += 1
    camera.save()


def _set_stop(user: User, site: Site, stopped: bool, verb: str, reason: str) -> None:
    row = Site.objects.select_for_update().get(pk=site.pk)
    site.biometrics_stopped = stopped
    if row.biometrics_stopped == stopped:
        return
    Site.objects.filter(pk=row.pk).update(biometrics_stopped=stopped)
    touch_cameras(row)
    audit.record(actor=user, verb=verb, subject=f"site:{row.pk}", site=row.slug, data={"reason": reason})


def checked_reason(reason: str) -> str:
    """A reason as it is kept in the audit log. Raises ValidationError when it is none, or holds a secret."""
    reason = reason.replace("\x00", "").strip()[:500]
    if len(reason) < SHORTEST_REASON:
        raise ValidationError(_("Write the reason in a few words; it stays in the audit log."))
    return refuse_secret(reason)


def refuse_secrets(fields: dict[str, Any]) -> None:
    """What others read holds no password. Raises ValidationError."""
    for value in fields.values():
        if isinstance(value, str):
            refuse_secret(value)
