"""A camera's life in a browser: renamed, moved on the plan, its address tried by the agent's own code on a real stream, switched off, deleted; zones."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import expect

from federated.contract.heartbeat import CameraStatus, Heartbeat, HeartbeatAnswer
from federated.trust.signing import public_text
from federated.trust.staff_list import load_or_make_box_key
from site_agents.clock import Clock
from site_agents.link import PortalLink, parsed
from site_agents.portal_source import PortalSource
from site_agents.signed_config import Identity, SignedConfig
from tests.e2e.conftest import DESKTOP, PHONE, wait_until
from tests.mjpeg_camera import PASSWORD, mjpeg_camera
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
TRIED_S = 40
MAKE = """
from portal.sites.models import Agent, Camera, Site
site, _ = Site.objects.get_or_create(slug="tower", defaults={{"name": "Tower"}})
camera = Camera.objects.create(site=site, slug="{slug}", name="Stairs {slug}")
print(Agent.objects.create(camera=camera, public_key="{key}").pk)
"""


class BoxAgent(threading.Thread):
    """The agent's own code for addresses, and heartbeats around it; no pictures, so that the browser has the machine for itself."""

    def __init__(self, portal, folder, slug: str) -> None:
        super().__init__(daemon=True)
        key = Ed25519PrivateKey.generate()
        number = portal.django(MAKE.format(slug=slug, key=public_text(key))).strip()
        self.link, self.stopping, self.version = PortalLink(portal.address, key, number, Clock()), threading.Event(), 0
        public = portal.django("from portal.sites.config import portal_key\nfrom federated.trust.signing import public_text\nprint(public_text(portal_key()))")
        folder.mkdir()
        identity, box = Identity("tower", slug, public.strip()), load_or_make_box_key(folder / "gallery.key")
        self.source = PortalSource(folder, identity, self.link, box, lambda: SignedConfig(version=1))

    def run(self) -> None:
        while not self.stopping.wait(0.5):
            status = CameraStatus(state="live", last_frame_t=time.time())
            beat = Heartbeat(t=time.time(), config_version=self.version, camera=status, **self.source.status())
            answer = parsed(HeartbeatAnswer, self.link.call("POST", "/heartbeat", beat.to_json()))
            self.version = answer.config["version"] if answer.config else self.version
            if answer.source:
                self.source.take(answer.source)


@contextmanager
def agent(portal, folder, slug: str) -> Iterator[BoxAgent]:
    running = BoxAgent(portal, folder, slug)
    running.start()
    try:
        yield running
    finally:
        running.stopping.set()
        running.join(20)
        running.link.close()


def tried(page, address: str, password: str = ""):
    """Type an address, press Test, and wait for what the agent says."""
    page.get_by_label("Address of the stream").fill(address)
    page.get_by_label("User name").fill("admin" if password else "")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Test", exact=True).click()
    found = page.locator("#source-result .notice:not(:has(progress))")
    expect(found).to_be_visible(timeout=patience_ms(TRIED_S))
    assert PASSWORD not in page.content()
    return found


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_camera_is_renamed_moved_tested_switched_off_and_deleted(portal, open_page, tmp_path, size):
    slug = f"stairs-{size['width']}"
    with agent(portal, tmp_path / "agent", slug) as box, mjpeg_camera() as camera:
        page = open_page(f"/sites/tower/cameras/{slug}/settings/", "manager", size)
        page.get_by_label("Name", exact=True).fill("Bell stairs")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Bell stairs")).to_be_visible()
        page.get_by_role("button", name="Settings").click()

        expect(tried(page, f"http://{camera}/stream", "wrong")).to_contain_text("does not accept this user name and password")
        page.locator("#source-result").evaluate("place => place.replaceChildren()")
        good = tried(page, f"http://{camera}/stream", PASSWORD)
        expect(good).to_contain_text("MJPEG")
        expect(good).to_contain_text("320 × 240")
        expect(good).to_contain_text(re.compile(r"(9[5-9]|10[0-5]) s ahead"))  # AHEAD_S, in whole seconds of a header
        wait_until(page, "document.querySelector('.source-good img').naturalWidth === 320")
        page.get_by_role("button", name="Use this address").click()
        expect(page.get_by_text(f"http://admin:***@{camera}/stream").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        upload_and_move(page, portal, tmp_path)

        page.goto(f"/sites/tower/cameras/{slug}/settings/")
        expect(page.get_by_text("the agent reads it")).to_be_visible()
        assert box.source.address.startswith("http://admin:p%23")
        page.locator("#off-reason").fill("Works on the roof")
        page.get_by_role("button", name="Switch off").click()
        expect(page.locator("#state")).to_have_text("Switched off")
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("button", name="Delete …").click()
        expect(page.get_by_role("row", name="Rows of the face log")).to_contain_text("kept until their own end date")
        page.locator("#typed").fill("Bell stairs")
        box.stopping.set()
        page.get_by_role("button", name="Delete for good").click()
        expect(page.get_by_text("The camera Bell stairs is deleted.")).to_be_visible()


def upload_and_move(page, portal, tmp_path) -> None:
    """A plan, and the camera dragged on it, then moved with the keys."""
    plan = tmp_path / "plan.png"
    cv2.imwrite(str(plan), np.full((300, 400, 3), 235, np.uint8))
    page.goto("/sites/tower/settings/")
    page.locator("#plan-file").set_input_files(str(plan))
    page.get_by_role("button", name="Upload").click()
    pin = page.locator("#plan .pin-icon")
    expect(pin).to_have_count(1)
    page.get_by_role("button", name="Move cameras").click()
    page.locator("#plan").scroll_into_view_if_needed()
    at = pin.bounding_box()
    page.mouse.move(at["x"] + 22, at["y"] + 22)
    page.mouse.down()
    page.mouse.move(at["x"] + 72, at["y"] + 42, steps=5)
    page.mouse.up()
    hint = page.locator("#plan-hint")
    expect(hint).to_have_text("Bell stairs is moved and saved.")
    x, _y, heading = place_of(portal)
    assert (x > 0.52, heading) == (True, 0.0)
    hint.evaluate("place => (place.textContent = '')")
    pin.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("]")
    expect(hint).to_have_text("Bell stairs is moved and saved.")
    moved, _y, heading = place_of(portal)
    assert (abs(x - moved - 0.05) < 0.002, heading) == (True, 15.0)


def place_of(portal) -> list[float]:
    code = "from portal.sites.models import Camera\nc = Camera.objects.get(site__slug='tower', name='Bell stairs')\nprint(c.plan_x, c.plan_y, c.heading)"
    return [float(each) for each in portal.django(code).split()]


def test_zones_that_cross_are_untangled_unused_ones_are_named_and_keys_keep_the_focus(portal, open_page, tmp_path):
    with agent(portal, tmp_path / "agent", "zones"):
        page = open_page("/sites/tower/cameras/zones/", "manager", DESKTOP)
        page.get_by_role("button", name="Add a zone").click()
        stage = page.locator("#drawing").bounding_box()
        for x, y in ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8)):
            page.mouse.click(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
        page.keyboard.press("Enter")
        advice = page.locator("#zones .advice")
        expect(advice).to_contain_text("edges cross each other")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#save-problem")).to_contain_text("edges cross each other")
        page.get_by_role("button", name="Untangle").click()
        expect(advice).to_contain_text("No rule uses this zone")
        box = page.locator("#zones input[type=checkbox]").first
        box.focus()
        page.keyboard.press("Space")
        expect(box).to_be_checked()
        expect(box).to_be_focused()
        expect(advice).to_be_hidden()
        page.locator("#zones select").first.select_option(label="high")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#saved")).to_contain_text("Saved as version 2")
        expect(page.locator("#agent-has")).to_have_text(re.compile("The agent watches with version 2"), timeout=patience_ms(TRIED_S))
        page.reload()
        expect(page.locator("#zones select").first).to_have_value("3")
