"""Federated runs, what each site gave in each round, and the models they ended in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
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
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")
    ROLLED_BACK = "rolled back", _("Rolled back")


class Run(models.Model):
    """One federated run. `plan` holds the fields of federated.plan.RunConfig; `reason` says why it ended, `note` what it is waiting for."""

    task = models.CharField(max_length=40)
    plan = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=RunState.choices, default=RunState.QUEUED)
    reason = models.TextField(blank=True)
    note = models.CharField(max_length=300, blank=True)
    flower_id = models.CharField(max_length=40, blank=True)
    last_seq = models.PositiveIntegerField(default=0)  # the last event of the run that was stored
    gate = models.JSONField(default=dict, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
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

    class Meta:
        ordering = ["node"]
        constraints = [models.UniqueConstraint(fields=["round", "node"], name="one_site_a_round")]

    def __str__(self) -> str:
        return f"{self.camera or self.node}: {self.status}"


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
        constraints = [models.UniqueConstraint(fields=["detector"], condition=models.Q(state="published"), name="one_published")]

    def __str__(self) -> str:
        return f"{self.detector} {self.version}"

    @property
    def here(self) -> bool:
        """Whether the file is in the media store."""
        return media.exists(self.sha256)


class ModelOutcome(models.Model):
    """What an agent said of a model it was asked to run: installed, refused or rolled back."""

    agent = models.ForeignKey("sites.Agent", models.CASCADE, related_name="outcomes")
    detector = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    t = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.agent}: {self.sha256[:12]} {self.outcome}"
