"""Sites, cameras, what each camera watches for, and the agents that do the watching."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.staticfiles import finders
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from federated.contract.heartbeat import Heartbeat
from federated.contract.message import ContractError
from portal.core.naming import NameField, NoteField
from portal.core.severity import Severity


def _in_language(plan: str) -> str:
    """A static plan with its words in the reader's language, where we ship one: plans/square.it.svg beside plans/square.svg."""
    stem, dot, suffix = plan.rpartition(".")
    other = f"{stem}.{get_language()}.{suffix}"
    return other if dot and finders.find(other) else plan


class LegalMode(models.TextChoices):
    M0 = "M0", _("M0 · no biometrics")
    M1 = "M1", _("M1 · enrolled staff at restricted doors")


class Present(models.Manager):
    """Rows that were not deleted. What must stay for the law's sake keeps pointing at a deleted one."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(deleted=None)


class Site(models.Model):
    """A heritage site. Its plan is an uploaded picture (`plan_picture`) or a static one (`plan`); camera positions are fractions of its width and height.

    A deleted site keeps its row, so that its short name, of which the audit log speaks, is never given again.
    """

    slug = models.SlugField(unique=True)
    name = NameField(max_length=120)
    place = models.CharField(max_length=120, blank=True)
    note = NoteField(blank=True)
    latitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)])
    plan = models.CharField(max_length=200, blank=True)
    plan_picture = models.CharField(max_length=64, blank=True)  # sha256 of an uploaded plan; it comes before `plan`
    people_version = models.PositiveIntegerField(default=1)  # of the staff list: rises with every change of it
    kept_days = models.PositiveSmallIntegerField(default=30, validators=[MinValueValidator(1), MaxValueValidator(365)])  # pictures, clips, closed alerts
    biometrics_stopped = models.BooleanField(default=False)  # the stop button: halts every biometric function at once
    deleted = models.DateTimeField(null=True, blank=True)

    objects = Present()
    every = models.Manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A deleted site's short name is not given again: the audit log still speaks of it."""
        if Site.every.exclude(pk=self.pk).exclude(deleted=None).filter(slug=self.slug).exists():
            raise ValidationError({"slug": _("A site that was deleted had this short name, and the audit log speaks of it: choose another.")})

    @property
    def plan_address(self) -> str:
        """Where a browser finds the plan; "" when there is none."""
        if self.plan_picture:
            return reverse("sites:plan", args=[self.slug, self.plan_picture[:12]])
        return static(_in_language(self.plan)) if self.plan else ""


class Camera(models.Model):
    """One view of a site. `legal_mode` is the most that its agent may do; `config_version` rises with every change of what it watches for.

    Switched off, its agent sees black and watches for nothing. Deleted, its row stays for the face log, the audit log and the votes of training.
    """

    class Kind(models.TextChoices):
        FIXED = "fixed", _("Fixed camera")
        DOOR = "door", _("Door camera")
        DRONE = "drone", _("Drone")

    site = models.ForeignKey(Site, models.CASCADE, related_name="cameras")
    slug = models.SlugField()
    name = NameField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.FIXED)
    note = NameField(max_length=300, blank=True)  # where the pictures come from, shown on the page
    legal_mode = models.CharField(max_length=2, choices=LegalMode.choices, default=LegalMode.M0)
    plan_x = models.FloatField(default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)])
    plan_y = models.FloatField(default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)])
    heading = models.FloatField(default=0)  # degrees clockwise from the plan's top
    masks = models.JSONField(default=list, blank=True)  # privacy masks: polygons [[x, y], ...] in fractions of the picture
    config_version = models.PositiveIntegerField(default=1)
    view = models.PositiveIntegerField(default=0)  # rises when a person accepts what a turned camera sees now as its view
    switched_off = models.DateTimeField(null=True, blank=True)
    deleted = models.DateTimeField(null=True, blank=True)

    objects = Present()
    every = models.Manager()

    class Meta:
        ordering = ["site", "slug"]
        constraints = [models.UniqueConstraint(fields=["site", "slug"], condition=models.Q(deleted=None), name="camera_slug_in_site")]

    def __str__(self) -> str:
        return f"{self.site} · {self.name}"


class Zone(models.Model):
    """A named polygon in a camera's picture; points are fractions of its width and height."""

    camera = models.ForeignKey(Camera, models.CASCADE, related_name="zones")
    name = NameField(max_length=60)
    polygon = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["camera", "name"], name="zone_name_in_camera")]

    def __str__(self) -> str:
        return self.name


class Line(models.Model):
    """A counting line from a to b, in fractions; looking from a to b, side a is on the left."""

    camera = models.ForeignKey(Camera, models.CASCADE, related_name="lines")
    name = NameField(max_length=60)
    a = models.JSONField()
    b = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["camera", "name"], name="line_name_in_camera")]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """What makes an event: a kind, the zone or line it is about, its parameters (min_s, threshold, ...), and how much its alerts matter."""

    camera = models.ForeignKey(Camera, models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=40)
    zone = models.ForeignKey(Zone, models.CASCADE, null=True, blank=True)
    line = models.ForeignKey(Line, models.CASCADE, null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)
    enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.kind} ({self.zone or self.line or '-'})"


class Agent(models.Model):
    """The program that watches one camera: its keys, and what its last heartbeat said."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    camera = models.ForeignKey(Camera, models.CASCADE, related_name="agents")
    public_key = models.CharField(max_length=60, unique=True)  # Ed25519, base64
    node_public_key = models.TextField(blank=True)  # EC P-384, OpenSSH
    node_id = models.CharField(max_length=40, blank=True)  # Flower's number for its SuperNode
    enrolled = models.DateTimeField(default=timezone.now)
    revoked = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    silence_noticed = models.DateTimeField(null=True, blank=True)  # when others were told that it fell silent; older than `last_seen`: it came back
    clock_skew = models.FloatField(default=0)  # seconds, this portal's clock minus the agent's
    health = models.JSONField(default=dict, blank=True)  # the last heartbeat that was understood; read it as `heartbeat`
    contract_problem = models.CharField(max_length=300, blank=True)  # why the newest heartbeat was refused; "": it was understood
    contract_refused = models.DateTimeField(null=True, blank=True)  # when that was
    fields_dropped = models.PositiveIntegerField(default=0)  # of the last heartbeat, because it speaks a newer version of the contract
    certificate = models.TextField(blank=True)  # PEM; "": enrolled before there were certificates, until it renews its keys
    certificate_serial = models.CharField(max_length=40, blank=True)
    certificate_issued = models.DateTimeField(null=True, blank=True)
    certificate_not_after = models.DateTimeField(null=True, blank=True)
    rotated = models.DateTimeField(null=True, blank=True)  # when it last came with new keys
    renew_asked = models.DateTimeField(null=True, blank=True)  # an administrator wants new keys; null again when they have come
    next_node_id = models.CharField(max_length=40, blank=True)  # the new key's node, until it is online and becomes `node_id`
    former_node_ids = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # let go when it was revoked; of replaced keys: FormerKeys
    overlap_until = models.DateTimeField(null=True, blank=True)  # the keys before are believed too; null: only the present ones
    former = None  # not stored: the FormerKeys with which this call was signed; None: with the present key
    _parsed = (None, None)  # not stored: (health, the Heartbeat in it)

    def __str__(self) -> str:
        return f"{self.camera} · {str(self.id)[:8]}"

    def note_former_nodes(self, *numbers: str) -> None:
        """Keep the numbers of nodes that it is about to lose, unsaved: model cards and votes still name its camera by them."""
        self.former_node_ids = list(dict.fromkeys([*self.former_node_ids, *filter(None, numbers)]))

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The last heartbeat that was understood; None before the first, and when what is stored is of no version that is understood here.

        What enrolment leaves holds versions and no time: its `t` is 0.
        """
        if self._parsed[0] is not self.health:
            self._parsed = (self.health, _stored(self.health))
        return self._parsed[1]


def _stored(health: object) -> Heartbeat | None:
    try:
        return Heartbeat.parse({"t": 0.0, **health}) if isinstance(health, dict) and health else None
    except ContractError:
        return None


class FormerKeys(models.Model):
    """Keys that an agent has replaced. Kept: what a node did in a run then still names its camera, and no key is ever used twice."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="former_keys")
    public_key = models.CharField(max_length=60, unique=True)
    certificate_serial = models.CharField(max_length=40, blank=True)
    certificate_not_after = models.DateTimeField(null=True, blank=True)
    node_public_key = models.TextField(blank=True)
    node_id = models.CharField(max_length=40, blank=True)
    replaced = models.DateTimeField(default=timezone.now)
    retired = models.DateTimeField(null=True, blank=True)  # believed no more since then
    node_gone = models.DateTimeField(null=True, blank=True)  # the SuperLink refuses its node since then

    def __str__(self) -> str:
        return f"{self.agent} until {self.replaced:%Y-%m-%d}"


class EnrolmentCode(models.Model):
    """A one-time code that lets one agent enrol for one camera; only its hash is kept."""

    camera = models.ForeignKey(Camera, models.CASCADE)
    code_sha256 = models.CharField(max_length=64, unique=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"code for {self.camera}"


class CameraSource(models.Model):
    """Where a camera's agent reads its pictures, when the portal says so and not agent.toml. `address` has no password in it.

    The whole address is sealed for the one agent that reads it (federated/trust/sealed.py): the portal itself cannot open it again.
    """

    camera = models.OneToOneField(Camera, models.CASCADE, related_name="source")
    agent = models.ForeignKey(Agent, models.CASCADE)
    edition = models.UUIDField(default=uuid.uuid4)  # the agent reports which one it reads
    address = models.CharField(max_length=500)
    sealed = models.TextField()
    set = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.camera}: {self.address}"


class SourceTest(models.Model):
    """One try of an address by a camera's agent: asked for, given to the agent with a heartbeat's answer, answered or given up. The newest counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    agent = models.ForeignKey(Agent, models.CASCADE, related_name="source_tests")
    address = models.CharField(max_length=500)
    sealed = models.TextField(blank=True)  # emptied when it is over and not to be used
    asked = models.DateTimeField(default=timezone.now)
    given = models.DateTimeField(null=True, blank=True)
    answered = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)  # of federated.contract.source_test
    result = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-asked"]

    def __str__(self) -> str:
        return f"{self.agent}: {self.address} {self.outcome}"


class ListeningPeriod(models.Model):
    """One row: the newest time without a gap in which a portal process took agents' calls (portal/sites/listening.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    since = models.DateTimeField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.since:%F %T} to {self.until:%F %T}"
