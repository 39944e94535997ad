"""Before anything else opens: a one-time password is replaced, a second factor set up where a site wants one."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from portal.accounts import queries, sessions

ALLOWED = ("/static/", "/i18n/", "/jsi18n/")
SETTING_UP = ("/account/second-factor/", "/account/codes/", "/account/passkeys/")
MACHINES = ("/api/v1/", "/api/schema/")  # addresses of programs; /api/ itself is a page


def require_new_password(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Send a user who still has a one-time password to the page that changes it; API calls get 403."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not getattr(request.user, "must_change_password", False) or request.path.startswith(ALLOWED):
            return get_response(request)
        if request.path in (reverse("accounts:new_password"), reverse("accounts:sign_out")):
            return get_response(request)
        if request.path.startswith(MACHINES):
            return JsonResponse({"error": "choose a new password first"}, status=403)
        return redirect("accounts:new_password")

    return middleware


def require_second_factor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Send somebody without a second factor, at a site that wants one, to the page that sets it up; API calls get 403."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated or request.path.startswith((*ALLOWED, *SETTING_UP)) or not queries.lacks_second_factor(request.user):
            return get_response(request)
        if request.path in (reverse("accounts:new_password"), reverse("accounts:sign_out"), reverse("accounts:language")):
            return get_response(request)
        if request.path.startswith(MACHINES):
            return JsonResponse({"error": "set up a second factor first"}, status=403)
        return redirect("accounts:factor_needed")

    return middleware


def note_session(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Keep the list of a person's sessions up to date."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            sessions.note(request)
        return get_response(request)

    return middleware
