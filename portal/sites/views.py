"""The pages of sites and cameras."""

from __future__ import annotations

import datetime
import json
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from detectors.rules import registry
from detectors.rules.numbers import RuleNumber
from detectors.rules.registry import RuleKind
from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.sites import actions, ports, queries, rules, state
from portal.sites.forms import CameraForm, SiteForm
from portal.sites.found import find_camera, find_site
from portal.sites.graph import graph
from portal.sites.manage_views import may_edit
from portal.sites.models import Camera, LegalMode

WATCH_S = 10
seen_by_all = role_required(Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
watched_over = role_required(Role.MANAGER, Role.ADMINISTRATOR)


@require_GET
@seen_by_all
def site_map(request: HttpRequest) -> HttpResponse:
    """All the reader's sites at a glance."""
    return render(request, "sites/map.html", {"glances": queries.glance(request.user), "alerts": ports.open_alerts(request.user)})


@require_GET
@seen_by_all
def site(request: HttpRequest, slug: str) -> HttpResponse:
    """One site: plan, cameras, visitor flow, what is watched for, the stop button."""
    found = find_site(request, slug)
    tiles = queries.tiles_of(found.cameras.select_related("site").prefetch_related("rules__zone", "rules__line"))
    context = {
        "site": found,
        "tiles": tiles,
        "recognising": any(tile.camera.legal_mode == LegalMode.M1 for tile in tiles),
        "watched_for": any(rule.enabled for tile in tiles for rule in tile.camera.rules.all()),
        "alerts": ports.open_alerts(request.user).get(found.pk, 0),
        "pins": [_pin(tile) for tile in tiles],
        "is_manager": request.user.has_role("manager", found),
        "is_administrator": request.user.has_role("administrator", found),
        "may_edit": may_edit(request, found),
    }
    return render(request, "sites/site.html", context)


@require_GET
@seen_by_all
def site_tiles(request: HttpRequest, slug: str) -> HttpResponse:
    """The states of a site's cameras, asked for again every few seconds."""
    tiles = queries.tiles_of(find_site(request, slug).cameras.select_related("site"))
    now = [{"id": tile.camera.pk, "state": tile.state.name, "label": tile.state.label, "style": tile.state.style, **_numbers(tile)} for tile in tiles]
    return JsonResponse({"cameras": now})


@require_GET
@seen_by_all
def neighbours(request: HttpRequest, slug: str) -> HttpResponse:
    """The graph of cameras that help each other; htmx asks for the changing part again every few seconds."""
    found = find_site(request, slug)
    template = "sites/neighbours_graph.html" if request.headers.get("HX-Request") else "sites/neighbours.html"
    return render(request, template, {"site": found, "graph": graph(found)})


@require_GET
@seen_by_all
def site_flow(request: HttpRequest, slug: str) -> HttpResponse:
    """The visitor flow for the chart: `range` "today", "24h", "7d", or "days" with `from` and `to`; `{"error": a sentence}` with 400 for days that are none."""
    found, asked, today = find_site(request, slug), request.GET.get("range", "today"), timezone.localdate()
    if asked == "24h":
        return JsonResponse(ports.visitor_flow(found, hours=24))
    if asked == "7d":
        return JsonResponse(ports.visitor_flow(found, today - datetime.timedelta(days=6), today))
    if asked != "days":
        return JsonResponse(ports.visitor_flow(found))
    first, last = _day(request.GET.get("from", "")), _day(request.GET.get("to", ""))
    if not first or not last or not datetime.date(2000, 1, 1) <= first <= last <= datetime.date(2999, 1, 1):
        return JsonResponse({"error": _("Choose two days, the first not after the last.")}, status=400)
    return JsonResponse(ports.visitor_flow(found, first, last))


@require_GET
@seen_by_all
def frame(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """The camera's last frame; asking for it asks the agent to send the next ones. 204 while there is none."""
    found = find_camera(request, site, camera)
    if found.switched_off:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    cache.set(f"watch:{found.pk}", True, WATCH_S)
    jpeg = cache.get(f"frame:{found.pk}")
    if jpeg is None:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    return HttpResponse(bytes(jpeg), content_type="image/jpeg", headers={"Cache-Control": "no-store"})


@seen_by_all
def camera(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """The zone editor on the camera's picture; POST takes the whole document as JSON."""
    found = find_camera(request, site, camera)
    if request.method == "POST":
        return _save(request, found)
    (tile,) = queries.tiles_of([found])
    editable = may_edit(request, found.site)
    editor = {"version": found.config_version, "editable": editable, "kinds": _kinds(found), "size": [tile.state.width, tile.state.height]}
    shown = {"camera": found, "tile": tile, "editor": {**editor, **actions.watching_of(found)}, "modes": LegalMode.choices, "may_edit": editable}
    shown["is_administrator"] = request.user.has_role("administrator", found.site)
    shown["is_manager"] = request.user.has_role("manager", found.site)
    shown["restarts"] = state.restarts(tile.agent, timezone.now())
    shown["unchecked_faces"] = found.legal_mode == LegalMode.M1 and state.lacks_liveness(tile.agent) and _has_rule(found, registry.NOT_LIVE_FACE)
    return render(request, "sites/camera.html", shown)


@require_POST
@role_required(Role.MANAGER)
def mode(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """Change the camera's legal mode, with a reason."""
    found = find_camera(request, site, camera)
    try:
        actions.change_mode(user=request.user, camera_id=found.pk, mode=request.POST.get("mode", ""), reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The legal mode is changed; the agent hears it within seconds."))
    return redirect("sites:camera", site, camera)


@require_POST
@seen_by_all
def stop(request: HttpRequest, slug: str) -> HttpResponse:
    """The stop button: every biometric function of the site halts."""
    try:
        actions.stop_biometrics(user=request.user, site=find_site(request, slug), reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Every biometric function of this site is stopped."))
    return redirect("sites:site", slug)


@require_POST
@role_required(Role.MANAGER)
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """Allow again what the cameras' modes allow."""
    try:
        actions.resume_biometrics(user=request.user, site=find_site(request, slug), reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("sites:site", slug)


@require_POST
@role_required(Role.MANAGER)
def kept(request: HttpRequest, slug: str) -> HttpResponse:
    """Change for how many days closed alerts, pictures and clips are kept."""
    try:
        actions.change_kept_days(user=request.user, site=find_site(request, slug), days=request.POST.get("days", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Saved. What is older is deleted tonight."))
    return redirect("sites:site", slug)


@role_required(Role.ADMINISTRATOR)
def new_site(request: HttpRequest) -> HttpResponse:
    """Make a site."""
    form = SiteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = actions.make_site(user=request.user, **form.cleaned_data)
        return redirect("sites:site", made.slug)
    return render(request, "sites/form.html", {"form": form, "heading": _("New site"), "back": "/sites/"}, status=422 if form.errors else 200)


@watched_over
def new_camera(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a camera at a site."""
    found = find_site(request, slug)
    form = CameraForm(request.POST or None, instance=Camera(site=found))
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.make_camera(user=request.user, site=found, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, ValidationError(error.messages))
        else:
            return redirect("sites:camera", found.slug, made.slug)
    shown = {"form": form, "heading": _("New camera at %(site)s") % {"site": found}, "back": f"/sites/{found.slug}/"}
    return render(request, "sites/form.html", shown, status=422 if form.errors else 200)


def _day(text: str) -> datetime.date | None:
    try:
        return parse_date(text)
    except ValueError:  # a day that no month has
        return None


def _save(request: HttpRequest, found: Camera) -> HttpResponse:
    try:
        sent = json.loads(request.body)
        version = sent.get("version") if isinstance(sent, dict) else None
        saved = actions.save_watching(user=request.user, camera_id=found.pk, watching=rules.read(sent), version=version if isinstance(version, int) else -1)
    except (ValueError, RecursionError):
        return JsonResponse({"error": _("The zones could not be read.")}, status=400)
    except actions.Changed as changed:
        return JsonResponse({"error": " ".join(changed.messages)}, status=409)
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=422)
    return JsonResponse({"version": saved.config_version})


def _kinds(camera: Camera) -> list[dict[str, Any]]:
    """The rules that the editor offers for this camera."""
    allowed = [kind for kind in registry.kinds().values() if not kind.needs_faces or camera.kind == Camera.Kind.DOOR]
    return [_kind(kind) for kind in allowed]


def _has_rule(camera: Camera, kind: str) -> bool:
    return camera.rules.filter(enabled=True, kind=kind).exists()


def _kind(kind: RuleKind) -> dict[str, Any]:
    words = {"kind": kind.name, "label": rules.in_words(kind.label), "about": kind.about, "severity": kind.severity}
    return {**words, "help": rules.in_words(kind.help) if kind.help else "", "numbers": [_number(number) for number in kind.numbers]}


def _number(number: RuleNumber) -> dict[str, Any]:
    limits = {"default": number.default, "least": number.least, "most": number.most, "step": number.step}
    return {"name": number.name, "label": rules.in_words(number.label), **limits}


def _pin(tile: queries.Tile) -> dict[str, Any]:
    camera = tile.camera
    place = {"x": camera.plan_x, "y": camera.plan_y, "heading": camera.heading, "name": camera.name, "kind": camera.kind}
    address = reverse("sites:move", args=[camera.site.slug, camera.slug])
    return {"id": camera.pk, **place, "style": tile.state.style, "state": tile.state.label, "move": address}


def _numbers(tile: queries.Tile) -> dict[str, Any]:
    return {"fps": tile.state.fps, "people": tile.state.people, "t": tile.state.last_frame and tile.state.last_frame.timestamp()}
