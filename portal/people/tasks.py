"""The worker's part: once a day, look at the end dates of the staff lists."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from portal.people import expiry

log = logging.getLogger(__name__)


@app.periodic(cron="17 4 * * *")
@app.task(name="people.clean_up", queue="default", queueing_lock="people.clean_up")
def clean_up(timestamp: int) -> None:
    """Every night: tell the owners in the audit log, and delete the templates of people who are long over."""
    told, over = expiry.clean_up()
    log.info("end dates: %d owners told, the templates of %d people deleted", told, over)
