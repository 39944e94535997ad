"""The Square of Miracles: a site with its cameras, a person to sign in as, and enrolled (fictional) staff; laid out as a manifest says, nothing twice."""

from __future__ import annotations

import datetime
import json
import tomllib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from portal.accounts import actions as accounts
from portal.accounts.models import Membership, Role, User
from portal.core import audit, jobs
from portal.core.models import AuditRow
from portal.demo import history
from portal.people import actions as people
from portal.people.models import Person
from portal.sites import actions, rules
from portal.sites.models import Camera, LegalMode, Site

make_root_set = jobs.named("training.make_root_set")
EMAIL = "demo@specola.example"
CONSENT_DAYS = 365
WHOLE = "Whole picture"
ANYWHERE = {
    "zones": [{"name": WHOLE, "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
    "rules": [{"kind": "person_in_zone", "zone": WHOLE, "min_s": 1, "cooldown_s": 10}, {"kind": "camera_stale", "min_s": 5}],
}


class DemoError(Exception):
    """The demo cannot be laid out; str() says why."""


def lay_out(folder: Path, clips: str = "") -> dict[str, Any]:
    """Make what is missing. Returns `{email, password or None, agents: [{name, code or None, trains}]}`. Raises DemoError.

    `clips` names a folder of other clips that the cameras play: our zones do not fit them, so a new camera watches the whole picture,
    and no page may claim our clips' origin.
    """
    manifest = _read(folder / "manifest.toml")
    if clips:
        manifest["cameras"] = [described | _elsewhere(described, clips) for described in manifest["cameras"]]
    with transaction.atomic():
        user, password = _person()
        site = _site(user, manifest.get("site", {}))
        cameras = [_camera(user, site, described) for described in manifest["cameras"]]
    _staff(user, site, folder, manifest.get("staff", []))
    history.lay_out(site, folder, {} if clips else manifest.get("history", {}))
    trains = {described.get("slug") or described["name"]: described.get("trains", True) for described in manifest["cameras"]}
    ask_for_root_set(user, [] if clips else [clip for clip in sorted(folder.glob("*.webm")) if trains.get(clip.stem, True)])
    agents = [{"name": camera.slug, "code": _code(camera), "trains": trains[camera.slug]} for camera in cameras]
    return {"email": user.email, "password": password, "agents": agents}


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DemoError(f"{path} cannot be read: {error}") from error
    if not manifest.get("cameras"):
        raise DemoError(f"{path} describes no cameras")
    return manifest


def _person() -> tuple[User, str | None]:
    """The demo's user in every role; a new one-time password as long as the person has not chosen an own one."""
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        return accounts.make_person(actor="system", email=EMAIL, roles=Role.values, name="Galileo")
    for role in Role.values:
        Membership.objects.get_or_create(user=user, role=role, site=None)
    if not user.must_change_password:
        return user, None
    password = accounts.one_time_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor="system", verb="account.password_renewed", subject=f"user:{user.pk}")
    return user, password


def _site(user: User, described: dict[str, Any]) -> Site:
    slug = described.get("slug", "square-of-miracles")
    present = Site.every.filter(slug=slug).first()
    if present:
        Site.every.filter(pk=present.pk).update(deleted=None)  # what was deleted of the demo comes back with the next start
        return present
    fields = {name: described[name] for name in ("place", "note", "latitude", "longitude", "plan") if name in described}
    defaults = {"name": "Square of Miracles", "place": "Pisa", "latitude": 43.7229, "longitude": 10.3966, "plan": "plans/square-of-miracles.svg"}
    return actions.make_site(user=user, slug=slug, **{**defaults, **fields})


def _elsewhere(described: dict[str, Any], clips: str) -> dict[str, Any]:
    """What differs in a camera's description when it plays another clip; a door keeps its own rules beside the new one."""
    note = {"note": f"A clip of the folder “{clips}”, given with --footage."}
    if described.get("kind") == "door":
        return note | {name: [*described.get(name, []), *ANYWHERE[name][:1]] for name in ANYWHERE}
    return note | ANYWHERE | {"lines": []}


def _camera(user: User, site: Site, described: dict[str, Any]) -> Camera:
    """A camera as described; one that exists is left as people have changed it."""
    slug = described.get("slug") or described["name"]
    present = Camera.objects.filter(site=site, slug=slug).first()
    if present:
        if present.note != described.get("note", "")[:300]:
            actions.change_note(user=user, camera_id=present.pk, note=described.get("note", ""))
        return present
    plan = described.get("plan", [0.5, 0.5])
    fields = {"name": described.get("title", slug), "kind": described.get("kind", "fixed"), "note": described.get("note", "")[:300]}
    camera = actions.make_camera(user=user, site=site, slug=slug, plan_x=plan[0], plan_y=plan[1], heading=described.get("heading", 0), **fields)
    try:
        watching = rules.read({what: described.get(what, []) for what in ("masks", "zones", "lines", "rules")})
    except ValidationError as error:
        raise DemoError(f"the camera {slug} in the manifest: {' '.join(error.messages)}") from error
    actions.save_watching(user=user, camera_id=camera.pk, watching=watching)
    if described.get("legal_mode", "M0") != LegalMode.M0:
        actions.change_mode(user=user, camera_id=camera.pk, mode=described["legal_mode"], reason="Demo site: fictional staff, pictures in the public domain")
    camera.refresh_from_db()
    return camera


def _staff(user: User, site: Site, folder: Path, described: list[dict[str, Any]]) -> None:
    """Enrol the fictional staff once. A detector that cannot be opened must not keep the demo from starting; it is said aloud."""
    for person in described:
        if Person.objects.filter(site=site, name=person["name"]).exists():
            continue
        pictures = [(folder / name).read_bytes() for name in person.get("pictures") or [person["picture"]]]
        expires = timezone.now() + datetime.timedelta(days=CONSENT_DAYS)
        paper = {"legal_basis": "consent", "document": person.get("document", "Demo: a fictional person"), "expires": expires, "alternative": "Badge"}
        people.enrol(user=user, site=site, name=person["name"], title=person.get("title", ""), pictures=pictures, **paper)


def ask_for_root_set(user: User, clips: list[Path]) -> None:
    """Let a worker make one of our own clips, once: so that a run can be measured against it."""
    if clips and not AuditRow.objects.filter(verb__startswith="root_set.").exists():
        make_root_set.defer(by=user.pk, clips=[str(clip) for clip in clips])


def _code(camera: Camera) -> str | None:
    """A code when no agent on this machine can speak for the camera; None when one is enrolled."""
    try:
        enrolled = json.loads((settings.HOME / "agents" / camera.slug / "portal.json").read_text())["agent_id"]
        is_enrolled = camera.agents.filter(pk=enrolled, revoked=None).exclude(certificate_not_after__lte=timezone.now()).exists()
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        is_enrolled = False
    return None if is_enrolled else actions.make_code(user="system", camera=camera)
