"""The watch room's socket: new and changed rows, what fell out of the filter, and the counters."""

from __future__ import annotations

import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.alerts import queries
from portal.alerts.filters import moment
from portal.alerts.models import Alert
from portal.live.base import PortalConsumer
from portal.live.pushes import alerts_group

MAX_PENDING = 200


class AlertsConsumer(PortalConsumer):
    """The browser says `{since, language, filters: {...}}` when it opens, when it comes back and every 20 s; answers repeat nothing it must not see twice."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.filters, self.pending, self.since = queries.AlertFilters(), set(), None

    def groups_of(self, user: User) -> set[str]:
        return {alerts_group(pk) for pk in (None, *sites_of(user).values_list("pk", flat=True))}

    def take(self, message: dict[str, Any]) -> None:
        if isinstance(numbers := message.get("alerts"), list):
            self.pending.update(number for number in numbers[: MAX_PENDING + 1] if type(number) is int and 0 < number < 2**63)
        if isinstance(message.get("filters"), dict):
            self.filters = queries.AlertFilters.read(message["filters"])
        if isinstance(message.get("since"), str):
            self.since = moment(message["since"])

    async def deliver(self, user: User) -> None:
        now, since = timezone.now(), self.since
        ids = sorted(self.pending, reverse=True)[: MAX_PENDING + 1]
        self.since, self.pending = None, set()
        answer = await self.read(compose, user, self.filters, ids, since)
        await self.send_json({**answer, "cursor": now.isoformat()})


def compose(user: User, filters: queries.AlertFilters, ids: list[int], since: datetime.datetime | None) -> dict[str, Any]:
    """One message for one browser; `reload` when more has changed than is worth sending row by row."""
    found = queries.changed_since(user, filters, since) if since else ([], [])
    if found is None or len(ids) > MAX_PENDING:
        return {"type": "reload"}
    rows, gone = found
    more, more_gone = queries.rows_and_gone(user, filters, [pk for pk in ids if pk not in {row.pk for row in rows}])
    drawn = [draw(alert) for alert in sorted([*rows, *more], key=lambda alert: (alert.last_t, alert.pk))]
    return {"type": "alerts", "rows": drawn, "gone": sorted({*gone, *more_gone}), "counts": queries.counts(user)}


def draw(alert: Alert) -> dict[str, Any]:
    """A row as the page itself draws it."""
    return {"id": alert.pk, "html": render_to_string("alerts/row.html", {"alert": alert})}
