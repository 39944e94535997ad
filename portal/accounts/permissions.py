"""Who may open which page and call which address, by role; which rows they see there is each query's business."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.accounts.queries import administrators
from portal.sites.models import Site

View = Callable[..., HttpResponse]


def role_required(*roles: str) -> Callable[[View], View]:
    """Let in who holds one of the roles at some site (any role when none is named); a stranger signs in first, others get the 403 page."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not holds_any(request.user, roles):
                if not request.user.memberships.exists():
                    return render(request, "accounts/no_role.html", {"administrators": administrators()}, status=403)
                raise PermissionDenied(_("Your role does not open this page."))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def HasRole(*roles: str) -> type[BasePermission]:
    """The same for the API: a permission class for `permission_classes`."""

    class RolePermission(BasePermission):
        message = "your role does not allow this"

        def has_permission(self, request: Request, view: APIView) -> bool:
            return bool(request.user and request.user.is_authenticated and holds_any(request.user, roles))

    return RolePermission


def require_role(user: User, site: Site | None, *roles: str) -> None:
    """For actions: raise PermissionDenied unless the user holds one of the roles at this site (None: at some site), read from the database now."""
    held = user.memberships.filter(role__in=roles) if user.is_active else user.memberships.none()
    if site is None and held.exists():
        return
    if site is None or not (held.filter(site=None) | held.filter(site=site)).exists():
        raise PermissionDenied(_("Your role at this site does not allow this."))


def holds_any(user: User, roles: tuple[str, ...]) -> bool:
    """Whether the user holds one of the roles at some site; with no roles named, any role at all."""
    return any(user.has_role(role) for role in roles or ("manager", "operator", "administrator"))
