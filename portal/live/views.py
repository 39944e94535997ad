"""The live wall's page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.live import queries


@role_required(Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
def wall(request: HttpRequest) -> HttpResponse:
    """The last frame of every camera, moving while somebody looks."""
    cameras = queries.wall(request.user)
    sites = sorted({(camera["site"], camera["site_slug"]) for camera in cameras})
    return render(request, "live/wall.html", {"cameras": cameras, "sites": sites, "chosen": request.GET.get("site", "")})
