"""What a person types about the own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.core.secrets import refuse_secret


class SignInForm(AuthenticationForm):
    """E-mail address and password; upper and lower case in the address are the same."""

    username = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}))
    password = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
    error_messages = {"invalid_login": _("This e-mail address and password do not belong together."), "inactive": _("This account is closed.")}

    def clean_username(self) -> str:
        return self.cleaned_data["username"].lower()


class NewPasswordForm(forms.Form):
    """A password of one's own, typed twice."""

    password = forms.CharField(label=_("New password"), strip=False, max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    again = forms.CharField(label=_("The same again"), strip=False, max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("password") != cleaned.get("again") and "again" in cleaned:
            self.add_error("again", _("The two passwords differ."))
        return cleaned


class HandOverForm(forms.Form):
    """How somebody gets in without a password of their own."""

    by = forms.ChoiceField(
        label=_("How the person gets in"),
        initial="7",
        choices=[
            ("1", _("With a one-time link, good for one day")),
            ("3", _("With a one-time link, good for 3 days")),
            ("7", _("With a one-time link, good for 7 days")),
            ("14", _("With a one-time link, good for 14 days")),
            ("30", _("With a one-time link, good for 30 days")),
            ("password", _("With a one-time password")),
        ],
    )

    @property
    def days(self) -> int | None:
        """How long the link is good; None for a password."""
        return None if self.cleaned_data["by"] == "password" else int(self.cleaned_data["by"])


class InviteForm(HandOverForm):
    """A new person: address, name, and how they get in."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label=_("Name"), max_length=120, required=False, validators=[refuse_secret], widget=forms.TextInput(attrs={"autocomplete": "off"}))
    field_order = ("email", "name", "by")


class OwnNameForm(forms.Form):
    """What a person is called in the portal."""

    name = forms.CharField(label=_("Name"), max_length=120, required=False, validators=[refuse_secret], widget=forms.TextInput(attrs={"autocomplete": "name"}))


def typed_email(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that failures are counted under (AXES_USERNAME_CALLABLE): the address in small letters."""
    return str((credentials or {}).get("username") or request.POST.get("username", "")).lower()[:254]
