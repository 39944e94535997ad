"""Who may see what, and who may run whose account."""

from __future__ import annotations

import dataclasses
import hashlib

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.models import CHECK_EMAIL, Membership, Role, SecondFactorRule, User
from portal.sites.models import Site

STATES = ("active", "invited", "closed", "no_role")


def sites_of(user: User, role: str | None = None) -> QuerySet[Site]:
    """The sites at which the user holds a role (any role when none is named). Nothing for a stranger or a closed account."""
    if not user.is_authenticated or not user.is_active:
        return Site.objects.none()
    rows = user.memberships.filter(role=role) if role else user.memberships.all()
    limits = list(rows.values_list("site_id", flat=True))
    return Site.objects.all() if None in limits else Site.objects.filter(pk__in=limits)


@dataclasses.dataclass(frozen=True, slots=True)
class Realm:
    """Where somebody is an administrator, read from the database now."""

    everywhere: bool
    sites: frozenset[int]

    @classmethod
    def of(cls, user: User) -> Realm:
        rows = user.memberships.filter(role=Role.ADMINISTRATOR) if user.is_active else user.memberships.none()
        limits = list(rows.values_list("site_id", flat=True))
        return cls(None in limits, frozenset(Site.objects.values_list("pk", flat=True) if None in limits else limits))

    def covers(self, site_id: int | None) -> bool:
        """Whether roles at this site (None: at every site) are this administrator's to give and take."""
        return self.everywhere or (site_id is not None and site_id in self.sites)

    def covers_all_of(self, user: User) -> bool:
        """Whether the whole account is: somebody with roles elsewhere belongs to those administrators too."""
        return all(self.covers(site_id) for site_id in user.memberships.values_list("site_id", flat=True))


@dataclasses.dataclass(frozen=True, slots=True)
class UserFilters:
    """What the reader of the list asked for; an empty field asks for everybody."""

    q: str = ""
    role: str = ""
    state: str = ""
    site: str = ""

    @classmethod
    def read(cls, parameters: QueryDict) -> UserFilters:
        """From a query string; values are cut at 100 characters."""
        values = {field.name: parameters.get(field.name, "") for field in dataclasses.fields(cls)}
        return cls(**{name: value[:100].strip() for name, value in values.items() if "\x00" not in value})


def users_for(reader: User, filters: UserFilters | None = None) -> QuerySet[User]:
    """The accounts an administrator may see: with a role at one of their sites, at every site, or without any role. Sorted by name."""
    realm, filters = Realm.of(reader), filters or UserFilters()
    rows = User.objects.exclude(email=CHECK_EMAIL)
    if not realm.everywhere:
        roles = Membership.objects.filter(user=OuterRef("pk"))
        near = roles.filter(Q(site__in=realm.sites) | Q(site=None))
        rows = rows.filter(Exists(near) | ~Exists(roles)) if realm.sites else rows.none()
    if filters.q:
        rows = rows.filter(Q(name__icontains=filters.q) | Q(email__icontains=filters.q))
    if filters.role or filters.site:
        held = Membership.objects.filter(Q(site__in=realm.sites) | Q(site=None), user=OuterRef("pk"))
        held = held.filter(role=filters.role) if filters.role else held
        held = held.filter(Q(site__slug=filters.site) | Q(site=None)) if filters.site else held
        rows = rows.filter(Exists(held))
    rows = _in_state(rows, filters.state)
    rows = rows.annotate(has_second_factor=Exists(Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)))
    return rows.select_related("link").prefetch_related("memberships__site").order_by("name", "email")


def state_of(user: User) -> str:
    """One word for how an account is: closed, invited, ended (the link of an invitation), one_time (password), no_role, active."""
    link = getattr(user, "link", None)
    if not user.is_active:
        return "closed"
    if not user.has_usable_password():
        return "invited" if link and link.used is None and link.expires > timezone.now() else "ended"
    if user.must_change_password:
        return "one_time"
    return "active" if user.memberships.all() else "no_role"


def roles_version(user: User) -> str:
    """A word that changes with the roles a person holds: two administrators who edit them at once notice."""
    held = sorted((row.role, row.site_id or 0) for row in user.memberships.all())
    return hashlib.sha256(repr(held).encode()).hexdigest()[:16]


def administrators() -> list[User]:
    """Whom to ask: those of every site, else any; five at the most."""
    rows = Membership.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True).exclude(user__email=CHECK_EMAIL)
    rows = rows.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    asked = rows.filter(site=None) if rows.filter(site=None).exists() else rows
    return list(User.objects.filter(pk__in=asked.values("user")).order_by("name", "email")[:5])


def factors_of(user: User) -> QuerySet[Authenticator]:
    """The person's second factors, the oldest first; recovery codes are not among them."""
    return Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES).order_by("created_at")


def has_second_factor(user: User) -> bool:
    """An app that makes codes, or a passkey; recovery codes alone are none."""
    return factors_of(user).exists()


def lacks_second_factor(user: User) -> bool:
    """Whether a site of this person wants a second factor and there is none (one question to the database)."""
    factors = Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return sites_that_require(user).filter(~Exists(factors)).order_by().exists()


def sites_that_require(user: User) -> QuerySet[SecondFactorRule]:
    """The sites of this person that let nobody in without a second factor; somebody of every site belongs to all of them."""
    rules = SecondFactorRule.objects.filter(site__deleted=None).select_related("site").order_by("site__name")
    if user.email == CHECK_EMAIL:
        return rules.none()  # nobody's: `manage.py up --check` opens its session from the machine itself
    held = Membership.objects.filter(Q(site=OuterRef("site")) | Q(site=None), user_id=user.pk)
    return rules.filter(Exists(held))


def _in_state(rows: QuerySet[User], state: str) -> QuerySet[User]:
    unusable = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    match state:
        case "active":
            return rows.filter(~unusable, is_active=True)
        case "invited":
            return rows.filter(unusable, is_active=True)
        case "closed":
            return rows.filter(is_active=False)
        case "no_role":
            return rows.exclude(Exists(Membership.objects.filter(user=OuterRef("pk"))))
    return rows
