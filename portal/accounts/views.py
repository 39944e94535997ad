"""Signing in and out, choosing a password and a language, and the page of the own account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from rest_framework.authtoken.models import Token

from portal.accounts import actions, factors, queries, sessions, signing_in, user_actions
from portal.accounts.factor_adapter import host_name, passkeys_possible
from portal.accounts.forms import NewPasswordForm, OwnNameForm, SignInForm
from portal.core.numbers import whole


class SignIn(LoginView):
    """E-mail and password, or a passkey; afterwards the page speaks the person's language."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:
        return signing_in.enter(self.request, form.get_user(), self.get_success_url())

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(possible=passkeys_possible(self.request), **more)


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
@login_required
def change_name(request: HttpRequest) -> HttpResponse:
    """What the person is called."""
    form = OwnNameForm(request.POST)
    if not form.is_valid():
        return _account(request, name_form=form, status=422)
    actions.change_name(user=request.user, name=form.cleaned_data["name"])
    messages.success(request, _("Your name is saved."))
    return redirect("accounts:account")


@require_POST
@login_required
def end_own_sessions(request: HttpRequest) -> HttpResponse:
    """One session of the person's own (its number in `session`), or all but this one."""
    only = request.POST.get("session", "")
    number = whole(only)
    keep = "" if number is not None else request.session.session_key
    ended = actions.end_own_sessions(user=request.user, only=number, keep=keep) if number is not None or not only else 0
    messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return redirect("accounts:account")


@never_cache
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a one-time link: looking at it uses nothing up; the password that is chosen here does."""
    form = NewPasswordForm(request.POST or None)
    try:
        person = user_actions.person_of_link(token)
    except ValidationError as error:
        return render(request, "accounts/link_over.html", {"why": " ".join(error.messages)}, status=410)
    if request.method == "POST" and form.is_valid():
        try:
            person = user_actions.use_link(token=token, password=form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error.messages)
        else:
            messages.success(request, _("Your password is set. From now on you sign in with it and with %(email)s.") % {"email": person.email})
            return signing_in.enter(request, person)
    return render(request, "accounts/welcome.html", {"form": form, "person": person}, status=422 if form.errors else 200)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Read the portal in another language from now on, on every device once signed in."""
    chosen = request.POST.get("language", "")
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    response: HttpResponse = HttpResponseRedirect(target if safe else "/")  # `redirect` would take a bare word for a view
    if chosen not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        actions.choose_language(user=request.user, language=chosen)
    return signing_in.in_language(response, chosen)


def _account(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    memberships = request.user.memberships.select_related("site").order_by("role", "site__name")
    shown = {
        "memberships": memberships,
        "has_token": Token.objects.filter(user=request.user).exists(),
        "name_form": OwnNameForm(initial={"name": request.user.name}),
        "sessions": sessions.sessions_of(request.user),
        "this_session": request.session.session_key,
        "factors": list(queries.factors_of(request.user)),
        "codes_left": factors.codes_left(request.user),
        "rules": queries.sites_that_require(request.user),
        "possible": passkeys_possible(request),
        "host": host_name(request),
        **more,
    }
    return render(request, "accounts/account.html", shown, status=status)
