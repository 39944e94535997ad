"""A picture of an alert, laid on the desk like any other file: the answer to the alerts app's port `open_case`."""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile

from portal.accounts.models import User
from portal.analysis import actions
from portal.core import media
from portal.sites.models import Site


def open_case(*, user: User, site: Site | None, title: str, name: str, sha256: str) -> str:
    """Open a case with this file of the media store; its number. Raises PermissionDenied, ValidationError."""
    case = actions.open_case(user=user, files=[SimpleUploadedFile(name, media.path(sha256).read_bytes())], title=title, site=site)
    return str(case.pk)
