"""Messages to browsers: sent when the transaction has committed, ids only, never content."""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def send_on_commit(group: str, message: dict[str, Any]) -> None:
    """Tell everybody in a channel group, once the change is in the database. Consumers get it in their method `push`."""
    transaction.on_commit(lambda: send(group, message))


def send(group: str, message: dict[str, Any]) -> None:
    """Tell a group now. A dead channel layer must not undo what is already stored: browsers catch up when they reconnect."""
    try:
        async_to_sync(get_channel_layer().group_send)(group, {"type": "push", "message": message})
    except (RedisError, OSError) as error:
        log.warning("message to %s not sent, the channel layer is away: %s", group, error)
