"""A disk with no room left, wherever a write of ours met it: told by the kind of the error, answered with a sentence."""

from __future__ import annotations

import errno

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from psycopg.errors import DiskFull as DatabaseDiskFull

STATUS = 507  # Insufficient Storage (RFC 4918)
FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, says that a disk or a quota of ours or the database's has no room left."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if (isinstance(error, OSError) and error.errno in FULL) or isinstance(error, DatabaseDiskFull):
            return True
        error = error.__cause__ or error.__context__
    return False


def answer(request: HttpRequest) -> HttpResponse:
    """507 with a sentence: as JSON for programs, else as a page that needs neither database nor disk."""
    if request.path.startswith("/api/") or "json" in request.headers.get("Accept", ""):
        return JsonResponse({"detail": sentence()}, status=STATUS)
    return HttpResponse(loader.get_template("507.html").render(), status=STATUS)


def sentence() -> str:
    """What happened, what was kept, what to do, in the reader's language."""
    return _("The portal's disk is full: nothing of this was kept, what was stored before stays. The administrator must make room; then try again.")
