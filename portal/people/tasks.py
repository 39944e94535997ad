"""The worker's part: every night the end dates and the face log, every minute what the doors counted."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from portal.core.periodic import for_each
from portal.people import doors, expiry
from portal.people import log as face_log

log = logging.getLogger(__name__)


@app.periodic(cron="17 4 * * *")
@app.task(name="people.clean_up", queue="default", queueing_lock="people.clean_up")
def clean_up(timestamp: int) -> None:
    """Every night: publish whose people end soon, delete the templates of people who are long over."""
    steps = (_end_dates, _face_log, doors.forget_old)
    for_each(steps, lambda step: step())


def _end_dates() -> None:
    owners, over = expiry.clean_up()
    log.info("end dates: %d owners named, the templates of %d people deleted", owners, over)


def _face_log() -> None:
    log.info("%d recognitions forgotten", face_log.forget_old())


@app.periodic(cron="* * * * *")
@app.task(name="people.count_doors", queue="default", queueing_lock="people.count_doors")
def count_doors(timestamp: int) -> None:
    """Every minute: keep what the doors' agents counted of strangers, which they forget when they restart."""
    doors.count()
