"""`manage.py createadmin EMAIL`: an account with every role at every site, and a one-time password."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from portal.accounts import actions
from portal.accounts.models import Role, User


class Command(BaseCommand):
    help = "Makes an account with every role at every site and prints its one-time password."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")

    def handle(self, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        if User.objects.filter(email=email).exists():
            raise CommandError(f"{email} has an account already; `manage.py changepassword {email}` sets a new password.")
        _user, password = actions.make_person(actor="system", email=email, roles=Role.values, name=options["name"])
        self.stdout.write(f"{email}  {password}   (once: you choose your own next)")
