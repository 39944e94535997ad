"""The watch room, the page of one alert, and the pictures and clips in it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from federated.contract.media import media_type
from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.alerts import actions, bulk_actions, kinds, queries
from portal.alerts.filters import moment
from portal.alerts.models import CHOSEN_REASONS, Alert, AlertState
from portal.alerts.ranges import ranged
from portal.alerts.strip import strip
from portal.core import media as store
from portal.core.numbers import whole

PAGE = 50
DAY = datetime.timedelta(days=1)
seen_by_all = role_required(Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
acted_on = role_required(Role.OPERATOR, Role.MANAGER)


@require_GET
@seen_by_all
def watch_room(request: HttpRequest) -> HttpResponse:
    """The inbox; rows come and change by themselves (portal/live)."""
    now = timezone.now()  # taken before the rows are read: what changes meanwhile is asked for again
    filters = queries.AlertFilters.read(request.GET)
    page = Paginator(queries.inbox(request.user, filters), PAGE).get_page(request.GET.get("page"))
    shown = {"page": page, "filters": filters, "counts": queries.counts(request.user), "cursor": now.isoformat(), "states": AlertState.choices}
    shown |= {"strip": strip(request, filters), "since": _typed(filters.since), "until": _typed(filters.until)}
    return render(request, "alerts/watch_room.html", {**shown, **queries.choices(request.user)})


@require_GET
@seen_by_all
def strip_alone(request: HttpRequest) -> HttpResponse:
    """The strip over the list, which the page asks for again while it stands open."""
    filters = queries.AlertFilters.read(request.GET)
    return render(request, "alerts/timeline.html", {"strip": strip(request, filters), "filters": filters})


@require_GET
@seen_by_all
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """One alert: a pane of the watch room when htmx asks, else a page of its own."""
    return _show(request, _find(request, pk))


@require_POST
@acted_on
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, actions.acknowledge)


@require_POST
@acted_on
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    chosen = request.POST.get("assignee", "")
    return _act(request, pk, actions.assign, assignee_id=whole(chosen))


@require_POST
@acted_on
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, actions.resolve, reason=request.POST.get("reason", ""), note=request.POST.get("note", ""))


@require_POST
@acted_on
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, actions.reopen)


@require_POST
@acted_on
def note(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, actions.add_note, text=request.POST.get("text", ""))


@require_POST
@acted_on
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lambda *, user, alert_id: bulk_actions.undo(user=user, alert_ids=[alert_id]))


@require_POST
@acted_on
def desk(request: HttpRequest, pk: int) -> HttpResponse:
    """Lay the alert's picture (`event`: of one of its events) on the desk and go to its case."""
    try:
        case = bulk_actions.send_to_desk(user=request.user, alert_id=pk, event_id=request.POST.get("event"))
    except Alert.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show(request, _find(request, pk), problem=" ".join(error.messages))
    to = reverse("analysis:case", args=[case])
    return HttpResponse(status=204, headers={"HX-Redirect": to}) if _is_pane(request) else redirect(to)


@require_POST
@acted_on
def bulk(request: HttpRequest, verb: str) -> JsonResponse:
    """Several alerts at once, `alert=1&alert=2`: `{"done": [1, 2]}`, or `{"error": a sentence}` and nothing was changed."""
    chosen = [number for each in request.POST.getlist("alert") if (number := whole(each)) is not None]
    sent = {name: request.POST.get(name, "") for name in ("reason", "note")}
    assignee = request.POST.get("assignee", "")
    verbs: dict[str, Callable[[], list[Alert]]] = {
        "acknowledge": lambda: bulk_actions.acknowledge_many(user=request.user, alert_ids=chosen),
        "resolve": lambda: bulk_actions.resolve_many(user=request.user, alert_ids=chosen, **sent),
        "assign": lambda: bulk_actions.assign_many(user=request.user, alert_ids=chosen, assignee_id=whole(assignee)),
        "undo": lambda: bulk_actions.undo(user=request.user, alert_ids=chosen),
    }
    try:
        done = verbs[verb]()
    except Alert.DoesNotExist:
        return JsonResponse({"error": _("One of these alerts is not there any more. Nothing was changed.")}, status=404)
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=422)
    except PermissionDenied as error:
        return JsonResponse({"error": str(error)}, status=403)
    return JsonResponse({"done": [alert.pk for alert in done]})


@require_GET
@seen_by_all
def timeline(request: HttpRequest) -> JsonResponse:
    """How many alerts opened when, under the filters of the address: `{begin, step, buckets: [{t, low, medium, high}]}`, seconds; a day if none is named."""
    filters = queries.AlertFilters.read(request.GET)
    end = moment(filters.until, end=True) or timezone.now()
    begin = moment(filters.since) or end - DAY
    step = queries.step_of(end - begin)
    buckets = queries.timeline(request.user, filters, begin=begin, end=end, step=step)
    return JsonResponse({"begin": begin.timestamp(), "step": step.total_seconds(), "buckets": buckets})


@require_GET
@seen_by_all
def media(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """A picture or clip of an alert, for those who may see the alert; `?event=` names one of its events."""
    sha256 = queries.media_of(request.user, pk, kind, request.GET.get("event"))
    if not store.exists(sha256):
        raise Http404
    content = store.path(sha256).read_bytes()
    return ranged(request, content, media_type(content) or "application/octet-stream", etag=sha256)


def _act(request: HttpRequest, pk: int, action: Callable[..., Alert], **arguments: Any) -> HttpResponse:
    """Do it and show the alert again; what the person must put right stands above the buttons, with what was typed."""
    before = _find(request, pk).state
    try:
        done = action(user=request.user, alert_id=pk, **arguments)
    except Alert.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show(request, _find(request, pk), problem=" ".join(error.messages), typed=request.POST)
    if not _is_pane(request):
        return redirect("alerts:alert", pk)
    response = _show(request, after := _find(request, pk))
    if isinstance(done, Alert) and after.state != before:  # the page says so, and offers to take it back
        word = after.get_reason_display() or after.get_state_display()
        response["HX-Trigger"] = json.dumps({"decided": {"alert": pk, "state": after.state, "word": str(word)}})
    return response


def _show(request: HttpRequest, alert: Alert, problem: str = "", typed: Any = None) -> HttpResponse:
    events = queries.events_of(alert)
    picture = queries.picture_of(alert)
    context = {
        "alert": alert,
        "events": events,
        "entries": queries.entries_of(alert),
        "reasons": CHOSEN_REASONS,
        "may_act": queries.may_act(request.user, alert),
        "assignable": queries.assignable(alert),
        "picture": picture,
        "boxes": kinds.boxes_of(picture.detections if picture else []),
        "pictured": [(event, kinds.boxes_of(event.detections)) for event in events if store.exists(event.snapshot)],
        "clip": next((event for event in events if store.exists(event.clip)), None),
        "problem": problem,
        "typed": typed or {},
    }
    status = 422 if problem and not _is_pane(request) else 200
    return render(request, "alerts/pane.html" if _is_pane(request) else "alerts/alert.html", context, status=status)


def _find(request: HttpRequest, pk: int) -> Alert:
    try:
        return queries.get_alert(request.user, pk)
    except Alert.DoesNotExist as error:
        raise Http404 from error


def _typed(text: str) -> str:
    """A moment of the filters as the page's fields take it: in the portal's time zone, to the minute."""
    t = moment(text)
    return f"{timezone.localtime(t):%Y-%m-%dT%H:%M}" if t else ""


def _is_pane(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
