"""The pages on which administrators run other people's accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.accounts import queries, sessions, user_actions
from portal.accounts.forms import HandOverForm, InviteForm
from portal.accounts.models import Role, SecondFactorRule, User
from portal.accounts.permissions import role_required
from portal.core.numbers import whole
from portal.sites.models import Site

PAGE = 50
for_administrators = role_required(Role.ADMINISTRATOR)


@require_GET
@for_administrators
def users(request: HttpRequest) -> HttpResponse:
    """Everybody whom the reader may see: roles, state, second factor, last sign-in."""
    filters, realm = queries.UserFilters.read(request.GET), queries.Realm.of(request.user)
    page = Paginator(queries.users_for(request.user, filters), PAGE).get_page(request.GET.get("page"))
    for each in page.object_list:
        each.state, each.shown_roles = queries.state_of(each), _shown_roles(each, realm)
    sites = Site.objects.filter(pk__in=realm.sites)
    required = set(SecondFactorRule.objects.values_list("site_id", flat=True))
    shown = {"page": page, "filters": filters, "roles_offered": Role.choices, "sites": [(site, site.pk in required) for site in sites]}
    shown["kept"] = urlencode({name: getattr(filters, name) for name in filters.__dataclass_fields__ if getattr(filters, name)})
    return render(request, "accounts/users.html", shown)


@never_cache
@for_administrators
def invite(request: HttpRequest) -> HttpResponse:
    """A new account with its roles; what lets the person in is shown once. `existing` gives the roles to an account that is there already."""
    form, exists = InviteForm(request.POST or None), False
    grants = _grants(request)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            if request.POST.get("existing"):
                user = user_actions.add_roles(actor=request.user, email=typed["email"], grants=grants)
                messages.success(request, _("The account that was there already now holds these roles too."))
                return redirect("accounts:user", user.pk)
            handed = user_actions.invite(actor=request.user, email=typed["email"], name=typed["name"], grants=grants, days=form.days)
        except ValidationError as error:
            exists = isinstance(error, user_actions.AccountExists)
            form.add_error("email" if exists else None, error.messages)
        else:
            return _handed_over(request, handed)
    table = _role_table(queries.Realm.of(request.user), grants)
    return render(request, "accounts/invite.html", {"form": form, "table": table, "exists": exists}, status=422 if form.errors else 200)


@never_cache
@require_GET
@for_administrators
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: roles, state, second factors, sessions, and what can be done about them."""
    return render(request, "accounts/user.html", _person_page(request, _user(request, pk)))


@require_POST
@for_administrators
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    found = _user(request, pk)
    version = request.POST.get("version", "")
    return _done(request, pk, lambda: user_actions.change_roles(actor=request.user, user=found, grants=_grants(request), version=version), _("Roles saved."))


@require_POST
@for_administrators
def close(request: HttpRequest, pk: int) -> HttpResponse:
    found = _user(request, pk)
    words = _("The account is closed. Its sessions have ended.")
    return _done(request, pk, lambda: user_actions.close_account(actor=request.user, user=found), words)


@require_POST
@for_administrators
def open_again(request: HttpRequest, pk: int) -> HttpResponse:
    found = _user(request, pk)
    return _done(request, pk, lambda: user_actions.open_account(actor=request.user, user=found), _("The account is open again."))


@never_cache
@require_POST
@for_administrators
def reset_password(request: HttpRequest, pk: int) -> HttpResponse:
    """The old password stops working; a new link or one-time password is shown once."""
    form, found = HandOverForm(request.POST), _user(request, pk)
    if not form.is_valid():
        messages.error(request, _("Choose how the person gets in."))
        return redirect("accounts:user", pk)
    try:
        handed = user_actions.reset_password(actor=request.user, user=found, days=form.days)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("accounts:user", pk)
    return _handed_over(request, handed)


@require_POST
@for_administrators
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    found = _user(request, pk)
    words = _("The second factors are gone: the person signs in with the password alone and sets up new ones.")
    return _done(request, pk, lambda: user_actions.reset_second_factor(actor=request.user, user=found), words)


@require_POST
@for_administrators
def end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    """One session (its number in `session`), or all of them."""
    found, only = _user(request, pk), request.POST.get("session", "")
    number = whole(only)
    if only and number is None:
        raise Http404
    try:
        ended = user_actions.end_sessions(actor=request.user, user=found, only=number)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return redirect("accounts:user", pk)


@require_POST
@for_administrators
def second_factor_rule(request: HttpRequest, slug: str) -> HttpResponse:
    """Whether everybody with a role at the site needs a second factor."""
    site = Site.objects.filter(slug=slug, pk__in=queries.Realm.of(request.user).sites).first()
    if site is None:
        raise Http404
    required = request.POST.get("required") == "1"
    user_actions.require_second_factor(actor=request.user, site=site, required=required)
    words = _("At %(site)s everybody now needs a second factor.") if required else _("At %(site)s the password alone is enough.")
    messages.success(request, words % {"site": site})
    return redirect("accounts:users")


def _person_page(request: HttpRequest, found: User) -> dict[str, Any]:
    realm = queries.Realm.of(request.user)
    held = frozenset((row.role, row.site_id) for row in found.memberships.all())
    found.state = queries.state_of(found)
    return {
        "person": found,
        "table": _role_table(realm, held),
        "elsewhere": sum(not realm.covers(site) for _role, site in held),
        "version": queries.roles_version(found),
        "whole": realm.covers_all_of(found),
        "oneself": found.pk == request.user.pk,
        "factors": list(queries.factors_of(found)),
        "sessions": list(sessions.sessions_of(found)),
        "form": HandOverForm(),
    }


def _shown_roles(user: User, realm: queries.Realm) -> dict[str, Any]:
    """The roles at the reader's sites and at every site by name, others counted only."""
    rows = sorted(user.memberships.all(), key=lambda row: (row.site.name if row.site else "", row.role))
    near = [row for row in rows if row.site is None or realm.covers(row.site_id)]
    return {"near": near, "elsewhere": len(rows) - len(near)}


def _role_table(realm: queries.Realm, held: user_actions.Grants) -> list[dict[str, Any]]:
    """One line for each place where the reader may give roles: its name and a box for each role."""
    places: list[tuple[str, int | None]] = [(_("Every site"), None)] if realm.everywhere else []
    places += [(site.name, site.pk) for site in Site.objects.filter(pk__in=realm.sites)]
    offered = (Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
    return [
        {"place": name, "boxes": [{"value": f"{role.value}:{key or '*'}", "label": role.label, "on": (role.value, key) in held} for role in offered]}
        for name, key in places
    ]


def _grants(request: HttpRequest) -> user_actions.Grants:
    """What is ticked, as (role, site's key); what is no such box is passed over."""
    found = set()
    for text in request.POST.getlist("role")[:3000]:
        role, _colon, place = text.partition(":")
        if role in Role.values and (place == "*" or whole(place) is not None):
            found.add((role, None if place == "*" else whole(place)))
    return frozenset(found)


def _user(request: HttpRequest, pk: int) -> User:
    found = queries.users_for(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _done(request: HttpRequest, pk: int, act: Callable[[], object], words: str) -> HttpResponse:
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, words)
    # Who lost the last role at the reader's sites may be out of the reader's sight now.
    return redirect("accounts:user", pk) if queries.users_for(request.user).filter(pk=pk).exists() else redirect("accounts:users")


def _handed_over(request: HttpRequest, handed: user_actions.HandedOver) -> HttpResponse:
    link = request.build_absolute_uri(reverse("accounts:welcome", args=[handed.token])) if handed.token else ""
    return render(request, "accounts/handed_over.html", {"handed": handed, "link": link})
