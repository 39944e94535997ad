"""How each channel last did, for the Health page."""

from __future__ import annotations

from django.db import models


class ChannelState(models.Model):
    """One channel; a channel that was never used has none."""

    name = models.CharField(primary_key=True, max_length=60)
    delivered = models.DateTimeField(null=True)
    failed = models.DateTimeField(null=True)  # the last attempt that failed
    failure = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        """Whether its last attempt failed."""
        return self.failed is not None and (self.delivered is None or self.failed > self.delivered)
