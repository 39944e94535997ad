"""The watch room, the page of one alert, and the pictures and clips in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from federated.contract.media import media_type
from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.alerts import actions, queries
from portal.alerts.models import CHOSEN_REASONS, Alert, AlertState
from portal.alerts.ranges import ranged
from portal.core import media as store

PAGE = 50
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
    return render(request, "alerts/watch_room.html", {**shown, **queries.choices(request.user)})


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
    return _act(request, pk, actions.assign, assignee_id=int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 18 else None)


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
    try:
        action(user=request.user, alert_id=pk, **arguments)
    except Alert.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show(request, _find(request, pk), problem=" ".join(error.messages), typed=request.POST)
    return _show(request, _find(request, pk)) if _is_pane(request) else redirect("alerts:alert", pk)


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
        "boxes": json.dumps(picture.detections if picture else []),
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


def _is_pane(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
