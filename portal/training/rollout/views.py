"""The model registry: versions, canaries next to the version before, publishing and the way back."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.models import Role
from portal.core import media
from portal.core.numbers import whole
from portal.training.models import Canary, ModelState, ModelVersion
from portal.training.permissions import acted_on, acts_everywhere, readable_sites, seen
from portal.training.rollout import actions, canary_comparison, canary_figures, canary_limits, cards, queries, updates
from portal.training.rollout import canary as canaries
from portal.training.runs import vote_comparison

PICTURES = 24  # on a page


@require_GET
@seen
def models(request: HttpRequest) -> HttpResponse:
    """The registry: what is published, what could be, who runs what."""
    running = queries.running_models(request.user)
    found = queries.models_by_detector(request.user)
    published = {name for name, versions in found.items() if any(each.state == ModelState.PUBLISHED for each in versions)}
    every = [each for versions in found.values() for each in versions]
    waiting = updates.waiting(every, running, request.user)
    for model in every:
        model.agents = running.get(model.sha256, [])
        model.canary_list = list(model.canaries.all())
        model.amber = vote_comparison.amber(model.run)
        model.waiting = waiting.get(model.pk, [])
    shown = {
        "detectors": found,
        "cameras": queries.watched_cameras(request.user),
        "published": published,
        "may_publish": acts_everywhere(request.user),
        "outcomes": queries.last_outcomes(request.user),
        "may_act": request.user.has_role(Role.ADMINISTRATOR),
    }
    return render(request, "training/rollout/models.html", shown)


@require_GET
@seen
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """What is known of a version."""
    model = _find(pk)
    return render(request, "training/rollout/card.html", {"model": model, "canaries": model.canaries.all(), **cards.card(model, request.user)})


@require_GET
@seen
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The signed document, card and all, to keep and to verify elsewhere."""
    model = _find(pk)
    text = json.dumps(cards.document(model, request.user), indent=1, ensure_ascii=False)
    name = f"{model.detector}-{model.sha256[:12]}.json"
    return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@require_POST
@acted_on
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        model = actions.publish(user=request.user, model_id=pk)
        messages.success(request, _("%(model)s is published: agents take it with their next heartbeat.") % {"model": model})
    except ModelVersion.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:models")


@require_POST
@acted_on
def roll_back(request: HttpRequest) -> HttpResponse:
    try:
        back = actions.roll_back(user=request.user, detector=request.POST.get("detector", ""))
        went = _("Back to %(model)s.") % {"model": back} if back else _("Back to the version that the agents were shipped with.")
        messages.success(request, went)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:models")


@require_POST
@acted_on
def start_canary(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a canary at the chosen cameras."""
    cameras = [number for each in request.POST.getlist("cameras") if (number := whole(each)) is not None]
    try:
        return redirect("training:canary", canaries.start(user=request.user, model_id=pk, cameras=cameras).pk)
    except ModelVersion.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:models")


@require_GET
@seen
def canary(request: HttpRequest, pk: int) -> HttpResponse:
    """A canary: its figures next to the time before and the other cameras, and what its cameras raised."""
    found = Canary.objects.select_related("model", "started_by").filter(pk=pk).first()
    if found is None:
        raise Http404
    cameras = found.cameras.filter(camera__site__in=readable_sites(request.user)).select_related("camera__site")
    foreign = found.cameras.exclude(camera__site__in=readable_sites(request.user)).count()
    shown = {
        "canary": found,
        "cameras": cameras,
        "foreign": foreign,
        "may_publish": acts_everywhere(request.user),
        "rows": _figure_rows(found),
        "alerts": canary_figures.alerts(found, request.user),
        "amber": vote_comparison.amber(found.model.run),
    }
    return render(request, "training/rollout/canary.html", {**shown, **_comparison(found, request), "may_act": request.user.has_role(Role.ADMINISTRATOR)})


@require_POST
@acted_on
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """End a canary: its cameras return to the version before."""
    try:
        canaries.take_back(user=request.user, canary_id=pk, reason=request.POST.get("reason", ""))
    except Canary.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:canary", pk)


@require_GET
@seen
def picture(request: HttpRequest, pk: int, picture: int) -> HttpResponse:
    """What two versions disagreed on, for those who may see its site."""
    found = canary_comparison.picture_of(request.user, pk, picture)
    if found is None:
        raise Http404
    return HttpResponse(media.path(found.snapshot).read_bytes(), content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _find(pk: int) -> ModelVersion:
    found = ModelVersion.objects.select_related("run__started_by", "parent").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _comparison(found: Canary, request: HttpRequest) -> dict[str, Any]:
    """The version before next to the new one: a row for each camera, and what they disagreed on."""
    rows = canary_comparison.by_camera(found, request.user)
    pictures = Paginator(canary_comparison.pictures(found, request.user), PICTURES).get_page(request.GET.get("page"))
    full = sum(row.pictures for row in rows) >= canary_comparison.MOST_A_CANARY or any(row.pictures >= canary_comparison.MOST_A_CAMERA for row in rows)
    return {"compared": rows, "frames": sum(row.frames for row in rows), "pictures": pictures, "full": full, "kept_days": canary_comparison.KEPT.days}


def _figure_rows(found: Canary) -> list[dict[str, Any]]:
    """The rows of the table: each figure before and during the canary, what is allowed, and how the other cameras did."""
    before, during, (was, now) = canary_figures.before(found), canary_figures.during(found), canary_figures.others(found)
    found, figures = canary_limits.limits(before, during), (before, during, was, now)
    names = {"alerts": _("Alerts an hour"), "latency": _("Milliseconds a frame (median)"), "restarts": _("Restarts"), "failures": _("Refused or given back")}
    names |= {"only_new": _("Alarm only by the canary"), "only_old": _("Alarm only by the version before")}
    shown = {
        "alerts": [_number(each.alerts_an_hour) for each in figures],
        "latency": [_number(each.latency_ms) for each in figures],
        "restarts": [str(each.restarts) for each in figures],
        "failures": ["–", str(during.failures), "–", "–"],
        "only_new": ["–", _share(during.only_new, during.compared), "–", "–"],
        "only_old": ["–", _share(during.only_old, during.compared), "–", "–"],
    }
    columns = ("before", "during", "others_before", "others_during")
    return [
        {"name": names[name], "allowed": _allowed(name, limit, during.hours), "verdict": _verdict(limit), **dict(zip(columns, shown[name], strict=True))}
        for name, limit in found.items()
    ]


def _allowed(name: str, limit: canary_limits.Limit, hours: float) -> str:
    if limit.value is None or limit.high is None:
        return "–"
    if name == "alerts":
        counts = {"low": int(limit.low or 0), "high": int(limit.high), "now": int(limit.value), "hours": number_format(hours, 1)}
        return _("%(low)d to %(high)d in %(hours)s h; now %(now)d") % counts
    if name in ("only_new", "only_old"):
        return _("at most %(high)d frames") % {"high": int(limit.high)}
    return _("at most %(high)s") % {"high": _number(limit.high)}


def _share(frames: int, compared: int) -> str:
    """Frames, and which share of those that both versions judged."""
    counts = {"share": number_format(100 * frames / compared, 1), "frames": frames} if compared else None
    return _("%(share)s %% (frames: %(frames)d)") % counts if counts else "–"


def _verdict(limit: canary_limits.Limit) -> str:
    return "" if limit.value is None else "out" if limit.exceeded else "in"


def _number(value: float | None) -> str:
    return "–" if value is None else number_format(value, 0 if float(value).is_integer() else 1)
