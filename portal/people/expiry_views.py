"""The list of those whose end date comes, where it is extended with a reason."""

from __future__ import annotations

import datetime
import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.core.templatetags import dates
from portal.people import expiry
from portal.people.forms import end_of
from portal.people.models import Person

seen = role_required(Role.MANAGER)


@require_safe
@seen
def expiring(request: HttpRequest) -> HttpResponse:
    """Who ends within 30 days and who has ended, with the person who answers for them."""
    return _page(request)


@require_POST
@seen
def extend(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Another end date, until the end of that day."""
    try:
        person = expiry.extend(user=request.user, uid=uid, expires=_end_of(request.POST.get("expires", "")), reason=request.POST.get("reason", ""))
    except (Person.DoesNotExist, PermissionDenied) as error:
        raise Http404 from error
    except ValidationError as error:
        return _page(request, problem=" ".join(error.messages), status=422)
    messages.success(request, _("%(person)s may be recognised until %(day)s.") % {"person": person, "day": dates.written(person.expires, dates.DAY)})
    return redirect("people:expiring")


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    return render(request, "people/expiring.html", {"ending": expiry.ending(request.user), "problem": problem}, status=status)


def _end_of(text: str) -> datetime.datetime:
    """The last second of a day written as 2026-12-31. Raises ValidationError."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise ValidationError(_("Choose a day."))
    return end_of(day)
