"""The live wall in a real browser: what each state of a camera looks like, layouts, the way to a camera and to its alert."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from pathlib import Path

import cv2
import psycopg
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE, wait_until
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
FOOTAGE = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "square.webm"
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
SCENE = """
import datetime, pathlib, time
from django.core.cache import cache
from django.utils import timezone
from portal.sites.models import Agent, Camera, Site
later = time.time() + 3600  # frames of a time to come: the test is never too slow for a camera to be live
site = Site.objects.create(slug="walled", name="Museum")
fresh = {{"state": "live", "fps": 5.0, "last_frame_t": later}}
cameras = {{"Live": fresh, "Waiting": fresh, "Dead": fresh, "Bare": None}}
cameras |= {{"Stale": {{**fresh, "last_frame_t": time.time() - 90}}, "Covered": {{**fresh, "state": "tampered"}}}}
for name, camera in cameras.items():
    row = Camera.objects.create(site=site, slug=name.lower(), name=name)
    if camera:
        seen = timezone.now() - datetime.timedelta(minutes=26) if name == "Dead" else timezone.now()
        Agent.objects.create(camera=row, public_key=name, last_seen=seen, health={{"camera": camera}})
    if name in ("Live", "Stale", "Dead", "Covered"):
        cache.set(f"frame:{{row.pk}}", pathlib.Path({frame!r}).read_bytes(), 600)
trio = Site.objects.create(slug="trio", name="Three")
for n in range(3):
    Camera.objects.create(site=trio, slug=f"c{{n}}", name=f"Camera {{n}}")
"""
CALL_S = 1.0
SILENT = """
from django.utils import timezone
from portal.sites.models import Agent
Agent.objects.filter(camera__slug="square").update(last_seen=timezone.now(), health={})
"""
SHOWN = {"Live": "live", "Waiting": "waiting", "Stale": "stale", "Dead": "dead", "Covered": "tampered", "Bare": "none"}
WORDS = {"Live": "Live", "Waiting": "Waiting for a picture", "Stale": "No new picture", "Dead": "Agent silent", "Covered": "Tampered with", "Bare": "No agent"}
COVERED = """(() => {
    const areas = [...document.querySelectorAll(".tile:not([hidden])")].map((tile) => tile.getBoundingClientRect()).map(({ width, height }) => width * height);
    return areas.reduce((sum, area) => sum + area, 0) / (innerWidth * innerHeight);
})()"""


@pytest.fixture(scope="module")
def museum(portal, tmp_path_factory):
    """A site with a camera in each state, and one of three cameras."""
    found, frame = cv2.VideoCapture(str(FOOTAGE)).read()
    assert found
    path = tmp_path_factory.mktemp("wall") / "frame.jpg"
    cv2.imwrite(str(path), frame)
    portal.django(SCENE.format(frame=str(path)))
    with calling(portal):
        yield portal


@contextmanager
def calling(portal):
    """The agents of the scene, but for the dead one, go on calling the portal."""
    over = threading.Event()

    def call() -> None:
        with psycopg.connect(portal.environment["DATABASE_URL"], autocommit=True) as database:
            while not over.wait(CALL_S):
                database.execute("UPDATE sites_agent SET last_seen = now() WHERE public_key = ANY(%s)", [[name for name in SHOWN if name != "Dead"]])

    agents = threading.Thread(target=call)
    agents.start()
    try:
        yield
    finally:
        over.set()
        agents.join()


def tile_of(page, name):
    return page.locator(".tile", has=page.get_by_role("link", name=name, exact=True))


@SIZES
def test_each_state_has_a_sign_a_word_and_a_look_of_its_own(museum, open_page, size):
    page = open_page("/wall/?site=walled", "administrator", size)
    signs = set()
    for name, shown in SHOWN.items():
        tile = tile_of(page, name)
        expect(tile).to_have_attribute("data-shown", shown)
        expect(tile.locator("[data-word]")).to_have_text(WORDS[name])
        expect(tile.locator(".tile-state use")).to_have_attribute("href", f"#sign-{shown}")
        signs.add(tile.locator(".tile-state use").get_attribute("href"))
    assert len(signs) == len(SHOWN)
    expect(tile_of(page, "Dead").locator("[data-veil-age]")).to_have_text("no answer for 26 min")
    expect(page.locator(".tile:visible")).to_have_count(len(SHOWN))
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    expect(tile_of(page, "Live").locator("[data-word]")).to_have_text("Stale: not a live picture", timeout=patience_ms(20))  # the same frame for 8 s
    page.locator(".tile .screen", has=page.get_by_role("img", name="Last picture of Dead", include_hidden=True)).click()
    page.wait_for_url("**/sites/walled/cameras/dead/")


def test_an_operator_chooses_how_many_cameras_stand_on_the_screen(museum, open_page):
    page = open_page("/wall/?site=trio", "administrator")
    expect(page.locator(".tile:visible")).to_have_count(3)
    assert page.evaluate(COVERED) > 0.7
    page.locator("[data-layout='1']").click()
    expect(page.locator(".tile:visible")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(tile_of(page, "Camera 1")).to_be_visible()
    page.reload()
    expect(page.locator(".tile:visible")).to_have_count(1)
    expect(page.locator("[data-layout='1']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("0")
    tile_of(page, "Camera 2").get_by_role("button", name="Show only Camera 2").click()
    expect(tile_of(page, "Camera 2")).to_be_visible()
    expect(page.locator(".tile:visible")).to_have_count(1)
    page.keyboard.press("4")
    page.locator("#wall-site").select_option("walled")
    expect(page.locator(".tile:visible")).to_have_count(4)
    assert "site=walled" in page.url
    page.keyboard.press("f")
    wait_until(page, "document.fullscreenElement?.id === 'wall-page'")


def test_an_open_alert_is_marked_on_its_cameras_tile_and_leads_to_the_inbox(museum, open_page):
    museum.send("gate", kind="object_left", data={"zone": "marked"})
    page = open_page("/wall/?site=miracoli")
    mark = tile_of(page, "Museum gate").locator(".tile-alert")
    expect(mark).to_contain_text("Object left")
    mark.click()
    expect(page.locator("#rows .row", has_text="marked")).to_be_visible()


@SIZES
def test_the_wall_never_calls_a_silent_camera_live(open_page, portal, size):
    portal.django(SILENT)
    tile = tile_of(open_page("/wall/?site=miracoli", size=size), "Square")
    expect(tile.locator("[data-word]")).to_have_text(re.compile("Starting|Agent silent"))  # never "Live"; a full machine opens the page after the 12 s
    expect(tile.locator("[data-word]")).to_have_text("Agent silent", timeout=patience_ms(20))  # it counts as silent after 12 s
    expect(tile.page.locator('.tile[data-shown="live"]')).to_have_count(0)
