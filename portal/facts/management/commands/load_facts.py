"""`manage.py load-facts`: take in the facts that this release ships; `up` runs it after the migrations."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.facts import shipped


class Command(BaseCommand):
    help = "Takes in the facts that this release ships; what people of this portal wrote stays. Running it again changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=shipped.FOLDER, help="folder with the CSV files")

    def handle(self, **options: Any) -> None:
        try:
            done = shipped.load(options["folder"])
        except shipped.BadRelease as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(dataclasses.asdict(done)))
