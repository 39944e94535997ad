"""What a person changes about the own second factors."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts import queries
from portal.accounts.models import User
from portal.core import audit

PASSKEYS_MOST = 20


@transaction.atomic
def add_totp(*, user: User, secret: str) -> list[str]:
    """An app that makes codes from this secret, whose first code was checked; returns recovery codes when they are new."""
    _lock(user)
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        raise ValidationError(_("You have an app that makes codes already. Remove it first."))
    TOTP.activate(user, secret)
    audit.record(actor=user, verb="account.second_factor_added", subject=f"user:{user.pk}", data={"kind": "totp"})
    return _first_codes(user)


@transaction.atomic
def add_passkey(*, user: User, name: str, credential: dict[str, Any]) -> list[str]:
    """A passkey that the browser made and allauth checked; returns recovery codes when they are new."""
    _lock(user)
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count() >= PASSKEYS_MOST:
        raise ValidationError(_("You have many passkeys already. Remove one first."))
    WebAuthn.add(user, name, credential)
    audit.record(actor=user, verb="account.second_factor_added", subject=f"user:{user.pk}", data={"kind": "passkey"})
    return _first_codes(user)


@transaction.atomic
def remove_factor(*, user: User, pk: int) -> None:
    """Take one of the own second factors away, with the recovery codes after the last. Raises ValidationError where a site wants one."""
    _lock(user)
    factor = queries.factors_of(user).filter(pk=pk).first()
    if factor is None:
        return
    if queries.factors_of(user).count() == 1:
        if rule := queries.sites_that_require(user).first():
            raise ValidationError(_("%(site)s wants a second factor: set up another one first.") % {"site": rule.site})
        Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    kind = "totp" if factor.type == Authenticator.Type.TOTP else "passkey"
    factor.delete()
    audit.record(actor=user, verb="account.second_factor_removed", subject=f"user:{user.pk}", data={"kind": kind})


@transaction.atomic
def renew_recovery_codes(*, user: User) -> list[str]:
    """New recovery codes; the old ones stop working. Raises ValidationError without a second factor."""
    _lock(user)
    if not queries.has_second_factor(user):
        raise ValidationError(_("Recovery codes stand in for a second factor: set one up first."))
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    audit.record(actor=user, verb="account.recovery_codes_made", subject=f"user:{user.pk}")
    return RecoveryCodes.activate(user).get_unused_codes()


@transaction.atomic
def note_use(*, factor: Authenticator) -> None:
    """When a factor was last used; a recovery code is worth a row of its own."""
    factor.refresh_from_db()  # allauth marks a recovery code as used on a copy
    factor.record_usage()
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        left = len(factor.wrap().get_unused_codes())
        audit.record(actor=factor.user, verb="account.recovery_code_used", subject=f"user:{factor.user_id}", data={"left": left})


def _first_codes(user: User) -> list[str]:
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).exists():
        return []
    return RecoveryCodes.activate(user).get_unused_codes()


def _lock(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)
