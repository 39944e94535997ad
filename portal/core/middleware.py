"""What every answer carries, and the answers to what is no text and to what no database column takes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

NOTHING = "camera=(), microphone=(), geolocation=()"
PROGRAMS = "/api/v1/"
DECODED = ("multipart/form-data", "application/x-www-form-urlencoded", "application/json")
ENCODINGS = ("utf-8", "utf8", "us-ascii", "ascii")  # the last two are a part of the first
log = logging.getLogger(__name__)


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """No page may use the reader's camera, microphone or place, unless its view says so."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NOTHING)
        return response

    return answer


def text_in_utf8(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse with 415 a body whose header names another encoding than browsers use: some of Python's, such as rot13, are none of text at all."""

    def answer(request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if request.content_type in DECODED and charset.strip().lower() not in ENCODINGS:
            return _refused(request, _("Text is taken in UTF-8 only: the request names another encoding."), 415)
        return get_response(request)

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
        return _refused(request, sentence, 400)


def _refused(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """The sentence as JSON for programs, else as a page that needs no database."""
    if request.path_info.startswith(PROGRAMS):
        return JsonResponse({"error": [sentence]}, status=status)
    return HttpResponse(render_to_string("400.html", {"exception": sentence}), status=status)


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
