"""The page of the root sets: what lies at the portal, replace it, remove it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.training.permissions import acted_on
from portal.training.runs import footage, root_set

LIMITS = {"least_s": footage.LEAST / footage.RATE, "longest_min": footage.LONGEST_S / 60, "largest_mb": footage.LARGEST // 2**20, "most": footage.MOST_FILES}


@require_http_methods(["GET", "POST"])
@acted_on
def page(request: HttpRequest) -> HttpResponse:
    """Every task's root set, and a form to replace it."""
    problem = ""
    if request.method == "POST":
        try:
            made = root_set.replace(user=request.user, task=request.POST.get("task", ""), files=request.FILES.getlist("file"))
            messages.success(request, _("The root set is in place: %(frames)d frames.") % made)
            return redirect("training:root")
        except ValidationError as error:
            problem = " ".join(error.messages)
    sets = [(task, _shown(root_set.of(task))) for task in root_set.TASKS]
    return render(request, "training/runs/root.html", {"sets": sets, "problem": problem, **LIMITS}, status=422 if problem else 200)


@require_POST
@acted_on
def remove(request: HttpRequest) -> HttpResponse:
    try:
        root_set.remove(user=request.user, task=request.POST.get("task", ""))
        messages.success(request, _("The root set and its footage are gone."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("training:root")


def _shown(found: dict | None) -> dict | None:
    return found and {**found, "at": parse_datetime(str(found.get("at", "")))}
