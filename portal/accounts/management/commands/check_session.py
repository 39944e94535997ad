"""`manage.py check_session open|close`: the session with which `up --check` proves that everything works."""

from __future__ import annotations

import argparse
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand

from portal.accounts.models import CHECK_EMAIL, Membership, Role, User

BACKEND = "django.contrib.auth.backends.ModelBackend"


class Command(BaseCommand):
    help = "Opens a session of an account of its own, without a password, and prints its key; or closes that account again."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("act", choices=["open", "close"])

    def handle(self, **options: Any) -> None:
        if options["act"] == "close":
            User.objects.filter(email=CHECK_EMAIL).update(is_active=False)
            return
        # An account of its own, so that the administrator's one-time password stays unused.
        user, _made = User.objects.get_or_create(email=CHECK_EMAIL, defaults={"must_change_password": False})
        user.set_unusable_password()
        user.must_change_password, user.is_active = False, True
        user.save()
        for role in (Role.ADMINISTRATOR, Role.OPERATOR, Role.MANAGER):
            Membership.objects.get_or_create(user=user, role=role, site=None)
        session = SessionStore()
        session[SESSION_KEY], session[BACKEND_SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), BACKEND, user.get_session_auth_hash()
        session.create()
        self.stdout.write(str(session.session_key))
