"""Who may read runs and models, and who may act on them: at each camera's own site.

A run, a canary or a version belongs to no site, its cameras do. Pages open for a reader at some site and name only the cameras of that reader's sites; an
action needs the administrator's role at the site of every camera that it concerns.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role, role_required
from portal.sites.models import Camera, Site

READERS = (Role.ADMINISTRATOR, Role.MANAGER)
seen = role_required(*READERS)
acted_on = role_required(Role.ADMINISTRATOR)


def may_read(user: User) -> bool:
    """Whether the user may look at runs and models."""
    return user.is_authenticated and any(user.has_role(role) for role in READERS)


def readable_sites(user: User) -> QuerySet[Site]:
    """The sites whose cameras are named to this reader."""
    return _sites(user.role_sites(*READERS) if user.is_authenticated else set())


def acting_sites(user: User) -> QuerySet[Site]:
    """The sites at which this user may act."""
    return _sites(user.role_sites(Role.ADMINISTRATOR) if user.is_authenticated else set())


def acts_everywhere(user: User) -> bool:
    """Whether this user may do what concerns every site, such as publishing."""
    held = user.role_sites(Role.ADMINISTRATOR)
    return None in held or (bool(held) and not Site.objects.exclude(pk__in=held).exists())


def require_at(user: User, cameras: Iterable[Camera]) -> None:
    """For actions: raise PermissionDenied unless the user is administrator at the site of each of these cameras (of none: at some site)."""
    require_role(user, None, Role.ADMINISTRATOR)
    asked = {camera.pk: camera.site_id for camera in cameras}
    own = set(_held_now(user).values_list("pk", flat=True))
    if foreign := sum(site not in own for site in asked.values()):
        sentence = ngettext(
            "This concerns %(n)d camera of a site at which you are no federation administrator.",
            "This concerns %(n)d cameras of sites at which you are no federation administrator.",
            foreign,
        )
        raise PermissionDenied(sentence % {"n": foreign})


def require_everywhere(user: User) -> None:
    """For actions that concern every site, those to come too: raise PermissionDenied unless the user is administrator at each of them."""
    require_role(user, None, Role.ADMINISTRATOR)
    if Site.objects.exclude(pk__in=_held_now(user)).exists():
        raise PermissionDenied(_("This concerns the cameras of every site: it needs the role of federation administrator at each of them."))


def _held_now(user: User) -> QuerySet[Site]:
    """For actions: read from the database at this moment."""
    held = user.memberships.filter(role=Role.ADMINISTRATOR) if user.is_active else user.memberships.none()
    return _sites(set(held.values_list("site_id", flat=True)))


def _sites(held: set[int | None]) -> QuerySet[Site]:
    return Site.objects.all() if None in held else Site.objects.filter(pk__in=held)
