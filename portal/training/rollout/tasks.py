"""The worker's part: watch canaries, forget their pictures."""

from __future__ import annotations

from procrastinate.contrib.django import app

from portal.core import clock_check
from portal.core.periodic import for_each
from portal.training.rollout import canary, canary_comparison, canary_figures


@app.periodic(cron="* * * * *")
@app.task(name="training.watch_canaries", queue="default", queueing_lock="training.watch_canaries")
def watch_canaries(timestamp: int) -> None:
    """Every minute: keep how each agent is, and take back a canary whose figures have left their limits."""
    for_each((canary_figures.take_samples, canary.watch_all), lambda step: step())


@app.periodic(cron="41 4 * * *")
@app.task(name="training.forget_pictures", queue="default", queueing_lock="training.forget_pictures")
def forget_pictures(timestamp: int) -> None:
    """Every night: delete the pictures of canaries that are long over."""
    if not clock_check.jumped():
        canary_comparison.forget_old_pictures()
