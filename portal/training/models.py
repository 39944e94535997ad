"""Federated runs, what each site gave in each round, and the models they ended in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core import media


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")


class ModelState(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    CANARY = "canary", _("Canary")
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")
    ROLLED_BACK = "rolled back", _("Rolled back")


class Run(models.Model):
    """One federated run. `plan` holds the fields of federated.contract.run_plan.RunPlan; `reason` says why it ended, `note` what it is waiting for."""

    task = models.CharField(max_length=40)
    plan = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=RunState.choices, default=RunState.QUEUED)
    reason = models.TextField(blank=True)
    note = models.CharField(max_length=300, blank=True)
    flower_id = models.CharField(max_length=40, blank=True)
    last_seq = models.PositiveIntegerField(default=0)  # the last event of the run that was stored
    gate = models.JSONField(default=dict, blank=True)
    progress = models.JSONField(default=dict, blank=True)  # of the round or vote that goes on: phase, round, rounds, asked, answered, t (its beginning)
    privacy = models.JSONField(default=dict, blank=True)  # what was promised and spent so far, as federated.learning.privacy.statement says it
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    resumes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="resumed")  # the run from whose checkpoint it goes on
    bytes_sent = models.BigIntegerField(default=0)  # over the wire to all sites, as the SuperLink counted them
    bytes_received = models.BigIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    began = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in (RunState.COMPLETED, RunState.FAILED, RunState.STOPPED)


class RunRound(models.Model):
    """One finished round: mean training loss of the accepted sites, and seconds."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    loss = models.FloatField(null=True)
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_round")]

    def __str__(self) -> str:
        return f"{self.run} round {self.number}"


class RunNode(models.Model):
    """What one site did in one round: accepted, rejected, late or failed, with the reason; bytes over the wire, L2 norm of its update."""

    round = models.ForeignKey(RunRound, models.CASCADE, related_name="sites")
    node = models.CharField(max_length=40)
    camera = models.ForeignKey("sites.Camera", models.SET_NULL, null=True, blank=True)
    status = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    samples = models.PositiveIntegerField(null=True)
    loss = models.FloatField(null=True)
    bytes_down = models.BigIntegerField(default=0)
    bytes_up = models.BigIntegerField(default=0)
    update_norm = models.FloatField(null=True)
    cosine = models.FloatField(null=True)  # of its update with the root's, where the portal has a root set
    epsilon = models.FloatField(null=True)  # local privacy: what it says it has spent in this run so far

    class Meta:
        ordering = ["node"]
        constraints = [models.UniqueConstraint(fields=["round", "node"], name="one_site_a_round")]

    def __str__(self) -> str:
        return f"{self.camera or self.node}: {self.status}"


class Schedule(models.Model):
    """One run of a task each night at `hour` (local time), while agents are idle and on mains power. `note` says why the last night brought none."""

    task = models.CharField(max_length=40, unique=True)
    plan = models.JSONField(default=dict)
    hour = models.PositiveSmallIntegerField(default=2)
    enabled = models.BooleanField(default=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    night = models.DateField(null=True, blank=True)  # the last one that is settled: a run was started, or given up
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["task"]

    def __str__(self) -> str:
        return f"{self.task} at {self.hour}:00"


class ModelVersion(models.Model):
    """Weights of a detector with their card. At most one version of a detector is published; `parent` is what was current when it was trained."""

    detector = models.CharField(max_length=40)
    version = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    card = models.JSONField(default=dict)
    signature = models.CharField(max_length=120)  # Ed25519 over the model document, base64
    state = models.CharField(max_length=20, choices=ModelState.choices, default=ModelState.CANDIDATE)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    run = models.OneToOneField(Run, models.SET_NULL, null=True, blank=True, related_name="model")
    created = models.DateTimeField(auto_now_add=True)
    published = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["detector", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["detector"], condition=models.Q(state="published"), name="one_published"),
            models.UniqueConstraint(fields=["detector"], condition=models.Q(state="canary"), name="one_canary"),
        ]

    def __str__(self) -> str:
        return f"{self.detector} {self.version}"

    @property
    def here(self) -> bool:
        """Whether the file is in the media store."""
        return media.exists(self.sha256)


class ModelOutcome(models.Model):
    """What an agent said of a model it was asked to run: installed, refused, failed at work (and given back), or rolled back."""

    agent = models.ForeignKey("sites.Agent", models.CASCADE, related_name="outcomes")
    detector = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    ms = models.FloatField(null=True, blank=True)  # mean processor time of a frame in the self-test
    budget_ms = models.FloatField(null=True, blank=True)  # what this camera allows
    t = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.agent}: {self.sha256[:12]} {self.outcome}"


class Canary(models.Model):
    """A version at work at chosen cameras while the others stay with the one before; `outcome` is "published" or "rolled back", empty while it goes on."""

    model = models.ForeignKey(ModelVersion, models.CASCADE, related_name="canaries")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    began = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    automatic = models.BooleanField(default=False)  # a figure left its band, nobody clicked

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"canary of {self.model}"


class CanaryCamera(models.Model):
    """A camera that tries the version; `installed` is when its agent first said that it runs it."""

    canary = models.ForeignKey(Canary, models.CASCADE, related_name="cameras")
    camera = models.ForeignKey("sites.Camera", models.CASCADE)
    installed = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["camera__name", "id"]
        constraints = [models.UniqueConstraint(fields=["canary", "camera"], name="one_camera_a_canary")]

    def __str__(self) -> str:
        return f"{self.camera}: {self.canary}"


class Compared(models.Model):
    """What one start of a camera's agent has counted: frames that the canary and the version before both looked at, and who raised an alarm."""

    row = models.ForeignKey(CanaryCamera, models.CASCADE, related_name="compared")
    agent = models.ForeignKey("sites.Agent", models.CASCADE)
    began = models.FloatField()  # Unix seconds by the agent's clock: another number is another start, its counts begin at nought
    before = models.CharField(max_length=64, blank=True)  # sha256 of the version before
    both = models.PositiveBigIntegerField(default=0)
    neither = models.PositiveBigIntegerField(default=0)
    only_new = models.PositiveBigIntegerField(default=0)
    only_old = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveBigIntegerField(default=0)  # frames left out so that watching is not slowed
    old_ms = models.FloatField(default=0)
    new_ms = models.FloatField(default=0)
    ended = models.CharField(max_length=300, blank=True)  # why the version before stopped looking

    class Meta:
        ordering = ["began", "id"]
        constraints = [models.UniqueConstraint(fields=["row", "agent", "began"], name="one_start_a_camera")]

    def __str__(self) -> str:
        return f"{self.row}: {self.frames} frames"

    @property
    def frames(self) -> int:
        """Frames compared."""
        return self.both + self.neither + self.only_new + self.only_old


class Disagreement(models.Model):
    """One frame at which only one of the two versions raised an alarm; the picture (by its sha256) may still be on its way."""

    row = models.ForeignKey(CanaryCamera, models.CASCADE, related_name="disagreements")
    t = models.DateTimeField()
    old_score = models.FloatField()
    new_score = models.FloatField()
    threshold = models.FloatField()
    snapshot = models.CharField(max_length=64, db_index=True)
    received = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-t"]
        constraints = [models.UniqueConstraint(fields=["row", "snapshot"], name="one_picture_a_camera")]

    def __str__(self) -> str:
        return f"{self.row}: {self.old_score:.2f} / {self.new_score:.2f}"

    @property
    def only_new(self) -> bool:
        """Whether it is the canary that raised it."""
        return self.new_score >= self.threshold

    @property
    def here(self) -> bool:
        """Whether the picture has come."""
        return media.exists(self.snapshot)


class Sample(models.Model):
    """One minute of an agent, from its heartbeat: milliseconds of all stages of a frame, when its program began, frames taken and dropped so far."""

    agent = models.ForeignKey("sites.Agent", models.CASCADE, related_name="samples")
    t = models.DateTimeField(default=timezone.now)
    latency_ms = models.FloatField(null=True)
    started = models.FloatField(null=True)  # Unix seconds by the agent's clock: another number is another start
    fps = models.FloatField(null=True)
    dropped = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["t"]
        indexes = [models.Index(fields=["agent", "t"], name="sample_of_agent"), models.Index(fields=["t"], name="sample_time")]

    def __str__(self) -> str:
        return f"{self.agent} {self.t:%H:%M}"
