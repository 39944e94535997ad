"""The staff list, enrolling somebody, and each person's own page."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.core.file_names import shown_name
from portal.core.numbers import whole
from portal.people import actions, expiry, lookalikes, pictures, queries
from portal.people.forms import ChangeForm, PersonForm
from portal.people.models import Person
from portal.sites.models import Site

PAGE = 50
MOST_BYTES = 20 * 1024 * 1024  # of one picture
seen = role_required(Role.MANAGER)


@require_GET
@seen
def listing(request: HttpRequest) -> HttpResponse:
    """Who may be recognised at a restricted door, until when, and on what basis."""
    words = request.GET.get("q", "")[:100].replace("\x00", "")
    page = Paginator(queries.people(request.user, words), PAGE).get_page(request.GET.get("page"))
    return render(request, "people/list.html", {"page": page, "words": words, "ending": expiry.count(request.user)})


@require_http_methods(["GET", "POST"])
@seen
def enrol(request: HttpRequest) -> HttpResponse:
    """The paper, then the pictures; nothing is kept before everything is right."""
    form = PersonForm(request.POST or None, request.FILES or None, user=request.user)
    code = ""
    if request.method == "POST" and form.is_valid():
        try:
            content = [_content(file) for file in form.cleaned_data["pictures"]]
            made = actions.enrol(user=request.user, pictures=content, **form.paper())
            messages.success(request, _("%(person)s is on the staff list.") % {"person": made})
            return redirect("people:person", made.uid)
        except ValidationError as error:
            code = getattr(error, "code", "")
            form.add_error(None, error)
    boxes = {"alike": "alike", "turned": "turn", "alternative": "without_alternative"}  # of the error that asks for it: shown with it, and once ticked
    asked = {error: code == error or bool(request.POST.get(field)) for error, field in boxes.items()}
    answer = render(request, "people/enrol.html", {"form": form, **asked}, status=422 if form.errors else 200)
    answer["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return answer


@require_POST
@seen
def judge(request: HttpRequest) -> HttpResponse:
    """What a picture is worth, before anything is saved: `{"fits", "problems": [sentence], "alike": [name], "turned": bool}`. Nothing of it is kept."""
    file = request.FILES.get("picture")
    site = Site.objects.filter(pk=whole(request.POST.get("site")), pk__in=sites_of(request.user, Role.MANAGER)).first()
    if file is None or site is None:
        return JsonResponse({"fits": False, "problems": [_("Choose a site and a picture.")], "alike": [], "turned": False}, status=400)
    try:
        sample = pictures.judge(_content(file), turn=bool(request.POST.get("turn")))
    except ValidationError as error:
        return JsonResponse({"fits": False, "problems": list(error.messages), "alike": [], "turned": getattr(error, "code", "") == "turned"})
    alike = [twin.person.name for twin in lookalikes.of_samples(site, [sample])]
    return JsonResponse({"fits": True, "problems": [], "alike": alike, "turned": False})


@require_http_methods(["GET", "POST"])
@seen
def person(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """One person: the facts, how good the templates are, who looks the same, which doors know."""
    found = _person(request, uid)
    form = ChangeForm(request.POST or None, person=found)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(user=request.user, uid=uid, **form.wish())
            messages.success(request, _("Saved. The doors hear of it with their next heartbeat."))
            return redirect("people:person", uid)
        except Person.DoesNotExist as error:
            raise Http404 from error
        except ValidationError as error:
            form.add_error(None, error)
    templates = list(found.templates.order_by("pk"))
    health = zip(templates, pictures.agreement([each.vector for each in templates]), strict=True)
    shown = {"person": found, "form": form, "templates": list(health), "same": pictures.same_person(), "twins": lookalikes.of_person(found)}
    shown["doors"] = queries.at_doors(found) if found.valid else []
    return render(request, "people/person.html", shown, status=422 if form.errors else 200)


@require_POST
@seen
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Off the list at once."""
    try:
        found = actions.revoke(user=request.user, uid=uid)
    except (Person.DoesNotExist, PermissionDenied) as error:
        raise Http404 from error
    messages.success(request, _("%(person)s was taken off the list, the templates were deleted.") % {"person": found})
    return redirect("people:list")


def _person(request: HttpRequest, uid: uuid.UUID) -> Person:
    try:
        return queries.person(request.user, uid)
    except Person.DoesNotExist as error:
        raise Http404 from error


def _content(file: object) -> bytes:
    if file.size > MOST_BYTES:
        raise ValidationError(
            _("%(name)s is too large: %(mb)d MB, at most %(most)d.") % {"name": shown_name(file.name), "mb": file.size >> 20, "most": MOST_BYTES >> 20}
        )
    return file.read()
