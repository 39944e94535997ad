"""The audit log: one row for each thing somebody did, chained by hashes so that a changed or missing row shows, and what agents have witnessed of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class AuditRow(models.Model):
    """`seq` counts from 1 without a gap; `hash` is SHA-256 over the previous row's hash and this row's content; rows are never changed."""

    seq = models.BigIntegerField(unique=True)
    t = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200)  # "user:maria@example.org", "agent:<uuid>", "system"
    verb = models.CharField(max_length=80, db_index=True)  # "alert.acknowledged"
    subject = models.CharField(max_length=200, blank=True)  # "alert:12"
    site = models.CharField(max_length=60, blank=True, db_index=True)
    data = models.JSONField(default=dict, blank=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["seq"]
        indexes = [models.Index(fields=["subject", "seq"], name="audit_subject")]  # a case's custody is read by its subject

    def __str__(self) -> str:
        return f"{self.t:%F %T} {self.actor} {self.verb} {self.subject}"


class AuditWitness(models.Model):
    """The last receipt of an hour with which an agent stated which head of the log it was given: an AuditReceipt, and the key that signed it."""

    agent = models.CharField(max_length=40)
    hour = models.DateTimeField(db_index=True)
    seq = models.BigIntegerField()
    receipt = models.JSONField()
    public_key = models.CharField(max_length=60)

    class Meta:
        ordering = ["seq", "agent"]
        constraints = [models.UniqueConstraint(fields=["agent", "hour"], name="one_witness_an_hour")]

    def __str__(self) -> str:
        return f"{self.agent} at row {self.seq}"


class AuditFinding(models.Model):
    """The log is not what it was: a receipt that contradicts it (`agent`), or, without one, a row at which the chain itself breaks. Kept once for each.

    `expected` is the hash that the witness was given for row `seq`, `found` the one there is now ("": no such row). Open until somebody has settled it.
    """

    seq = models.BigIntegerField()
    expected = models.CharField(max_length=64, blank=True)
    found = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=40, blank=True)
    site = models.CharField(max_length=80, blank=True)
    receipt = models.JSONField(null=True, blank=True)
    public_key = models.CharField(max_length=60, blank=True)
    own_signature = models.BooleanField(default=False)  # the head carries this portal's own signature: the agent cannot have made it up
    noticed = models.DateTimeField(default=timezone.now)
    settled = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["seq", "expected", "agent"], name="one_finding_a_witness")]

    def __str__(self) -> str:
        return f"row {self.seq} is not as {self.agent or 'the chain'} has it"
