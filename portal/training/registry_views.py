"""The model registry: versions, trials beside the version before, publishing and the way back."""

from __future__ import annotations

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
from portal.training import actions, bands, beside, queries, trial
from portal.training import canary as canaries
from portal.training.models import Canary, ModelState, ModelVersion
from portal.training.views import acted_on, seen

PICTURES = 24  # on a page


@require_GET
@seen
def models(request: HttpRequest) -> HttpResponse:
    """The registry: what is published, what could be, who runs what."""
    running = queries.running_models()
    found = queries.models_by_detector(request.user)
    published = {name for name, versions in found.items() if any(each.state == ModelState.PUBLISHED for each in versions)}
    for model in [each for versions in found.values() for each in versions]:
        model.agents = running.get(model.sha256, [])
        model.trials = list(model.canaries.all())
    shown = {
        "detectors": found,
        "cameras": queries.watched_cameras(),
        "published": published,
        "outcomes": queries.last_outcomes(),
        "may_act": request.user.has_role(Role.ADMINISTRATOR),
    }
    return render(request, "training/models.html", shown)


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
def try_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a trial at the chosen cameras."""
    cameras = [int(value) for value in request.POST.getlist("cameras") if value.isdecimal()]
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
    """A trial: its figures beside the time before and the other cameras, and what its cameras raised."""
    found = Canary.objects.select_related("model", "started_by").filter(pk=pk).first()
    if found is None:
        raise Http404
    cameras = found.cameras.select_related("camera__site")
    shown = {"canary": found, "cameras": cameras, "rows": _beside(found), "alerts": trial.alerts(found, request.user)}
    return render(request, "training/canary.html", {**shown, **_compared(found, request), "may_act": request.user.has_role(Role.ADMINISTRATOR)})


@require_POST
@acted_on
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """End a trial: its cameras return to the version before."""
    try:
        canaries.take_back(user=request.user, canary_id=pk, reason=request.POST.get("reason", ""))
    except Canary.DoesNotExist as error:
        raise Http404 from error
    return redirect("training:canary", pk)


def _compared(found: Canary, request: HttpRequest) -> dict[str, Any]:
    """The version before beside the new one: a row for each camera, and what they disagreed on."""
    rows = beside.rows(found, request.user)
    told = Paginator(beside.pictures(found, request.user), PICTURES).get_page(request.GET.get("page"))
    full = sum(row.pictures for row in rows) >= beside.MOST_A_TRIAL or any(row.pictures >= beside.MOST_A_CAMERA for row in rows)
    return {"compared": rows, "frames": sum(row.frames for row in rows), "pictures": told, "full": full, "kept_days": beside.KEPT.days}


def _beside(found: Canary) -> list[dict[str, Any]]:
    """The rows of the table: each figure before and on trial, what is allowed, and how the other cameras did."""
    before, during, (was, now) = trial.before(found), trial.during(found), trial.others(found)
    judged, figures = bands.bands(before, during), (before, during, was, now)
    names = {"alerts": _("Alerts an hour"), "latency": _("Milliseconds a frame (median)"), "restarts": _("Restarts"), "failures": _("Refused or given back")}
    names |= {"only_new": _("Alarm only by the version on trial"), "only_old": _("Alarm only by the version before")}
    shown = {
        "alerts": [_said(each.alerts_an_hour) for each in figures],
        "latency": [_said(each.latency_ms) for each in figures],
        "restarts": [str(each.restarts) for each in figures],
        "failures": ["–", str(during.failures), "–", "–"],
        "only_new": ["–", _share(during.only_new, during.compared), "–", "–"],
        "only_old": ["–", _share(during.only_old, during.compared), "–", "–"],
    }
    columns = ("before", "during", "others_before", "others_during")
    return [
        {"name": names[name], "allowed": _allowed(name, band, during.hours), "verdict": _verdict(band), **dict(zip(columns, shown[name], strict=True))}
        for name, band in judged.items()
    ]


def _allowed(name: str, band: bands.Band, hours: float) -> str:
    if band.value is None or band.high is None:
        return "–"
    if name == "alerts":
        counts = {"low": int(band.low or 0), "high": int(band.high), "now": int(band.value), "hours": number_format(hours, 1)}
        return _("%(low)d to %(high)d in %(hours)s h; now %(now)d") % counts
    if name in ("only_new", "only_old"):
        return _("at most %(high)d frames") % {"high": int(band.high)}
    return _("at most %(high)s") % {"high": _said(band.high)}


def _share(frames: int, compared: int) -> str:
    """Frames, and which share of those that both versions judged."""
    told = {"share": number_format(100 * frames / compared, 1), "frames": frames} if compared else None
    return _("%(share)s %% (frames: %(frames)d)") % told if told else "–"


def _verdict(band: bands.Band) -> str:
    return "" if band.value is None else "out" if band.left else "in"


def _said(value: float | None) -> str:
    return "–" if value is None else number_format(value, 0 if float(value).is_integer() else 1)
