"""What operators said of a camera's alerts, handed to its agent with the heartbeat so that it can learn from it: event ids and a word, nothing else."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from detectors.objects.head import EXCLUDED
from federated.contract.documents import AlertLabels
from federated.contract.heartbeat import LabelsHeld
from federated.trust.signing import sign_document
from portal.alerts.models import Alert, AlertLabel, Event, ResolutionReason
from portal.sites.config import portal_key
from portal.sites.models import Camera

TAUGHT = (ResolutionReason.REAL, ResolutionReason.FALSE_ALARM)  # a test or another reason teaches nothing
ALERTS, EVENTS = 20, 25  # of one answer: alerts, and the newest events of each


def write_down(alert: Alert) -> None:
    """Keep what the alert's reason teaches, as the newest row. Call it in the change's transaction after its audit row.

    The audit log lets one transaction in at a time, until its end: ids therefore grow in the order in which they can be seen, and an agent that has
    read up to one misses none before it.
    """
    label = alert.reason if alert.reason in TAUGHT else ""
    if alert.demo or alert.kind in EXCLUDED or alert.about_house:
        return
    earlier = AlertLabel.objects.filter(alert=alert)
    if earlier.values_list("label", flat=True).first() == label or (not label and not earlier.exists()):
        return
    earlier.delete()
    AlertLabel.objects.create(alert=alert, camera_id=alert.camera_id, label=label, t=timezone.now())


def news(camera: Camera, held: LabelsHeld | None) -> dict[str, Any] | None:
    """The signed verdicts after the number that the agent says it has written down; None when there are none, or it keeps none.

    An agent that is ahead of us (this portal was restored from a backup) is told everything again.
    """
    if held is None:
        return None
    number = held.number
    rows = AlertLabel.objects.filter(camera=camera).order_by("pk")
    newest = rows.values_list("pk", flat=True).last()
    if newest is None or newest == number:
        return None
    after = number if number < newest else 0
    coming = list(rows.filter(pk__gt=after)[:ALERTS])
    labels = tuple((str(event), row.label) for row in coming for event in _newest_events(row))
    document = AlertLabels(type="verdicts", site=camera.site.slug, camera=camera.slug, after=after, upto=coming[-1].pk, labels=labels)
    return sign_document(document.to_json(), portal_key())


def _newest_events(row: AlertLabel) -> Any:
    return Event.objects.filter(alert=row.alert_id, snapshot__isnull=False).order_by("-t").values_list("pk", flat=True)[:EVENTS]
