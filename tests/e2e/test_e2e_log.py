"""The face log in a browser: a real agent's signed recognition, two people who answer alone, and a door that is recalibrated on its own strangers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import sign_in, watched_pages
from tests.e2e.server import Portal, running_portal
from tests.e2e.test_e2e_door import ENROL

pytestmark = pytest.mark.browser
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
DOOR = """
from django.utils import timezone
from portal.accounts.models import User
from portal.sites import actions, rules
from portal.sites.models import Agent, Camera
from portal.people import doors
camera = Camera.objects.get(slug="{camera}")
Camera.objects.filter(pk=camera.pk).update(kind="door", legal_mode="M1")
manager = User.objects.get(email="manager@specola.example")
whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
watching = {{"zones": [{{"name": "Door", "polygon": whole}}], "rules": [{{"kind": "unknown_person", "zone": "Door", "min_s": 1}}]}}
actions.save_watching(user=manager, camera_id=camera.pk, watching=rules.read(watching))
said = {{"people": 1, "threshold": 0.41, "visits": {{"unknown": 400}}, "scores": {{"110": 380, "130": 20}}}}
Agent.objects.filter(camera=camera).update(health={{"door": said}}, last_seen=timezone.now())
doors.count()
"""


@pytest.fixture
def running(tmp_path) -> Iterator[Portal]:
    with running_portal(tmp_path / "portal") as portal:
        yield portal


def visit(portal: Portal, camera: str, uid: str, snapshot: str | None) -> None:
    """The door's agent says that somebody came, and that the visit is over."""
    now = time.time()
    about = {"visit": "ab" * 16, "person": uid, "started": now - 6, "frames": 9, "score": 0.72, "threshold": 0.41}
    about |= {"people": 1, "gallery_version": 2, "net": "face-embedding", "zone": "Door"}
    models = {"face-embedding": "c" * 64}
    portal.send(camera, kind="recognised", legal_mode="M1", data=about, models=models, snapshot=snapshot)
    portal.send(camera, kind="recognised", legal_mode="M1", data={**about, "ended": now}, models=models, seq=2)


def test_two_people_verify_alone_and_then_the_door_is_recalibrated(running, chromium):
    camera = next(iter(running.agents))
    running.django(DOOR.format(camera=camera))
    uid = running.django(ENROL.format(picture="custode-3", seconds=86_400)).split()[0]
    visit(running, camera, uid, running.keep((STAFF / "custode-3.jpg").read_bytes(), camera))
    with watched_pages(chromium, running.address) as opened, watched_pages(chromium, running.address) as other:
        manager = opened("/sign-in/", {"width": 1920, "height": 1080})
        sign_in(manager, "manager@specola.example", running.password)
        manager.goto(f"{running.address}/people/doors/")
        expect(manager.get_by_role("button", name="Recalibrate")).to_be_disabled()
        manager.get_by_role("link", name=re.compile("is not verified")).click()
        manager.locator("table.log a").click()
        expect(manager.get_by_role("img", name="The face at the door")).to_be_visible()
        manager.get_by_role("button", name="Yes, it is this person").click()
        expect(manager.get_by_text("stays closed until a second person")).to_be_visible()

        operator = other("/sign-in/", {"width": 390, "height": 844})
        sign_in(operator, "operator@specola.example", running.password)
        operator.goto(manager.url)
        expect(operator.get_by_text("One person has answered")).to_be_visible()
        expect(operator.locator(".given")).to_have_count(0)
        operator.get_by_role("button", name="Yes, it is this person").click()
        expect(operator.get_by_text("Right person")).to_be_visible()
        expect(operator.locator(".given li")).to_have_count(2)
        operator.goto(f"{running.address}/people/log/")

        manager.goto(f"{running.address}/people/doors/")
        manager.get_by_role("button", name="Recalibrate").click()
        expect(manager.get_by_text(re.compile("asks for a likeness of its own: 0.3"))).to_be_visible()
        manager.set_viewport_size({"width": 390, "height": 844})
        manager.get_by_role("button", name="Back to the list's").click()
        expect(manager.get_by_text("follows from the list (1 person)")).to_be_visible()
