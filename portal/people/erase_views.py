"""The page on which one person is erased, with the name typed, and the proof is read."""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.core.models import AuditRow
from portal.people import erase as erasing
from portal.people.models import Person

WAIT_S = 6.0  # two heartbeats; who has not confirmed by then is shown as waiting


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def erase(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Ask for the person's name, erase, and show the proof; for somebody erased before, look again."""
    person = Person.objects.filter(uid=uid, site__in=sites_of(request.user, Role.MANAGER)).select_related("site").first()
    if person is None and not _erased_here(request, uid):
        raise Http404
    shown = {"uid": uid, "person": person}
    if request.method == "POST":
        if person and request.POST.get("name", "").strip() != person.name:
            problem = _("This is not the name: nothing was erased. Type it exactly as it stands above.")
            return render(request, "people/erase.html", {**shown, "problem": problem}, status=422)
        try:
            shown = {"uid": uid, "person": None, "proof": erasing.erase(uid, request.user, wait_s=WAIT_S)}
        except (erasing.NeverListed, PermissionDenied) as error:
            raise Http404 from error
    return render(request, "people/erase.html", shown)


def _erased_here(request: HttpRequest, uid: uuid.UUID) -> bool:
    slugs = sites_of(request.user, Role.MANAGER).values_list("slug", flat=True)
    return not Person.objects.filter(uid=uid).exists() and AuditRow.objects.filter(subject=f"person:{uid}", site__in=slugs).exists()
