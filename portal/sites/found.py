"""A site or a camera of the reader's by the words of its address, or "not found"."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from portal.sites import queries
from portal.sites.models import Camera, Site


def find_site(request: HttpRequest, slug: str) -> Site:
    """A site at which the reader holds a role. Raises Http404."""
    try:
        return queries.get_site(request.user, slug)
    except Site.DoesNotExist as error:
        raise Http404 from error


def find_camera(request: HttpRequest, site: str, camera: str) -> Camera:
    """A camera of such a site. Raises Http404."""
    try:
        return queries.get_camera(request.user, site, camera)
    except Camera.DoesNotExist as error:
        raise Http404 from error
