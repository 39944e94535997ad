"""The house's own pages: health, audit log, the API's description."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.accounts.permissions import role_required


@role_required()
def api(request: HttpRequest) -> HttpResponse:
    """Where a programmer starts."""
    return render(request, "core/api.html")
