"""Every change of accounts: change and audit row in one transaction."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from rest_framework.authtoken.models import Token

from portal.accounts import sessions
from portal.accounts.models import Membership, Role, User
from portal.core import audit
from portal.core.secrets import refuse_secret

WORDS = "abcdefghjkmnpqrstuvwxyz23456789"  # no l, 1, o, 0, i: read aloud and typed without mistakes


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Set a password of the user's own. Raises ValidationError when it is too weak."""
    validate_password(password, user)
    user.set_password(password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    audit.record(actor=user, verb="account.password_changed", subject=f"user:{user.pk}")


@transaction.atomic
def choose_language(*, user: User, language: str) -> None:
    """Keep the language a person reads the portal in."""
    if user.language != language:
        user.language = language
        user.save(update_fields=["language"])


@transaction.atomic
def change_name(*, user: User, name: str) -> None:
    """What the person is called in the portal; empty: by address."""
    if user.name != refuse_secret(name):
        user.name = name
        user.save(update_fields=["name"])
        audit.record(actor=user, verb="account.renamed", subject=f"user:{user.pk}")


@transaction.atomic
def end_own_sessions(*, user: User, only: int | None = None, keep: str = "") -> int:
    """End one of the person's own sessions, or all but the one with the key `keep`; returns how many."""
    ended = sessions.end(user, only=only, keep=keep)
    if ended:
        audit.record(actor=user, verb="account.sessions_ended", subject=f"user:{user.pk}", data={"sessions": ended})
    return ended


@transaction.atomic
def make_token(*, user: User) -> str:
    """A new API token for the user's own programs; an older one stops working. It is shown once."""
    Token.objects.filter(user=user).delete()
    token = Token.objects.create(user=user)
    audit.record(actor=user, verb="account.token_made", subject=f"user:{user.pk}")
    return token.key


@transaction.atomic
def drop_token(*, user: User) -> None:
    """Take the user's API token away."""
    if Token.objects.filter(user=user).delete()[0]:
        audit.record(actor=user, verb="account.token_dropped", subject=f"user:{user.pk}")


@transaction.atomic
def make_person(*, actor: User | str, email: str, roles: list[str], name: str = "", password: str | None = None) -> tuple[User, str]:
    """An account with these roles at every site and a one-time password, which is returned."""
    password = password or one_time_password()
    user = User.objects.create_user(email, password, name=name, must_change_password=True)
    Membership.objects.bulk_create(Membership(user=user, role=Role(role)) for role in roles)
    audit.record(actor=actor, verb="account.made", subject=f"user:{user.pk}", data={"email": user.email, "roles": roles})
    return user, password


def one_time_password() -> str:
    """Four groups of four letters and digits (about 79 bits)."""
    return "-".join("".join(secrets.choice(WORDS) for _ in range(4)) for _ in range(4))
