"""Pages on which cameras and sites are renamed, moved, switched off and deleted, and the plan is uploaded."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.core import media
from portal.sites import camera_actions, ports, queries
from portal.sites.forms import CameraChangeForm, SiteChangeForm
from portal.sites.found import find_camera, find_site
from portal.sites.models import Camera, CameraSource, Site

seen_by_all = role_required(Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
edited = role_required(Role.MANAGER, Role.ADMINISTRATOR)


def may_edit(request: HttpRequest, site: Site) -> bool:
    """Whether the reader may change this site and its cameras."""
    return any(request.user.has_role(role, site) for role in camera_actions.EDITORS)


@require_http_methods(["GET", "POST"])
@edited
def camera_settings(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """Name, note and place of a camera; off and on; the way to its end."""
    found = editors_camera(request, site, camera)
    form = CameraChangeForm(request.POST or None, instance=Camera.objects.get(pk=found.pk))
    if request.method == "POST" and form.is_valid() and _kept(form, lambda fields: _change_camera(request, found, fields)):
        messages.success(request, _("Saved."))
        return redirect("sites:camera", found.site.slug, found.slug)
    shown = {"form": form, "camera": found, "site": found.site, **source_shown(found)}
    return render(request, "sites/camera_settings.html", shown, status=422 if form.errors else 200)


@require_POST
@edited
def move(request: HttpRequest, site: str, camera: str) -> JsonResponse:
    """Another place on the plan, as JSON `{x, y, heading}`: fractions of the plan, degrees."""
    found = find_camera(request, site, camera)
    try:
        sent = json.loads(request.body)
        place = {name: float(sent[name]) for name in ("x", "y", "heading")}
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return JsonResponse({"error": _("The place could not be read.")}, status=400)
    try:
        moved = camera_actions.move_camera(user=request.user, camera_id=found.pk, **place)
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=422)
    return JsonResponse({"x": moved.plan_x, "y": moved.plan_y, "heading": moved.heading})


@require_POST
@edited
def switch(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """Off or on, with a reason."""
    found, on = find_camera(request, site, camera), request.POST.get("on") == "1"
    try:
        camera_actions.switch_camera(user=request.user, camera_id=found.pk, on=on, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("sites:camera_settings", site, camera)
    messages.success(request, _("The camera is switched on.") if on else _("The camera is switched off: within seconds its agent sees only black."))
    return redirect("sites:camera", site, camera)


@require_POST
@edited
def accept_view(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """The camera was turned on purpose: what it sees now is its view."""
    camera_actions.accept_view(user=request.user, camera_id=find_camera(request, site, camera).pk)
    messages.success(request, _("Within seconds the agent learns the view of now, and zones, lines, masks and rules hold as they are drawn."))
    return redirect("sites:camera", site, camera)


@require_http_methods(["GET", "POST"])
@edited
def delete_camera(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """What happens to the camera's data, and the button behind its typed name."""
    found, problem = find_camera(request, site, camera), ""
    _editor(request, found.site)
    if request.method == "POST":
        try:
            camera_actions.delete_camera(user=request.user, camera_id=found.pk, typed=request.POST.get("name", ""))
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("The camera %(name)s is deleted.") % {"name": found.name})
            return redirect("sites:site", site)
    shown = {"camera": found, "site": found.site, "counts": ports.camera_records(found), "law": ports.face_log_of(found), "problem": problem}
    shown["agents"] = found.agents.filter(revoked=None).count()
    return render(request, "sites/camera_delete.html", shown, status=422 if problem else 200)


@require_http_methods(["GET", "POST"])
@edited
def site_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Name, note and plan of a site; all its cameras off and on; the way to its end."""
    found = find_site(request, slug)
    _editor(request, found)
    form = SiteChangeForm(request.POST or None, instance=Site.objects.get(pk=found.pk))
    if request.method == "POST" and form.is_valid() and _kept(form, lambda fields: camera_actions.change_site(user=request.user, site=found, **fields)):
        messages.success(request, _("Saved."))
        return redirect("sites:site", slug)
    return render(request, "sites/site_settings.html", _site_shown(request, found, form=form), status=422 if form.errors else 200)


@require_POST
@edited
def switch_site(request: HttpRequest, slug: str) -> HttpResponse:
    """All cameras of a site off, or on again."""
    on = request.POST.get("on") == "1"
    try:
        changed = camera_actions.switch_site(user=request.user, site=find_site(request, slug), on=on, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("sites:site_settings", slug)
    words = ngettext("%(n)d camera is switched on.", "%(n)d cameras are switched on.", changed) if on else ""
    words = words or ngettext("%(n)d camera is switched off.", "%(n)d cameras are switched off.", changed)
    messages.success(request, words % {"n": changed})
    return redirect("sites:site", slug)


@require_POST
@edited
def upload_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a picture as the plan."""
    found, file = find_site(request, slug), request.FILES.get("plan")
    try:
        if file is None:
            raise ValidationError(_("Choose a picture of the plan."))
        camera_actions.save_plan(user=request.user, site=found, content=file.read())
    except ValidationError as error:
        return render(request, "sites/site_settings.html", _site_shown(request, found, plan_problem=" ".join(error.messages)), status=422)
    messages.success(request, _("The plan is saved. Look whether the cameras stand where they should, and move them if not."))
    return redirect("sites:site", slug)


@require_GET
@seen_by_all
def plan(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """The uploaded plan; its address changes with it."""
    found = find_site(request, slug)
    if not found.plan_picture.startswith(sha256) or not media.exists(found.plan_picture):
        raise Http404
    content = media.path(found.plan_picture).read_bytes()
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return HttpResponse(content, content_type=kind, headers={"Cache-Control": "private, max-age=86400"})


@require_POST
@edited
def delete_site(request: HttpRequest, slug: str) -> HttpResponse:
    """End a site that has nothing any more."""
    found = find_site(request, slug)
    try:
        camera_actions.delete_site(user=request.user, site=found, typed=request.POST.get("name", ""))
    except ValidationError as error:
        return render(request, "sites/site_settings.html", _site_shown(request, found, delete_problem=" ".join(error.messages)), status=422)
    messages.success(request, _("The site %(name)s is deleted.") % {"name": found.name})
    return redirect("sites:map")


@require_GET
@seen_by_all
def camera_state(request: HttpRequest, site: str, camera: str) -> JsonResponse:
    """How the camera is, and which version of what it watches for its agent has: asked for again every few seconds."""
    (tile,) = queries.tiles_of([find_camera(request, site, camera)])
    heartbeat = tile.agent.heartbeat if tile.agent else None
    answer = {"state": tile.state.name, "label": tile.state.label, "style": tile.state.style, "version": tile.camera.config_version}
    return JsonResponse({**answer, "agent_version": heartbeat.config_version if heartbeat else None, "agent": tile.agent is not None})


def editors_camera(request: HttpRequest, site: str, camera: str) -> Camera:
    """A camera that the reader may change. Raises Http404, PermissionDenied."""
    found = find_camera(request, site, camera)
    _editor(request, found.site)
    return found


def source_shown(camera: Camera) -> dict[str, Any]:
    """Where the camera's pictures come from, as far as the portal has a say in it."""
    (tile,) = queries.tiles_of([camera])
    chosen = CameraSource.objects.filter(camera=camera).first()
    held = tile.agent is not None and tile.agent.heartbeat is not None and chosen is not None and tile.agent.heartbeat.source == str(chosen.edition)
    foreign = chosen is not None and (tile.agent is None or tile.agent.pk != chosen.agent_id)
    return {"tile": tile, "source": chosen, "source_held": held, "source_foreign": foreign}


def _change_camera(request: HttpRequest, found: Camera, fields: dict[str, Any]) -> None:
    camera_actions.change_camera(user=request.user, camera_id=found.pk, **fields)


def _kept(form: ModelForm, change: Any) -> bool:
    """Whether the change went through; what it was refused for then stands in the form."""
    try:
        change(form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, ValidationError(error.messages))
        return False
    return True


def _site_shown(request: HttpRequest, found: Site, *, form: SiteChangeForm | None = None, **more: str) -> dict[str, Any]:
    cameras = list(found.cameras.all())
    return {
        "site": found,
        "form": form or SiteChangeForm(instance=Site.objects.get(pk=found.pk)),
        "left": camera_actions.left_at(found),
        "cameras": len(cameras),
        "off": sum(camera.switched_off is not None for camera in cameras),
        "may_delete": request.user.memberships.filter(role="administrator", site=None).exists(),
        **more,
    }


def _editor(request: HttpRequest, site: Site) -> None:
    if not may_edit(request, site):
        raise PermissionDenied(_("Your role at this site does not allow this."))
