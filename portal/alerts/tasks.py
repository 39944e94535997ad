"""The worker's part: every night what is older than its site keeps it."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from portal.alerts import retention
from portal.core import clock_check

log = logging.getLogger(__name__)


@app.periodic(cron="47 3 * * *")
@app.task(name="alerts.clean_up", queue="default", queueing_lock="alerts.clean_up")
def clean_up(timestamp: int) -> None:
    """Every night: delete closed alerts, pictures and clips that are older than their site keeps them."""
    if clock_check.jumped():
        return
    gone = retention.forget_old()
    log.info("%d old alerts and %d pictures and clips deleted", gone["alerts"], gone["files"])
