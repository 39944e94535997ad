"""The pages of second factors: the second step of signing in, passkeys, the app that makes codes, recovery codes."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from portal.accounts import factor_actions, factors, queries, signing_in
from portal.accounts.factor_adapter import host_name, passkeys_possible


@never_cache
@sensitive_post_parameters()
def second_step(request: HttpRequest) -> HttpResponse:
    """After the right password: a passkey, a code of the app, or a recovery code. Ten minutes, and counted like passwords."""
    found = signing_in.half_way(request)
    if found is None:
        messages.error(request, _("The sign-in was not finished in time, or the account changed meanwhile. Start again."))
        return signing_in.start_again("")
    user, target = found
    if locked := signing_in.locked_out(request, user):
        return locked
    form, problem, factor = factors.SecondStepForm(user=user), "", None
    if request.method == "POST" and "credential" in request.POST:
        try:
            factor = factors.used_passkey(user, request.POST["credential"])
        except ValidationError as error:
            problem = " ".join(error.messages)
    elif request.method == "POST":
        form = factors.SecondStepForm(request.POST, user=user)
        factor = form.authenticator if form.is_valid() else None
    if factor is not None:
        factor_actions.note_use(factor=factor)
        return signing_in.finish(request, user, target)
    if request.method == "POST":
        signing_in.count_failure(request, user)
    kinds = {each.type for each in queries.factors_of(user)}
    shown = {"form": form, "problem": problem, "kinds": kinds, "possible": passkeys_possible(request), "host": host_name(request)}
    return render(request, "accounts/second_step.html", shown, status=422 if request.method == "POST" else 200)


@require_POST
def passkey_challenge(request: HttpRequest) -> HttpResponse:
    """What the browser needs to use a passkey: for who is half way in, else for anybody."""
    if not passkeys_possible(request):
        return JsonResponse({"error": _("Browsers allow no passkeys at this address.")}, status=409)
    found = signing_in.half_way(request)
    return JsonResponse(factors.offer_authentication(found[0] if found else None))


@require_POST
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """A passkey alone: it is device and PIN, finger or face at once."""
    target = request.POST.get("next", "")
    target = target if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()) else ""
    try:
        if not factors.within_rate(request):
            raise ValidationError(_("Too many attempts. Try again in a minute."))
        factor = factors.used_passkey(None, request.POST.get("credential", ""))
        if not factor.user.is_active:
            raise ValidationError(_("This account is closed."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return signing_in.start_again(target)
    factor_actions.note_use(factor=factor)
    return signing_in.finish(request, factor.user, target)


@require_GET
@login_required
def needed(request: HttpRequest) -> HttpResponse:
    """A site of this person wants a second factor: nothing else opens before it is set up."""
    rules = queries.sites_that_require(request.user)
    if not rules or queries.has_second_factor(request.user):
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/factor_needed.html", {"rules": rules, "possible": passkeys_possible(request), "host": host_name(request)})


@never_cache
@login_required
def totp(request: HttpRequest) -> HttpResponse:
    """Set up an app that makes codes: QR code, secret, first code."""
    form = factors.FirstCodeForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            codes = factor_actions.add_totp(user=request.user, secret=form.secret)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            return _set_up(request, codes)
    picture = factors.picture_of(request.user, form.secret)
    return render(request, "accounts/totp.html", {"form": form, "picture": picture, "secret": form.secret}, status=422 if form.errors else 200)


@require_POST
@login_required
def passkey_offer(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a passkey."""
    if not passkeys_possible(request):
        return JsonResponse({"error": _("Browsers allow no passkeys at this address.")}, status=409)
    return JsonResponse(factors.offer_registration(request.user))


@never_cache
@require_POST
@login_required
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Keep the passkey that the browser made."""
    name = request.POST.get("name", "").replace("\x00", "").strip()[:60] or _("Passkey")
    try:
        name, credential = factors.registered(request.user, name, request.POST.get("credential", ""))
        codes = factor_actions.add_passkey(user=request.user, name=name, credential=credential)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("accounts:account")
    return _set_up(request, codes)


@require_POST
@login_required
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one of the own factors away."""
    try:
        factor_actions.remove_factor(user=request.user, pk=pk)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The second factor is removed."))
    return redirect("accounts:account")


@never_cache
@require_POST
@login_required
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, shown once."""
    try:
        codes = factor_actions.renew_recovery_codes(user=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("accounts:account")
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


def _set_up(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """After setting up: the recovery codes when they are new, else the account."""
    messages.success(request, _("The second factor is set up. The next sign-in asks for it."))
    return render(request, "accounts/recovery_codes.html", {"codes": codes}) if codes else redirect("accounts:account")
