"""The audit log: one row for each thing somebody did, chained by hashes so that a changed or missing row shows."""

from __future__ import annotations

from django.db import models


class AuditRow(models.Model):
    """`hash` is SHA-256 over the previous row's hash and this row's content; rows are never changed."""

    t = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200)  # "user:maria@example.org", "agent:<uuid>", "system"
    verb = models.CharField(max_length=80, db_index=True)  # "alert.acknowledged"
    subject = models.CharField(max_length=200, blank=True)  # "alert:12"
    site = models.CharField(max_length=60, blank=True, db_index=True)
    data = models.JSONField(default=dict, blank=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.t:%F %T} {self.actor} {self.verb} {self.subject}"
