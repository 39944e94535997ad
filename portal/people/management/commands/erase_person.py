"""`manage.py erase-person UID`: erase one person everywhere and print the proof as JSON; exit status 1 when something is left."""

from __future__ import annotations

import argparse
import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.people import erase


class Command(BaseCommand):
    help = "Erases one person everywhere, looks for what is left in every file of the home folder, and prints the proof."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uid", type=uuid.UUID, help="the person's id, as the audit log and the person's page show it")
        parser.add_argument("--wait", type=float, default=15.0, help="seconds to wait for the agents' heartbeats")

    def handle(self, **options: Any) -> None:
        try:
            proof = erase.erase(options["uid"], "system", wait_s=options["wait"])
        except erase.NeverListed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(proof.document(), indent=1))
        if not proof.clean:
            raise SystemExit(1)
