"""The worker's part of the house: once a day the audit log is walked and its head anchored."""

from __future__ import annotations

from procrastinate.contrib.django import app

from portal.core import audit_witness, clock_check
from portal.house import actions, anchors


@app.periodic(cron="17 * * * *")
@app.task(name="house.anchor_audit", queue="default", queueing_lock="house.anchor_audit")
def anchor_audit(timestamp: int) -> None:
    """Each hour: write what of today's anchor is missing."""
    anchors.write_today()


@app.periodic(cron="20 3 * * *")
@app.task(name="house.walk_audit", queue="default", queueing_lock="house.walk_audit")
def walk_audit(timestamp: int) -> None:
    """Each night: walk the whole log and compare it with what agents and anchors have stated about it; forget receipts that are too old."""
    actions.walk_audit()
    if not clock_check.jumped():
        audit_witness.forget_old()
