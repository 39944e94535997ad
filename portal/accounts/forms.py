"""What a person types about the own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


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


def typed_email(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that failures are counted under (AXES_USERNAME_CALLABLE): the address in small letters."""
    return str((credentials or {}).get("username") or request.POST.get("username", "")).lower()[:254]
