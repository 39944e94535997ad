"""Addresses under /api/v1 for runs and models."""

from __future__ import annotations

from portal.training.rollout.api import urlpatterns as rollout
from portal.training.runs.api import urlpatterns as runs

urlpatterns = [*rollout, *runs]
