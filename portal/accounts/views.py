"""Signing in and out, choosing a password and a language, and the page of the own account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from rest_framework.authtoken.models import Token

from portal.accounts import actions
from portal.accounts.forms import NewPasswordForm, SignInForm


class SignIn(LoginView):
    """E-mail and password; afterwards the page speaks the person's language."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:
        response, chosen = super().form_valid(form), form.get_user().language
        return _in_language(response, chosen) if chosen else response


@login_required
def new_password(request: HttpRequest) -> HttpResponse:
    """Choose a password of one's own; a one-time password opens nothing else."""
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_password(user=request.user, password=form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(request, _("Your new password is set."))
            return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/new_password.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """The own account: roles, language, password, token for programs."""
    return _account(request)


@require_POST
@login_required
def make_token(request: HttpRequest) -> HttpResponse:
    return _account(request, token=actions.make_token(user=request.user))


@require_POST
@login_required
def drop_token(request: HttpRequest) -> HttpResponse:
    actions.drop_token(user=request.user)
    messages.success(request, _("The token no longer works."))
    return redirect("accounts:account")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Read the portal in another language from now on, on every device once signed in."""
    chosen = request.POST.get("language", "")
    target = request.POST.get("next", "")
    response = redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()) else "/")
    if chosen not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        actions.choose_language(user=request.user, language=chosen)
    return _in_language(response, chosen)


def _account(request: HttpRequest, **more: Any) -> HttpResponse:
    memberships = request.user.memberships.select_related("site").order_by("role", "site__name")
    shown = {"memberships": memberships, "has_token": Token.objects.filter(user=request.user).exists(), **more}
    return render(request, "accounts/account.html", shown)


def _in_language(response: HttpResponse, chosen: str) -> HttpResponse:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, chosen, max_age=31536000, httponly=True, samesite="Lax", secure=secure)
    return response
