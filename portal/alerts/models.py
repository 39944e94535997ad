"""What the agents said (events) and what people do about it (alerts)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.alerts import kinds
from portal.core import media, naming
from portal.core.severity import Severity
from portal.sites.models import Agent, Camera, LegalMode, Site
from portal.sites.state import CAUSES

DOUBTFUL = 0.5  # probability of a false alarm from which an alert counts as likely false


class AlertState(models.TextChoices):
    NEW = "new", _("New")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    RESOLVED = "resolved", _("Resolved")


class ResolutionReason(models.TextChoices):
    REAL = "real", _("Real")
    FALSE_ALARM = "false_alarm", _("False alarm")
    TEST = "test", _("Test")
    OTHER = "other", _("Other")
    ENDED = "ended", _("Ended by itself")  # of an alert about the house whose cause is gone; nobody chooses it


CHOSEN_REASONS = [choice for choice in ResolutionReason.choices if choice[0] != ResolutionReason.ENDED]


class Alert(models.Model):
    """One occurrence at one camera: events of the same kind and zone join it for a while (kinds.joining). `opened` and `last_t` are times of capture.

    An alert about the house itself (kinds.HOUSE) has a camera, or none when it concerns the whole portal.
    """

    camera = models.ForeignKey(Camera, models.CASCADE, null=True, blank=True, related_name="alerts")
    kind = models.CharField(max_length=40)
    zone = models.CharField(max_length=60, blank=True)
    opened = models.DateTimeField()
    last_t = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    score = models.FloatField(default=0)  # the highest of its events
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)  # of its rule when it was raised
    detail = models.CharField(max_length=300, blank=True)  # of an alert about the house: the figure or reason behind it, no words of a language
    state = models.CharField(max_length=20, choices=AlertState.choices, default=AlertState.NEW)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="assigned_alerts")
    reason = models.CharField(max_length=20, choices=ResolutionReason.choices, blank=True)
    last = models.ForeignKey("alerts.Event", models.SET_NULL, null=True, related_name="+")
    picture = models.CharField(max_length=64, blank=True)  # sha256 of the newest snapshot among its events; from the acknowledgement on it stays
    false_alarm = models.FloatField(null=True)  # the lowest probability that its events name; null: no camera has learned to judge it
    changed = models.DateTimeField(db_index=True)  # any change at all: what a browser that was away asks for
    demo = models.BooleanField(default=False)  # made up for the demo (demo_records.py), and every page says so; no agent can make one

    class Meta:
        ordering = ["-last_t", "-id"]
        indexes = [
            models.Index(fields=["-last_t", "-id"], name="alert_last"),
            models.Index(fields=["-opened"], name="alert_opened"),
            models.Index(fields=["camera", "kind", "zone", "last_t"], condition=~models.Q(state="resolved"), name="alert_open"),
            models.Index(fields=["state", "camera"], name="alert_count"),
        ]

    def __str__(self) -> str:
        return f"{self.kind_label} · {self.camera or 'Specola'}"

    @property
    def fault(self) -> str:
        """What its newest event adds to the kind, as a sentence in the reader's language; mostly nothing."""
        return kinds.detail_of(self.kind, self.last.data) if self.last else ""

    @property
    def kind_label(self) -> str:
        """The kind in the reader's language; a kind this portal does not know yet in plain words."""
        return kinds.label_of(self.kind)

    @property
    def zone_shown(self) -> str:
        """The zone or line as the reader's language has it."""
        return naming.shown(self.zone)

    @property
    def site(self) -> Site | None:
        """Where it is; None when it concerns the whole portal."""
        return self.camera and self.camera.site

    @property
    def about_house(self) -> bool:
        """Whether it is about the house itself (an agent, a disk ...) and closes when its cause ends."""
        return self.kind in kinds.HOUSE

    @property
    def detail_label(self) -> str:
        """The figure or reason behind it in the reader's language."""
        times, by, cause = self.detail.partition(" × ")
        return f"{times}{by}{CAUSES.get(cause, cause)}" if by and self.kind == "agent_restarting" else self.detail

    @property
    def thumbnail(self) -> bool:
        """Whether the newest picture has arrived."""
        return media.exists(self.picture)

    @property
    def doubtful(self) -> bool:
        """Whether it is likely a false alarm: it is shown paler, and never left out."""
        return self.false_alarm is not None and self.false_alarm >= DOUBTFUL


class Event(models.Model):
    """What an agent said, as it said it (federated.contract.events.AgentEvent). `id` is the agent's UUIDv7: sending an event twice stores it once."""

    id = models.UUIDField(primary_key=True)
    camera = models.ForeignKey(Camera, models.CASCADE, related_name="events")
    agent = models.ForeignKey(Agent, models.SET_NULL, null=True, related_name="events")
    alert = models.ForeignKey(Alert, models.SET_NULL, null=True, related_name="events")
    t = models.DateTimeField()  # when the frame was captured, by the agent's clock
    sent = models.DateTimeField(null=True)  # when the agent sent it, by the agent's clock
    received = models.DateTimeField()  # when this portal stored it
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    score = models.FloatField()
    legal_mode = models.CharField(max_length=2)
    detections = models.JSONField(default=list)
    snapshot = models.CharField(max_length=64, null=True)  # sha256; null is "no picture", as the agent says it
    clip = models.CharField(max_length=64, null=True)
    demo = models.BooleanField(default=False)  # made up, as of Alert
    data = models.JSONField(default=dict)
    models = models.JSONField(default=dict)  # the last field: from here on the name means this field

    class Meta:
        ordering = ["camera", "seq"]
        indexes = [
            models.Index(fields=["camera", "seq"], name="event_order"),
            models.Index(fields=["camera", "kind", "t"], name="event_count"),
            models.Index(fields=["snapshot"], condition=models.Q(snapshot__isnull=False), name="event_snapshot"),
            models.Index(fields=["clip"], condition=models.Q(clip__isnull=False), name="event_clip"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.camera} · {self.t:%F %T}"

    @property
    def mode_label(self) -> str:
        """The legal mode it was seen in, with its words."""
        return str(dict(LegalMode.choices).get(self.legal_mode, self.legal_mode))


class HouseCondition(models.Model):
    """Something about the house that is not well now: one row while it lasts, whoever finds it, and the alert that it raised."""

    key = models.CharField(primary_key=True, max_length=120)  # its kind and what it is about: "agent_silent:12"
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, related_name="conditions")  # null: only while it is being raised
    since = models.DateTimeField()
    better = models.DateTimeField(null=True)  # since when it looks as if it had ended; null: it lasts

    def __str__(self) -> str:
        return self.key


class AlertLabel(models.Model):
    """The label that an operator's resolution gives an alert, for its agent to learn from.

    A change of mind is a new row: ids only grow, and an agent asks for those after the last it has.
    """

    id = models.BigAutoField(primary_key=True)
    alert = models.OneToOneField(Alert, models.CASCADE, related_name="label")
    camera = models.ForeignKey(Camera, models.CASCADE, related_name="alert_labels")
    label = models.CharField(max_length=20, blank=True)  # a ResolutionReason; empty: taken back
    t = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["camera", "id"], name="alert_label_order")]

    def __str__(self) -> str:
        return f"{self.alert_id}: {self.label or 'taken back'}"


class HistoryEntry(models.Model):
    """One line of an alert's history: what somebody did, with their words."""

    class Verb(models.TextChoices):
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        ASSIGNED = "assigned", _("assigned")
        RESOLVED = "resolved", _("resolved")
        REOPENED = "reopened", _("reopened")
        NOTE = "note", _("wrote")
        ENDED = "ended", _("ended by itself")
        UNDONE = "undone", _("took it back")
        SENT = "sent", _("sent it to the desk")

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="entries")
    t = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    verb = models.CharField(max_length=20, choices=Verb.choices)
    detail = models.CharField(max_length=120, blank=True)  # the reason, or to whom
    text = models.TextField(blank=True)
    before = models.JSONField(default=dict, blank=True)  # state, reason and assignee before it, for who takes it back

    class Meta:
        ordering = ["t", "id"]

    def __str__(self) -> str:
        return f"{self.author} {self.verb} {self.alert_id}"

    @property
    def detail_label(self) -> str:
        """The detail in the reader's language."""
        words = {self.Verb.RESOLVED: ResolutionReason, self.Verb.UNDONE: self.Verb}.get(self.verb)
        return str(words(self.detail).label) if words and self.detail in words.values else self.detail
