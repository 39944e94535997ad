"""Second factors on top of allauth.mfa: what a browser sent is read with limits, what is checked is checked there."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from allauth.core import ratelimit
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User

LARGEST = 16_000  # characters of what a browser sends about a passkey; a usual one has 1,000 to 3,000
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, struct.error)  # what fido2 raises for made-up answers


class SecondStepForm(AuthenticateForm):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label=gettext_lazy("Code of the app, or a recovery code"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


class FirstCodeForm(ActivateTOTPForm):
    """The code with which a person shows that the app took the secret."""

    code = forms.CharField(
        label=gettext_lazy("Code that the app shows now"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


def offer_registration(user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey that signs in alone: kept on the device, unlocked by PIN, finger or face."""
    return webauthn.begin_registration(user, passwordless=True)


def offer_authentication(user: User | None) -> dict[str, Any]:
    """What the browser needs to use a passkey: one of this person's, or any (None)."""
    return webauthn.begin_authentication(user)


def registered(user: User, name: str, text: str) -> tuple[str, dict[str, Any]]:
    """Name and credential of a passkey that the browser made. Raises ValidationError for anything else."""
    credential = _parsed(text)
    form = AddWebAuthnForm({"name": name, "credential": json.dumps(credential), "passwordless": "on"}, user=user)
    _checked(form)
    answer = credential["response"]
    # Only what is needed again is kept: a browser may add anything.
    response = {key: str(answer[key]) for key in ("clientDataJSON", "attestationObject")}
    kept = {"id": str(credential["rawId"]), "rawId": str(credential["rawId"]), "type": "public-key", "response": response}
    return form.cleaned_data["name"], {**kept, "clientExtensionResults": {"credProps": {"rk": True}}}


def used_passkey(user: User | None, text: str) -> Authenticator:
    """The passkey that answered, this person's or (None) anybody's. Raises ValidationError when it is none."""
    data = {"credential": json.dumps(_parsed(text))}
    form = AuthenticateWebAuthnForm(data, user=user) if user else LoginWebAuthnForm(data)
    _checked(form)
    return form.cleaned_data["credential"]


def within_rate(request: HttpRequest, action: str = "login") -> bool:
    """Whether this address may try another passkey now, or do another `action` of settings.ACCOUNT_RATE_LIMITS."""
    return bool(ratelimit.consume(request, action=action))


def recovery_codes_of(user: User) -> list[str]:
    """The recovery codes that are still good, made when there are none."""
    return RecoveryCodes.activate(user).get_unused_codes()


def codes_left(user: User) -> int:
    """How many recovery codes are still good."""
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return len(found.wrap().get_unused_codes()) if found else 0


def picture_of(user: User, secret: str) -> str:
    """The QR code for the app, as an address that an <img> shows."""
    adapter = get_adapter()
    svg = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("response"), dict):
        raise ValidationError(_("The browser's answer about the passkey cannot be read. Try again."))
    return found


def _checked(form: forms.Form) -> None:
    try:
        valid = form.is_valid()
    except MALFORMED as error:
        raise ValidationError(_("The browser's answer about the passkey cannot be read. Try again.")) from error
    if not valid:
        limited = [each for errors in form.errors.as_data().values() for each in errors if each.code == "too_many_login_attempts"]
        raise ValidationError(limited or _("This passkey does not fit. Try again, or use a code."))
