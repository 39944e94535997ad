"""`manage.py worker`: carry out background jobs until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from procrastinate.exceptions import AlreadyEnqueued

from portal.core import jobs
from portal.core.tasks import retry_stalled

POLL_S = "0.5"  # a lost wake-up costs half a second, not five
RESCUE_S = 32  # a worker counts as gone after 30 s without a heartbeat


class Command(BaseCommand):
    help = "Carries out background jobs: reports, training runs, the registration of agents."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=3, help="jobs at a time; a training run mostly waits")
        parser.add_argument("--queues", default="", help="only these queues, separated by commas (default: all)")

    def handle(self, **options: Any) -> None:
        queues = ["--queues", options["queues"]] if options["queues"] else []
        arguments = [
            "--concurrency",
            str(options["concurrency"]),
            "--fetch-job-polling-interval",
            POLL_S,
            "--shutdown-graceful-timeout",
            "5",
            "--name",
            "specola",
            *queues,
        ]
        rescue_soon()
        jobs.prepare_worker()
        call_command("procrastinate", "worker", *arguments)


def rescue_soon() -> None:
    """What a worker killed just now left behind is done again as soon as it counts as gone, not only at the next full minute."""
    with contextlib.suppress(AlreadyEnqueued):
        retry_stalled.configure(schedule_in={"seconds": RESCUE_S}, queueing_lock="core.rescue").defer(timestamp=int(time.time()))
