"""What becomes of domain events in open pages: a message of ids to the channel group of those who look; each browser then reads again with its own rights."""

from __future__ import annotations

from portal.alerts.events import AlertsChanged
from portal.core import events, push


def alerts_group(site_id: int | None) -> str:
    """The group of the watch rooms that show this site; None: of all of them."""
    return f"alerts-site-{site_id}" if site_id else "alerts-house"


def subscribe() -> None:
    """Called when the live app is ready."""
    events.subscribe(AlertsChanged, show_alerts)


def show_alerts(event: AlertsChanged) -> None:
    """Rows of the inbox are not as they were."""
    push.send(alerts_group(event.site_id), {"alerts": list(event.alert_ids)})
