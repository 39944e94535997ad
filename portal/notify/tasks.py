"""The worker's part: one delivery of one message through one channel."""

from __future__ import annotations

import logging
from typing import Any

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from portal.notify import actions, config
from portal.notify.channels import Notification, Undelivered

# 5 s, 25 s, 2 min, 10 min, 52 min, 4.3 h after the first attempt and each other: a receiver that is back within five hours misses nothing.
PATIENCE = RetryStrategy(max_attempts=6, exponential_wait=5, retry_exceptions={Undelivered, config.ChannelsFileError})
log = logging.getLogger(__name__)


@app.task(name="notify.deliver", queue="notify", retry=PATIENCE)
def deliver(channel: str, notification: dict[str, Any]) -> None:
    """Send it; what did not arrive is tried again. A message whose channel is no longer in use is dropped."""
    try:
        way = config.read().get(channel)
        if way is None:
            log.info("%s is no longer in use: notification %s is dropped", channel, notification["id"])
            return
        way.send(Notification(**notification))
    except (Undelivered, config.ChannelsFileError) as error:
        log.warning("%s: notification %s: %s", channel, notification["id"], error)
        actions.note_failed(channel=channel, failure=str(error))
        raise
    actions.note_delivered(channel=channel)
