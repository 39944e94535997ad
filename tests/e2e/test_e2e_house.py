"""In a real browser at the desk and on the phone: a camera dies, is an alert, comes back and closes it; a stranger after an acknowledgement is a new alert."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser
SIZES = (DESKTOP, PHONE)
LOOK = """
import datetime
from django.utils import timezone
from portal.alerts import house
from portal.alerts.models import HouseCondition
from portal.sites.models import Agent, ListeningPeriod
ListeningPeriod.objects.update(since=timezone.now() - datetime.timedelta(hours=1))
{before}
house.check()
"""
FOR_90_S = 'Agent.objects.filter(camera__slug="gate").update(last_seen=timezone.now() - datetime.timedelta(seconds=90))'
FOR_LONG_ENOUGH = "house.check(); HouseCondition.objects.exclude(better=None).update(better=timezone.now() - house.WELL)"
CLEAN = """
from portal.alerts import kinds
from portal.alerts.models import Alert
Alert.objects.filter(kind__in=[*kinds.HOUSE, kinds.CAMERA_STALE]).delete()
"""


@pytest.fixture
def house(portal):
    """What the portal itself raised is gone afterwards: other tests share its watch room."""
    yield lambda before="": portal.django(LOOK.format(before=before))
    portal.django(CLEAN)


def call(portal) -> None:
    """A signed heartbeat of the gate's agent, whose camera gives pictures."""
    t = time.time()
    body = {"t": t, "started": t - 600, "camera": {"state": "live", "fps": 5.0, "last_frame_t": t}}
    assert portal.post("gate", "POST", "/api/v1/heartbeat", json.dumps(body).encode()).status_code == 200


def test_a_dead_camera_is_an_alert_that_closes_when_it_comes_back(portal, house, open_page):
    call(portal)
    pages = [open_page(size=size) for size in SIZES]
    for page in pages:
        expect(page.locator("#rows[data-connected=true]")).to_be_attached()
    house(FOR_90_S)
    for page in pages:
        row = page.locator("#rows .row", has_text="Museum gate").filter(has_text="Agent silent: nobody watches")
        expect(row).to_have_count(1)
        expect(row).to_have_attribute("data-state", "new")
    health = open_page("/health/")
    expect(health.locator("body")).to_contain_text("Museum gate: Agent silent")
    house()
    call(portal)
    house(FOR_LONG_ENOUGH)
    for page in pages:
        row = page.locator("#rows .row", has_text="Museum gate").filter(has_text="Agent silent: nobody watches")
        expect(row).to_have_count(1)
        expect(row).to_have_attribute("data-state", "resolved")
        expect(row).to_contain_text("Ended by itself")


def test_a_stranger_after_the_acknowledgement_is_a_new_alert_on_top(portal, open_page):
    zone = f"door-{uuid.uuid4().hex[:8]}"

    def stranger(track: int, seq: int) -> None:
        portal.send("gate", kind="unknown_person", seq=seq, data={"zone": zone, "track": track})

    stranger(7, 1)
    for n, size in enumerate(SIZES, 1):
        page = open_page(f"/?q={zone}", size=size)
        expect(page.locator("#rows[data-connected=true]")).to_be_attached()
        rows = page.locator("#rows .row", has_text=zone)
        expect(rows).to_have_count(n)
        rows.first.click()
        page.locator("[data-do=acknowledge]").first.click()
        expect(page.locator("#pane .state-acknowledged").first).to_be_visible()
        if size == PHONE:
            page.goto(f"{portal.address}/?q={zone}")
            expect(page.locator("#rows[data-connected=true]")).to_be_attached()
        stranger(6 + n, 10 * n)  # whom somebody has seen: the same alert
        expect(rows.first.locator(".times")).to_have_text("×2")
        stranger(7 + n, 10 * n + 1)
        expect(rows).to_have_count(n + 1)
        expect(rows.first).to_have_attribute("data-state", "new")
        expect(rows.nth(1)).to_have_attribute("data-state", "acknowledged")
