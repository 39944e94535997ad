"""Pages of training: the runs and the rollout of what they end in."""

from __future__ import annotations

from django.urls import path

from portal.training import metrics
from portal.training.rollout.urls import urlpatterns as rollout
from portal.training.runs.urls import urlpatterns as runs

app_name = "training"
urlpatterns = [*runs, *rollout, path("metrics", metrics.page, name="metrics")]
