"""The training console, the live page of a run, and the model registry."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.training import actions, queries
from portal.training.forms import PlanForm
from portal.training.models import ModelState, ModelVersion, Run

seen = role_required(*queries.READERS)
acted_on = role_required(Role.ADMINISTRATOR)


@require_http_methods(["GET", "POST"])
@seen
def console(request: HttpRequest) -> HttpResponse:
    """Who can train on what, a form to start a run, and the runs so far."""
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("training:run", actions.start_run(user=request.user, **form.cleaned_data).pk)
        except ValidationError as error:
            form.add_error(None, error)
    shown = {"form": form, "nodes": queries.nodes(), "runs": queries.runs(request.user)[:20], **queries.choices()}
    allowed = {"may_act": request.user.has_role(Role.ADMINISTRATOR)}
    return render(request, "training/console.html", {**shown, **allowed}, status=422 if form.errors else 200)


@require_GET
@seen
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """A run as it happens; the page's script draws the same state again whenever the WebSocket brings a newer one."""
    state = queries.run_state(request.user, pk)
    if state is None:
        raise Http404
    return render(request, "training/run.html", {"state": state, "may_act": request.user.has_role(Role.ADMINISTRATOR)})


@require_POST
@acted_on
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        actions.stop_run(user=request.user, run_id=pk)
    except Run.DoesNotExist as error:
        raise Http404 from error
    return redirect("training:run", pk)


@require_GET
@seen
def models(request: HttpRequest) -> HttpResponse:
    """The registry: what is published, what could be, who runs what."""
    running = queries.running_models()
    found = queries.models_by_detector(request.user)
    published = {name for name, versions in found.items() if any(each.state == ModelState.PUBLISHED for each in versions)}
    for model in [each for versions in found.values() for each in versions]:
        model.agents = running.get(model.sha256, [])
    shown = {"detectors": found, "published": published, "outcomes": queries.last_outcomes(), "may_act": request.user.has_role(Role.ADMINISTRATOR)}
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
