"""`manage.py demo`: lay out the Square of Miracles; its last line of output is one JSON object."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from portal.alerts import demo_records
from portal.demo import layout


class Command(BaseCommand):
    help = "Makes the demo site, its person and one-time codes for its agents; running it again makes nothing twice."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--footage", type=Path, default=settings.ROOT / "infra" / "footage", help="folder with manifest.toml and the staff's pictures")
        parser.add_argument("--clips", default="", help="name of the folder of other clips that the cameras play instead of ours")

        parser.add_argument("--forget", action="store_true", help="only take away the made-up crossings and past alerts; the cameras and what they saw stay")

    def handle(self, **options: Any) -> None:
        if options["forget"]:
            self.stdout.write(json.dumps(demo_records.forget()))
            return
        try:
            laid_out = layout.lay_out(options["footage"], options["clips"])
        except layout.DemoError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(json.dumps(laid_out))
