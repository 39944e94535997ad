"""The staff list."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.people import actions, expiry, queries
from portal.people.forms import PersonForm
from portal.people.models import Person

seen = role_required(Role.MANAGER)


@require_http_methods(["GET", "POST"])
@seen
def listing(request: HttpRequest) -> HttpResponse:
    """Who may be recognised at a restricted door, until when, and on what basis."""
    form = PersonForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        pictures = [file.read() for file in form.cleaned_data["pictures"]]
        try:
            person = actions.enrol(user=request.user, pictures=pictures, **form.paper())
            messages.success(request, _("%(person)s is on the staff list.") % {"person": person})
            return redirect("people:list")
        except ValidationError as error:
            form.add_error(None, error)
    shown = {"form": form, "people": queries.people(request.user), "ending": expiry.count(request.user)}
    return render(request, "people/list.html", shown, status=422 if form.errors else 200)


@require_POST
@seen
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    try:
        person = actions.revoke(user=request.user, uid=uid)
    except (Person.DoesNotExist, PermissionDenied) as error:
        raise Http404 from error
    messages.success(request, _("%(person)s was taken off the list, the templates were deleted.") % {"person": person})
    return redirect("people:list")
