"""What administrators change about other people's accounts: invite, give and take roles, close and open, reset, end sessions."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import secrets

from allauth.mfa.models import Authenticator
from axes.utils import reset as forget_failures
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from portal.accounts import sessions
from portal.accounts.actions import one_time_password
from portal.accounts.models import CHECK_EMAIL, Membership, OneTimeLink, Role, SecondFactorRule, User
from portal.accounts.queries import Realm, roles_version
from portal.core import audit
from portal.core.secrets import refuse_secret
from portal.sites.models import Site

LOCK = 0x55534552  # one administrator's change at a time: two who close each other's account would leave nobody
LINK_DAYS = (1, 3, 7, 14, 30)
Grants = frozenset[tuple[str, int | None]]  # (role, site's key; None: every site)


class AccountExists(ValidationError):
    """Somebody has an account with this address already."""


@dataclasses.dataclass(frozen=True, slots=True)
class HandedOver:
    """What an administrator passes on to a person, shown once: the token of a one-time link, or a one-time password."""

    user: User
    token: str = ""
    password: str = ""
    expires: datetime.datetime | None = None


@transaction.atomic
def invite(*, actor: User, email: str, name: str, grants: Grants, days: int | None) -> HandedOver:
    """A new account with these roles, and a one-time link good for `days` (None: a one-time password). Raises AccountExists."""
    _one_at_a_time()
    realm, email = _realm(actor), email.strip().lower()
    if email == CHECK_EMAIL or User.objects.filter(email=email).exists():
        raise AccountExists(_("Somebody has an account with this address already."))
    if not grants:
        raise ValidationError(_("Choose at least one role: without one the account opens nothing."))
    user = User.objects.create_user(email, None, name=refuse_secret(name.strip()))
    audit.record(actor=actor, verb="account.invited", subject=f"user:{user.pk}", data={"email": email})
    _grant(actor, realm, user, grants)
    return _hand_over(user, days)


@transaction.atomic
def change_roles(*, actor: User, user: User, grants: Grants, version: str) -> User:
    """Let the person hold exactly these roles where the actor is administrator; roles elsewhere stay. Raises ValidationError when they changed meanwhile."""
    _one_at_a_time()
    realm, user = _realm(actor), _locked(user)
    _not_oneself(actor, user, _("You cannot change your own roles: another administrator does."))
    if version != roles_version(user):
        raise ValidationError(_("Somebody changed these roles in the meantime. They are shown as they are now; choose again."))
    held = {(row.role, row.site_id): row for row in user.memberships.select_related("site")}
    for key in [key for key in held if key not in grants and realm.covers(key[1])]:
        row = held[key]
        audit.record(actor=actor, verb="account.role_taken", subject=f"user:{user.pk}", site=_slug(row.site), data={"email": user.email, "role": row.role})
        row.delete()
    _grant(actor, realm, user, frozenset(grants - held.keys()))
    _somebody_is_left({site for role, site in held if role == Role.ADMINISTRATOR})
    sessions.look_again(user)
    return user


@transaction.atomic
def add_roles(*, actor: User, email: str, grants: Grants) -> User:
    """Give roles to somebody who has an account already, named by the whole address. Raises ValidationError when nobody has it."""
    _one_at_a_time()
    realm, user = _realm(actor), User.objects.select_for_update().filter(email=email.strip().lower()).exclude(email=CHECK_EMAIL).first()
    if user is None:
        raise ValidationError(_("Nobody has an account with this address."))
    _not_oneself(actor, user, _("You cannot change your own roles: another administrator does."))
    _grant(actor, realm, user, frozenset(grants - {(row.role, row.site_id) for row in user.memberships.all()}))
    sessions.look_again(user)
    return user


@transaction.atomic
def close_account(*, actor: User, user: User) -> None:
    """Nobody signs in with this account any more; sessions, link and token end at once. Roles stay, for when it is opened again."""
    user = _mine(actor, user, _("You cannot close your own account: another administrator does."))
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    _somebody_is_left(set(user.memberships.filter(role=Role.ADMINISTRATOR).values_list("site_id", flat=True)))
    Token.objects.filter(user=user).delete()
    OneTimeLink.objects.filter(user=user).delete()
    audit.record(actor=actor, verb="account.closed", subject=f"user:{user.pk}", data={"email": user.email})
    sessions.end(user)


@transaction.atomic
def open_account(*, actor: User, user: User) -> None:
    """Let the person sign in again, with the password and the roles of before."""
    user = _mine(actor, user)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.record(actor=actor, verb="account.opened", subject=f"user:{user.pk}", data={"email": user.email})


@transaction.atomic
def reset_password(*, actor: User, user: User, days: int | None) -> HandedOver:
    """The old password stops working and every session ends; the person gets a one-time link or password. A second factor stays."""
    user = _mine(actor, user, _("Your own password you change on the page of your account."))
    if not user.is_active:
        raise ValidationError(_("This account is closed. Open it first."))
    Token.objects.filter(user=user).delete()
    handed = _hand_over(user, days)
    forget_failures(username=user.email)
    audit.record(actor=actor, verb="account.password_reset", subject=f"user:{user.pk}", data={"email": user.email, "by": "link" if days else "password"})
    sessions.end(user)
    return handed


@transaction.atomic
def reset_second_factor(*, actor: User, user: User) -> None:
    """Take away passkeys, codes and recovery codes of somebody who lost them; every session ends."""
    user = _mine(actor, user, _("Your own second factors you change on the page of your account."))
    if Authenticator.objects.filter(user=user).delete()[0]:
        audit.record(actor=actor, verb="account.second_factor_reset", subject=f"user:{user.pk}", data={"email": user.email})
        sessions.end(user)


@transaction.atomic
def end_sessions(*, actor: User, user: User, only: int | None = None) -> int:
    """End one session of a person, or all of them; returns how many."""
    user = _mine(actor, user)
    ended = sessions.end(user, only=only)
    if ended:
        audit.record(actor=actor, verb="account.sessions_ended", subject=f"user:{user.pk}", data={"email": user.email, "sessions": ended})
    return ended


@transaction.atomic
def require_second_factor(*, actor: User, site: Site, required: bool) -> None:
    """Let nobody with a role at the site in without a second factor, or stop asking for it."""
    if not Realm.of(actor).covers(site.pk):
        raise PermissionDenied(_("Your role at this site does not allow this."))
    rules = SecondFactorRule.objects
    changed = rules.get_or_create(site=site)[1] if required else rules.filter(site=site).delete()[0] > 0
    if changed:
        audit.record(actor=actor, verb="site.second_factor_required" if required else "site.second_factor_optional", subject=f"site:{site.pk}", site=site.slug)


def person_of_link(token: str) -> User:
    """Whose one-time link this is. Raises ValidationError that names why it opens nothing."""
    return _link(token).user


@transaction.atomic
def use_link(*, token: str, password: str) -> User:
    """Set the password that the person chose on the page of the link, once. Raises ValidationError when link or password is not good."""
    link = _link(token, locked=True)
    validate_password(password, link.user)
    link.used = timezone.now()
    link.save(update_fields=["used"])
    link.user.set_password(password)
    link.user.must_change_password = False
    link.user.save(update_fields=["password", "must_change_password"])
    audit.record(actor=link.user, verb="account.link_used", subject=f"user:{link.user.pk}")
    return link.user


def _link(token: str, *, locked: bool = False) -> OneTimeLink:
    rows = OneTimeLink.objects.select_related("user")
    rows = rows.select_for_update() if locked else rows
    link = rows.filter(token_hash=_hash(token)).first()
    if link is None or not link.user.is_active:
        raise ValidationError(_("This link opens nothing: a newer one was made, or the account is closed. Ask your administrator."))
    if link.used:
        raise ValidationError(_("This link was used already. Sign in with the password you chose; if it was not you, tell your administrator at once."))
    if link.expires <= timezone.now():
        raise ValidationError(_("The time of this link is over. Ask your administrator for a new one."))
    return link


def _hand_over(user: User, days: int | None) -> HandedOver:
    """A new link (days) or one-time password; whatever let the person in before stops working."""
    OneTimeLink.objects.filter(user=user).delete()
    if days is None:
        password = one_time_password()
        user.set_password(password)
        user.must_change_password = True
        user.save(update_fields=["password", "must_change_password"])
        return HandedOver(user, password=password)
    if days not in LINK_DAYS:
        raise ValidationError(_("A link is good for %(least)d to %(most)d days.") % {"least": LINK_DAYS[0], "most": LINK_DAYS[-1]})
    token, expires = secrets.token_urlsafe(32), timezone.now() + datetime.timedelta(days=days)
    OneTimeLink.objects.create(user=user, token_hash=_hash(token), expires=expires)
    user.set_unusable_password()
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    return HandedOver(user, token=token, expires=expires)


def _grant(actor: User, realm: Realm, user: User, grants: Grants) -> None:
    if not all(role in Role.values and realm.covers(site) for role, site in grants):
        raise PermissionDenied(_("You can give roles only at sites where you are an administrator."))
    sites = Site.objects.in_bulk([site for _role, site in grants if site is not None])
    if any(site is not None and site not in sites for _role, site in grants):
        raise ValidationError(_("One of these sites is there no more. Look at the roles again."))
    for role, site in sorted(grants, key=str):
        Membership.objects.create(user=user, role=role, site=sites.get(site))
        audit.record(actor=actor, verb="account.role_given", subject=f"user:{user.pk}", site=_slug(sites.get(site)), data={"email": user.email, "role": role})


def _somebody_is_left(places: set[int | None]) -> None:
    """Raise ValidationError unless an administrator who can sign in is left for each of these sites (None: for every site)."""
    able = Membership.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True).exclude(user__email=CHECK_EMAIL)
    able = able.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    for place in places:
        if not able.filter(site=None).exists() and not (place is not None and able.filter(site_id=place).exists()):
            raise ValidationError(_("This is the last administrator: nobody could give roles any more. Make somebody else an administrator first."))


def _mine(actor: User, user: User, oneself: str = "") -> User:
    """The account, locked and fresh, when all of it is this administrator's to run."""
    _one_at_a_time()
    realm, user = _realm(actor), _locked(user)
    if oneself:
        _not_oneself(actor, user, oneself)
    if not realm.covers_all_of(user):
        raise PermissionDenied(_("This person also holds roles at sites where you are no administrator: somebody who runs all of them can do this."))
    return user


def _realm(actor: User) -> Realm:
    realm = Realm.of(_locked(actor))  # fresh: two who close each other's account wait here for one another
    if not realm.everywhere and not realm.sites:
        raise PermissionDenied(_("Your role does not allow this."))
    return realm


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def _not_oneself(actor: User, user: User, sentence: str) -> None:
    if actor.pk == user.pk:
        raise ValidationError(sentence)


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _slug(site: Site | None) -> str:
    return site.slug if site else ""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
