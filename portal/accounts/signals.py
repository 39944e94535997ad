"""Signing in, failing and being locked out go into the audit log; the password never does."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest

from portal.accounts.models import User
from portal.core import audit

ONCE_S = 900  # one row for each lock-out, not one for each further attempt


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    audit.record(actor=user, verb="account.signed_in", subject=f"user:{user.pk}", data={"address": _address(request)})


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        audit.record(actor=user, verb="account.signed_out", subject=f"user:{user.pk}")


@receiver(user_locked_out)
def locked_out(sender: Any, request: HttpRequest, username: str, ip_address: str, **_: Any) -> None:
    if cache.add(f"locked:{username}:{ip_address}", 1, ONCE_S):
        audit.record(actor="unknown", verb="account.locked_out", data={"email": str(username)[:254], "address": str(ip_address)})


def _address(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request else ""
