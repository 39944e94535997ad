"""What happens to alerts and matters outside the watch room."""

from __future__ import annotations

import dataclasses
import datetime

from portal.core.events import DomainEvent


@dataclasses.dataclass(frozen=True, slots=True)
class AlertRaised(DomainEvent):
    """A new alert stands in the watch room; events that join it later publish nothing. `t`: the capture of its first event.

    `site` and `camera` are slugs, empty for an alert that concerns the whole portal; `severity` as in portal.core.severity.
    """

    alert_id: int
    kind: str
    site: str
    camera: str
    t: datetime.datetime
    severity: int


@dataclasses.dataclass(frozen=True, slots=True)
class AlertsChanged(DomainEvent):
    """Alerts of one site whose rows in an inbox are not as they were: new, joined, worked on, or their picture came.

    `site_id` None: they concern the whole portal.
    """

    site_id: int | None
    alert_ids: tuple[int, ...]
