"""What every answer carries, and the answer to what no database column takes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

NOTHING = "camera=(), microphone=(), geolocation=()"
PROGRAMS = "/api/v1/"
log = logging.getLogger(__name__)


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """No page may use the reader's camera, microphone or place, unless its view says so."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NOTHING)
        return response

    return answer


class StorableInput:
    """Answer with 400 and a sentence what a view let through to the database and PostgreSQL takes in no column: NUL, a number or date beyond its own.

    Forms and queries that look at their input themselves give better answers; this is for what they overlook. JSON is refused by its parser (parsers.py).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """400 for DataError; anything else is our own fault, and a 500. Asks no database: the transaction may be broken."""
        if not isinstance(exception, DataError):
            return None
        log.warning("a value cannot be stored: %s %s", request.method, request.path, exc_info=exception)
        sentence = _("Something that you sent cannot be stored: a number or date that is too large, or a character that no text may hold.")
        if request.path_info.startswith(PROGRAMS):
            return JsonResponse({"error": [sentence]}, status=400)
        return HttpResponse(render_to_string("400.html", {"exception": sentence}), status=400)


def storable(text: str) -> bool:
    """Whether a column takes this text."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
