"""How allauth's second factors are called, kept and bound to this portal's address."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class FactorAdapter(DefaultMFAAdapter):
    """Secrets are encrypted with a key of the home folder; passkeys belong to the host name that the browser asked for."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This code does not fit. Codes change every 30 seconds and work once; a recovery code works once too."),
    }

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; one that was written under another key becomes a random one, so that no code fits it."""
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": host_name(context.request), "name": "Specola"}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return _("Passkey")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The portal sends no mail; the audit log names every change."""


def host_name(request: HttpRequest) -> str:
    """The name that the browser asked for, without its port."""
    host = request.get_host()
    return (host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]).lower()


def passkeys_possible(request: HttpRequest) -> bool:
    """Whether browsers allow passkeys here: WebAuthn wants a name instead of an IP address, and https unless the name is localhost."""
    name = host_name(request)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return request.is_secure() or name == "localhost" or name.endswith(".localhost")
    return False


def _fernet() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"specola second factors").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))
