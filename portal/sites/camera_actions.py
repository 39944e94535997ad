"""What people change at cameras and sites after they are made: names, places, the plan, off and on, and their end."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Membership, User
from portal.accounts.permissions import require_role
from portal.core import audit, media
from portal.sites import actions, plans, ports
from portal.sites.models import Camera, CameraSource, EnrolmentCode, LegalMode, Site

EDITORS = ("manager", "administrator")
CAMERA_FIELDS = ("name", "kind", "note", "plan_x", "plan_y", "heading")
SITE_FIELDS = ("name", "place", "note", "latitude", "longitude")


@transaction.atomic
def change_camera(*, user: User, camera_id: int, **fields: Any) -> Camera:
    """Another name, kind, note or place on the plan (CAMERA_FIELDS). The short name stays: the agent is enrolled under it. Raises ValidationError."""
    camera = locked_camera(user, camera_id)
    if fields.get("kind", camera.kind) != Camera.Kind.DOOR and camera.legal_mode != LegalMode.M0:
        raise ValidationError(_("A camera in mode M1 stays a door camera: change its mode first."))
    _change(user, camera, f"camera:{camera.pk}", camera.site, "camera.changed", {name: fields[name] for name in CAMERA_FIELDS if name in fields})
    return camera


@transaction.atomic
def change_site(*, user: User, site: Site, **fields: Any) -> Site:
    """Another name, place, note or position on the map (SITE_FIELDS). The short name stays: agents and the audit log speak of it. Raises ValidationError."""
    site = _site(user, site)
    _change(user, site, f"site:{site.pk}", site, "site.changed", {name: fields[name] for name in SITE_FIELDS if name in fields})
    return site


@transaction.atomic
def move_camera(*, user: User, camera_id: int, x: float, y: float, heading: float) -> Camera:
    """Put a camera elsewhere on the plan, in fractions of it; `heading` in degrees clockwise from the top. Raises ValidationError."""
    if not (0 <= x <= 1 and 0 <= y <= 1 and math.isfinite(heading)):
        raise ValidationError(_("This place is outside the plan."))
    return change_camera(user=user, camera_id=camera_id, plan_x=round(x, 4), plan_y=round(y, 4), heading=round(heading % 360, 1))


@transaction.atomic
def switch_camera(*, user: User, camera_id: int, on: bool, reason: str) -> Camera:
    """Off: its agent sees black, watches for nothing and recognises nobody, until it is switched on again. Twice changes nothing."""
    camera = locked_camera(user, camera_id)
    _switch(user, camera, on, actions.checked_reason(reason))
    return camera


@transaction.atomic
def accept_view(*, user: User, camera_id: int) -> Camera:
    """What the camera sees now is its view from here on: masks, zones and lines lie in it as they are drawn, and its agent learns it anew."""
    camera = locked_camera(user, camera_id)
    camera.view += 1
    camera.config_version += 1
    camera.save(update_fields=["view", "config_version"])
    audit.record(actor=user, verb="camera.view_accepted", subject=f"camera:{camera.pk}", site=camera.site.slug, data={"view": camera.view})
    return camera


@transaction.atomic
def switch_site(*, user: User, site: Site, on: bool, reason: str) -> int:
    """All cameras of a site off, or on again; how many that changed."""
    site, reason = _site(user, site), actions.checked_reason(reason)
    cameras = list(Camera.objects.select_for_update(of=("self",)).filter(site=site, switched_off__isnull=not on).select_related("site"))
    for camera in cameras:
        _switch(user, camera, on, reason)
    return len(cameras)


def delete_camera(*, user: User, camera_id: int, typed: str) -> dict[str, int]:
    """End a camera: its agent is revoked, alerts, events, pictures and what was drawn are deleted; the face log and the audit log stay.

    `typed` must be its name. Returns what was deleted and kept, by the names of `ports.camera_records` and `ports.face_log_of`.
    """
    with transaction.atomic():
        camera = locked_camera(user, camera_id)
        if typed.strip() != camera.name:
            raise ValidationError(_("Type the camera's name as it stands above: nothing was deleted."))
        law = ports.face_log_of(camera)
        if law["only"]:
            raise ValidationError(
                ngettext(
                    "%(n)d person on the staff list is enrolled for this door alone: choose other doors for this person, or revoke the entry, first.",
                    "%(n)d people on the staff list are enrolled for this door alone: choose other doors for them, or revoke the entries, first.",
                    law["only"],
                )
                % {"n": law["only"]}
            )
        counts = {**ports.camera_records(camera), "face_log": law["rows"]}
        for agent in camera.agents.filter(revoked=None):
            actions.revoke(user="system", agent=agent, reason="its camera was deleted")
        files = ports.delete_camera_records(camera)
        ports.leave_door(camera)
        CameraSource.objects.filter(camera=camera).delete()
        EnrolmentCode.objects.filter(camera=camera).delete()
        for drawn in (camera.rules, camera.zones, camera.lines):
            drawn.all().delete()
        camera.deleted, camera.masks, camera.legal_mode = timezone.now(), [], LegalMode.M0
        camera.save()
        audit.record(actor=user, verb="camera.deleted", subject=f"camera:{camera.pk}", site=camera.site.slug, data={"name": camera.name, **counts})
        transaction.on_commit(lambda: media.release(files))
    return counts


@transaction.atomic
def delete_site(*, user: User, site: Site, typed: str) -> None:
    """End a site that has nothing any more: no camera, nobody on its staff list, no face log to keep, no case. Only an administrator of every site."""
    if not user.memberships.filter(role="administrator", site=None).exists():
        raise PermissionDenied(_("Your role at this site does not allow this."))
    site = _site(user, site)
    if any(left_at(site).values()):
        raise ValidationError(_("This site still has what stands above: nothing was deleted."))
    if typed.strip() != site.name:
        raise ValidationError(_("Type the site's name as it stands above: nothing was deleted."))
    picture, site.plan_picture, site.deleted = site.plan_picture, "", timezone.now()
    site.save()
    roles, _each = Membership.objects.filter(site=site).delete()
    audit.record(actor=user, verb="site.deleted", subject=f"site:{site.pk}", site=site.slug, data={"name": site.name, "roles": roles})
    transaction.on_commit(lambda: media.release([picture] if picture else []))


def left_at(site: Site) -> dict[str, int]:
    """What must end before a site can be deleted: {"cameras", "staff", "face_log", "cases"}."""
    return {"cameras": site.cameras.count(), **ports.records_of_site(site), "cases": ports.cases_of_site(site)}


@transaction.atomic
def save_plan(*, user: User, site: Site, content: bytes) -> Site:
    """Take a picture as the site's plan; the cameras keep their places in fractions of it. Raises ValidationError with a sentence."""
    site = _site(user, site)
    before, site.plan_picture = site.plan_picture, media.put(plans.redrawn(content))
    site.save(update_fields=["plan_picture"])
    audit.record(actor=user, verb="site.plan_changed", subject=f"site:{site.pk}", site=site.slug, data={"sha256": site.plan_picture})
    transaction.on_commit(lambda: media.release([before] if before else []))
    return site


def held(names: set[str]) -> set[str]:
    """Those of these files that are the plan of a site."""
    return set(Site.objects.filter(plan_picture__in=names).values_list("plan_picture", flat=True))


def _change(user: User, row: Camera | Site, subject: str, site: Site, verb: str, fields: dict[str, Any]) -> None:
    before = {name: getattr(row, name) for name in fields}
    actions.refuse_secrets(fields)
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    after = {name: getattr(row, name) for name in fields}
    changed = {name: {"before": before[name], "after": after[name]} for name in fields if before[name] != after[name]}
    if changed:
        row.save(update_fields=list(changed))
        audit.record(actor=user, verb=verb, subject=subject, site=site.slug, data=changed)


def _switch(user: User, camera: Camera, on: bool, reason: str) -> None:
    if (camera.switched_off is None) == on:
        return
    camera.switched_off = None if on else timezone.now()
    camera.config_version += 1
    camera.save()
    verb = "camera.switched_on" if on else "camera.switched_off"
    audit.record(actor=user, verb=verb, subject=f"camera:{camera.pk}", site=camera.site.slug, data={"reason": reason})


def locked_camera(user: User, camera_id: int) -> Camera:
    """A camera, locked, that the user may change. Raises Camera.DoesNotExist, PermissionDenied."""
    camera = Camera.objects.select_for_update(of=("self",)).select_related("site").get(pk=camera_id)
    require_role(user, camera.site, *EDITORS)
    return camera


def _site(user: User, site: Site) -> Site:
    """A site, locked, that the user may change. Raises Site.DoesNotExist, PermissionDenied."""
    found = Site.objects.select_for_update().get(pk=site.pk)
    require_role(user, found, *EDITORS)
    return found
