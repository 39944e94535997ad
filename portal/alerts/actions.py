"""Every change of events and alerts: permission, change, history line, audit row and message in one transaction."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.rules import registry
from federated.contract.message import VERSION
from portal.accounts.models import User
from portal.alerts import kinds, labels, ports, queries, record
from portal.alerts.events import AlertRaised, AlertsChanged
from portal.alerts.models import CHOSEN_REASONS, Alert, AlertState, Event, HistoryEntry, HouseCondition, ResolutionReason
from portal.core import audit, media
from portal.core.events import publish
from portal.core.secrets import refuse_secret
from portal.sites.models import Agent, Camera, Rule

MAX_TEXT = 4000


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch: ids stored now, ids that were stored before, and what was refused, with the reason."""

    accepted: list[str]
    duplicates: list[str]
    rejected: list[dict[str, str]]


def record_events(*, agent: Agent, events: Sequence[Any], sent: datetime.datetime | None = None, version: str = VERSION) -> Recorded:
    """Store a batch once, whoever else sends it at the same moment. Raises record.ForeignEvent when it speaks for another camera."""
    now = timezone.now()
    batch = record.forget_the_erased(record.sort_out(agent, events, now=now, sent=sent, version=version), ports.nobody)
    with transaction.atomic():
        Camera.objects.select_for_update(no_key=True).get(pk=agent.camera_id)  # one batch of a camera at a time: order and joining are certain
        media.claim(name for row in batch.rows for name in (row.snapshot, row.clip) if name)
        fresh, duplicates = _store(batch.rows)
        ports.record_recognitions([row for row in fresh if row.kind == registry.RECOGNISED])
        alerts = _raise_alerts([row for row in fresh if registry.raises_alert(row.kind)], agent, now)
        completed = _complete([row for row in batch.rows if row.clip or row.snapshot], agent.camera_id, duplicates, now)
        data = {"accepted": len(fresh), "duplicates": len(duplicates), "rejected": len(batch.rejected), "alerts": [alert.pk for alert in alerts]}
        if fresh or batch.rejected or completed:
            audit.record(actor=f"agent:{agent.pk}", verb="events.recorded", subject=f"camera:{agent.camera_id}", site=agent.camera.site.slug, data=data)
        _publish_change(agent.camera.site_id, [*alerts, *completed])
    return Recorded([str(row.pk) for row in fresh], duplicates, batch.rejected)


def acknowledge(*, user: User, alert_id: int) -> Alert:
    """Say "I have seen it"; it becomes the user's own unless it is somebody's already. Doing it twice changes nothing."""
    with transaction.atomic():
        alert = open_for(user, alert_id)
        if alert.state == AlertState.NEW:
            alert.state, alert.assignee = AlertState.ACKNOWLEDGED, alert.assignee or user
            keep(alert, user, HistoryEntry.Verb.ACKNOWLEDGED)
    return alert


def assign(*, user: User, alert_id: int, assignee_id: int | None) -> Alert:
    """Give the alert to a person who may act at its site, or to nobody."""
    with transaction.atomic():
        alert = open_for(user, alert_id)
        assignee = queries.assignable(alert).filter(pk=assignee_id).first() if assignee_id else None
        if assignee_id and assignee is None:
            raise ValidationError(_("This person does not look after alerts at this site."))
        if alert.assignee_id != (assignee and assignee.pk):
            alert.assignee = assignee
            keep(alert, user, HistoryEntry.Verb.ASSIGNED, detail=str(assignee or ""))
    return alert


def resolve(*, user: User, alert_id: int, reason: str, note: str = "") -> Alert:
    """Close the alert with a reason; `other` needs a note."""
    if reason not in dict(CHOSEN_REASONS):
        raise ValidationError(_("Choose a reason."))
    text = _text(note)
    if reason == ResolutionReason.OTHER and not text:
        raise ValidationError(_("Say in a note what the other reason is."))
    with transaction.atomic():
        alert = open_for(user, alert_id)
        if alert.state == AlertState.RESOLVED:
            raise ValidationError(_("Somebody has resolved this alert already."))
        alert.state, alert.reason = AlertState.RESOLVED, reason
        keep(alert, user, HistoryEntry.Verb.RESOLVED, detail=reason, text=text)
        labels.write_down(alert)
    return alert


def reopen(*, user: User, alert_id: int) -> Alert:
    """Take a resolution back; the alert is the user's now."""
    with transaction.atomic():
        alert = open_for(user, alert_id)
        if alert.state == AlertState.RESOLVED:
            alert.state, alert.reason, alert.assignee = AlertState.ACKNOWLEDGED, "", user
            keep(alert, user, HistoryEntry.Verb.REOPENED)
            labels.write_down(alert)
    return alert


def add_note(*, user: User, alert_id: int, text: str) -> Alert:
    """Write something down about the alert."""
    text = _text(text)
    if not text:
        raise ValidationError(_("The note is empty."))
    with transaction.atomic():
        alert = open_for(user, alert_id)
        keep(alert, user, HistoryEntry.Verb.NOTE, text=text)
    return alert


def media_arrived(*, sha256: str) -> None:
    """A picture or clip that an event named came later than the event: show it."""
    with transaction.atomic():
        alerts = list(queries.media_is_named(sha256))
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(changed=timezone.now())
        for alert in alerts:
            _publish_change(alert.site and alert.site.pk, [alert])


def _store(rows: list[Event]) -> tuple[list[Event], list[str]]:
    """Insert what is not there; a repeated id, in the batch or in the table, whoever sent it, is a duplicate."""
    first: dict[uuid.UUID, Event] = {}
    duplicates = []
    for row in rows:
        row.pk = uuid.UUID(str(row.pk))
        if row.pk in first:
            duplicates.append(str(row.pk))
        first.setdefault(row.pk, row)
    stored = set(Event.objects.filter(pk__in=list(first)).values_list("pk", flat=True))
    Event.objects.bulk_create([row for pk, row in first.items() if pk not in stored], ignore_conflicts=True)
    # An id that another camera's agent used at this very moment was skipped by the database: it is not ours.
    mine = set(Event.objects.filter(pk__in=[pk for pk in first if pk not in stored], camera=rows[0].camera_id).values_list("pk", flat=True)) if rows else set()
    return [row for pk, row in first.items() if pk in mine], duplicates + [str(pk) for pk in first if pk not in mine]


def _complete(rows: list[Event], camera_id: int, duplicates: list[str], now: datetime.datetime) -> list[Alert]:
    """An agent sends an event again when its clip is ready: what was missing is filled in, nothing else is changed. Returns the alerts."""
    again = {str(row.pk): row for row in rows}
    filled = []
    for event in Event.objects.filter(pk__in=[pk for pk in duplicates if pk in again], camera_id=camera_id).filter(Q(clip=None) | Q(snapshot=None)):
        before, newer = (event.clip, event.snapshot), again[str(event.pk)]
        event.clip, event.snapshot = event.clip or newer.clip, event.snapshot or newer.snapshot
        if (event.clip, event.snapshot) != before:
            filled.append(event)
    if not filled:
        return []
    Event.objects.bulk_update(filled, ["clip", "snapshot"])
    alerts = list(Alert.objects.filter(pk__in={event.alert_id for event in filled}))
    for alert in alerts:
        pictures = [event.snapshot for event in filled if event.pk == alert.last_id and event.snapshot]
        keeps = alert.picture and alert.state != AlertState.NEW
        alert.picture, alert.changed = alert.picture if keeps else (pictures or [alert.picture])[0], now
    Alert.objects.bulk_update(alerts, ["picture", "changed"])
    return alerts


def _raise_alerts(rows: list[Event], agent: Agent, now: datetime.datetime) -> list[Alert]:
    if not rows:
        return []
    joinable = _joinable(rows, agent)
    for row in rows:
        row.alert = record.join(joinable, row, now=now)
    touched = {id(row.alert): row.alert for row in rows}.values()
    joined, raised = [alert for alert in touched if alert.pk], [alert for alert in touched if not alert.pk]
    Alert.objects.bulk_create(raised)
    Alert.objects.bulk_update(joined, ["opened", "last_t", "count", "score", "false_alarm", "last", "picture", "changed"])
    for row in rows:
        row.alert_id = row.alert.pk
    Event.objects.bulk_update(rows, ["alert"])
    camera = rows[0].camera
    for alert in raised:
        publish(AlertRaised(alert_id=alert.pk, kind=alert.kind, site=camera.site.slug, camera=camera.slug, t=alert.opened, severity=alert.severity))
    return list(touched)


def _joinable(rows: list[Event], agent: Agent) -> record.Joinable:
    """The open alerts near these events, locked: what somebody does about one meanwhile is done before, and seen here, or after."""
    camera_id, quiet = agent.camera_id, max(kinds.joining(row.kind).quiet for row in rows)
    near = Q(last_t__gte=min(row.t for row in rows) - quiet, opened__lte=max(row.t for row in rows) + quiet)
    found = Alert.objects.filter(near | Q(conditions__isnull=False), camera_id=camera_id).exclude(state=AlertState.RESOLVED)
    alerts = list(Alert.objects.filter(pk__in=found.values("pk")).exclude(state=AlertState.RESOLVED).order_by("pk").select_for_update(no_key=True))
    visitors: dict[int, dict[str, datetime.datetime]] = {}
    acknowledged = [alert.pk for alert in alerts if alert.state != AlertState.NEW]
    for event in Event.objects.filter(alert__in=acknowledged).order_by("t").only("alert", "data", "t") if acknowledged else ():
        visitors.setdefault(event.alert_id, {})[record.visitor_of(event)] = event.t
    severities: dict[tuple[str, str], int] = {}
    for kind, zone, line, severity in Rule.objects.filter(camera=camera_id, enabled=True).values_list("kind", "zone__name", "line__name", "severity"):
        severities[(kind, zone or line or "")] = max(severity, severities.get((kind, zone or line or ""), 0))
    lasting = set(HouseCondition.objects.filter(alert__in=[alert.pk for alert in alerts]).values_list("alert_id", flat=True))
    started = agent.heartbeat.started if agent.heartbeat else None
    since = datetime.datetime.fromtimestamp(started, datetime.UTC) if started else None
    return record.Joinable(alerts, visitors, lasting, severities, since)


def open_for(user: User, alert_id: int) -> Alert:
    """The alert, locked, if the user may act on it. Raises Alert.DoesNotExist when the user may not even see it, PermissionDenied otherwise."""
    user = User.objects.get(pk=user.pk)
    alert = queries.visible(user).select_for_update(no_key=True, of=("self",)).select_related("camera__site").get(pk=alert_id)
    if not user.is_active or not queries.may_act(user, alert):
        raise PermissionDenied(_("Your role may look at alerts here but not act on them."))
    return alert


def keep(alert: Alert, user: User, verb: str, *, detail: str = "", text: str = "") -> None:
    """Save the changed alert with a line of its history, which holds how it was before, an audit row, and a message to those who look."""
    before = Alert.objects.filter(pk=alert.pk).values("state", "reason", "assignee").get()
    alert.changed = timezone.now()
    alert.save()
    HistoryEntry.objects.create(alert=alert, author=user, verb=verb, detail=detail[:120], text=text, before=before)
    data = {name: value for name, value in (("detail", detail), ("text", text)) if value}
    audit.record(actor=user, verb=f"alert.{verb}", subject=f"alert:{alert.pk}", site=alert.site.slug if alert.site else "", data=data)
    _publish_change(alert.site and alert.site.pk, [alert])


def _publish_change(site_id: int | None, alerts: Iterable[Alert]) -> None:
    if ids := tuple(dict.fromkeys(alert.pk for alert in alerts)):
        publish(AlertsChanged(site_id=site_id, alert_ids=ids))


def _text(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > MAX_TEXT:
        raise ValidationError(_("A note has at most %(n)d characters.") % {"n": MAX_TEXT})
    return refuse_secret(text)
