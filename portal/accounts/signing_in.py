"""From a right password to a session: straight, or over a second step that is open for ten minutes."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_lockout_response
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from portal.accounts import queries
from portal.accounts.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"
PENDING, OPEN_S = "second_step", 600


def enter(request: HttpRequest, user: User, target: str = "") -> HttpResponse:
    """After a right password: the target page, or first the second step when the person has set one up."""
    if not queries.has_second_factor(user):
        return finish(request, user, target)
    if request.user.is_authenticated:
        logout(request)
    request.session.cycle_key()
    request.session[PENDING] = {"user": user.pk, "hash": user.get_session_auth_hash(), "until": time.time() + OPEN_S, "next": target}
    return redirect("accounts:second_step")


def finish(request: HttpRequest, user: User, target: str = "") -> HttpResponse:
    """A session for this person, in the person's language."""
    if request.user.is_authenticated:
        logout(request)  # somebody else's session in this browser
    request.session.pop(PENDING, None)
    login(request, user, backend=BACKEND)
    response = redirect(target or settings.LOGIN_REDIRECT_URL)
    return in_language(response, user.language) if user.language else response


def half_way(request: HttpRequest) -> tuple[User, str] | None:
    """Who gave the right password within the last ten minutes, and where to; None when account or password changed since."""
    pending = request.session.get(PENDING) or {}
    user = User.objects.filter(pk=pending.get("user"), is_active=True).first() if pending else None
    if user is None or pending["until"] < time.time() or not constant_time_compare(pending["hash"], user.get_session_auth_hash()):
        request.session.pop(PENDING, None)
        return None
    return user, pending["next"]


def locked_out(request: HttpRequest, user: User) -> HttpResponse | None:
    """The page of a lock-out when too many passwords or codes were wrong."""
    credentials = {"username": user.email}
    return None if AxesProxyHandler.is_allowed(request, credentials) else get_lockout_response(request, credentials=credentials)


def count_failure(request: HttpRequest, user: User) -> None:
    """A wrong second factor counts like a wrong password; at the limit axes answers instead of the page."""
    user_login_failed.send(sender=__name__, credentials={"username": user.email}, request=request)


def start_again(target: str) -> HttpResponse:
    """Back to the password."""
    return redirect(reverse("accounts:sign_in") + ("?" + urlencode({"next": target}) if target else ""))


def in_language(response: HttpResponse, chosen: str) -> HttpResponse:
    """The response, and the language cookie with it."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, chosen, max_age=31536000, httponly=True, samesite="Lax", secure=secure)
    return response
