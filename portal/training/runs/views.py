"""The training console: plan, live page, resume, compare, export, the nightly run."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import Role
from portal.training.models import Run
from portal.training.permissions import acted_on, seen
from portal.training.runs import actions, export, nightly, nodes, queries, vote_comparison
from portal.training.runs.forms import NightForm, PlanForm

FILES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_http_methods(["GET", "POST"])
@seen
def console(request: HttpRequest) -> HttpResponse:
    """Who can train on what, a form to start a run, and the runs so far."""
    trainers = queries.nodes(request.user)
    form = PlanForm(request.POST or None, nodes=queries.startable(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("training:run", actions.start_run(user=request.user, **form.cleaned_data).pk)
        except ValidationError as error:
            form.add_error(None, error)
    shown = {
        "form": form,
        "nodes": trainers,
        "foreign": queries.foreign_nodes(request.user),
        "runs": queries.last_runs(request.user),
        "schedules": queries.schedules(request.user),
        **queries.choices(request.user),
    }
    return render(request, "training/runs/console.html", {**shown, **_may(request)}, status=422 if form.errors else 200)


@require_GET
@seen
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """A run as it happens; the page's script draws the same state again whenever the WebSocket brings a newer one."""
    state = _state(request, pk)
    return render(request, "training/runs/run.html", {"state": state, "lab": vote_comparison.lab(state["task"]), **_may(request)})


@require_POST
@acted_on
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        actions.stop_run(user=request.user, run_id=pk)
    except Run.DoesNotExist as error:
        raise Http404 from error
    return redirect("training:run", pk)


@require_POST
@acted_on
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on from the checkpoint of a run that ended early."""
    try:
        return redirect("training:run", actions.resume_run(user=request.user, run_id=pk).pk)
    except Run.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:run", pk)


@require_GET
@seen
def inventory(request: HttpRequest) -> HttpResponse:
    """Every site that can train, and how it is."""
    rows, trouble = nodes.inventory(request.user)
    return render(request, "training/runs/nodes.html", {"rows": rows, "trouble": trouble, **_may(request)})


@require_GET
@seen
def compare(request: HttpRequest) -> HttpResponse:
    """A few runs side by side."""
    states = export.side_by_side(request.user, request.GET.getlist("run"))
    shown = {"states": states, "differing": export.differing(states), "runs": queries.runs(request.user)[:20], "asked": {state["id"] for state in states}}
    return render(request, "training/runs/compare.html", shown)


@require_GET
@seen
def download(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """A run as a file: every round and site."""
    state = _state(request, pk)
    content = export.as_csv(state) if kind == "csv" else json.dumps(state, indent=1)
    return HttpResponse(content, content_type=FILES[kind], headers={"Content-Disposition": f'attachment; filename="run-{pk}.{kind}"'})


@require_http_methods(["GET", "POST"])
@acted_on
def night(request: HttpRequest) -> HttpResponse:
    """The nightly run of a task."""
    form = NightForm(request.POST or None, nodes=queries.startable(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            saved = nightly.save(user=request.user, **form.cleaned_data)
            on = _("%(task)s trains each night from %(hour)s:00 on.") % {"task": saved.task, "hour": saved.hour}
            messages.success(request, on if saved.enabled else _("Switched off."))
            return redirect("training:console")
        except ValidationError as error:
            form.add_error(None, error)
    return render(
        request,
        "training/runs/night.html",
        {"form": form, "schedules": queries.schedules(request.user), **queries.choices(request.user)},
        status=422 if form.errors else 200,
    )


def _state(request: HttpRequest, pk: int) -> dict[str, Any]:
    state = queries.run_state(request.user, pk)
    if state is None:
        raise Http404
    return state


def _may(request: HttpRequest) -> dict[str, bool]:
    return {"may_act": request.user.has_role(Role.ADMINISTRATOR)}
