"""Enrolling in a browser: pictures are judged before anything is saved, the browser's camera takes one, a face that is on the list already is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import CHROMIUM, sign_in, wait_until, watched_pages
from tests.e2e.server import Portal, running_portal
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
COUNT = "from portal.people.models import Person, Template; print(Person.objects.count(), Template.objects.count())"
FIRST_S = 30  # the portal loads its nets for the first face


@pytest.fixture
def running(tmp_path) -> Iterator[Portal]:
    with running_portal(tmp_path / "portal") as portal:
        yield portal


@pytest.fixture
def with_camera(chromium, tmp_path) -> Iterator[Browser]:
    """Another Chromium, whose camera shows one of the demo's staff."""
    portrait = cv2.imread(str(STAFF / "custode-2.jpg"))
    frame = np.full((480, 640, 3), 90, np.uint8)
    frame[60:420, 170:470] = portrait
    clip = tmp_path / "camera.mjpeg"
    clip.write_bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() * 5)
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments = [*arguments, f"--use-file-for-fake-video-capture={clip}"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    yield browser
    browser.close()


def test_somebody_is_enrolled_with_a_file_and_the_camera_and_nobody_twice(running, with_camera, tmp_path):
    blank = tmp_path / "wall.png"
    cv2.imwrite(str(blank), np.full((300, 300, 3), 128, np.uint8))
    with watched_pages(with_camera, running.address) as opened:
        page = opened("/sign-in/", {"width": 1920, "height": 1080})
        sign_in(page, "manager@specola.example", running.password)
        page.goto(f"{running.address}/people/")
        expect(page.get_by_text("Nobody is enrolled")).to_be_visible()
        page.get_by_role("button", name="Enrol somebody").click()
        page.get_by_label("Name").fill("Custode 2")
        page.get_by_label("Signed document").fill("folder 7")
        page.get_by_label("Way in without biometrics").fill("badge")
        page.locator("input[type=file]").set_input_files([STAFF / "custode-2.jpg", blank])
        expect(page.locator("#chosen li[data-state=fits]")).to_have_count(1, timeout=patience_ms(FIRST_S))
        expect(page.locator("#chosen li[data-state=problem]")).to_contain_text("no face was found")
        page.get_by_role("button", name="Use this computer's camera").click()
        expect(page.locator("#camera video")).to_be_visible()
        wait_until(page, "document.querySelector('#camera video').videoWidth > 0")
        page.get_by_role("button", name="Take a picture").click()
        expect(page.locator("#chosen li[data-state=fits]")).to_have_count(2)
        assert running.django(COUNT).split() == ["0", "0"]
        page.locator("#chosen li[data-state=problem]").get_by_role("button", name="Remove").click()
        page.get_by_role("button", name="Enrol", exact=True).click()
        expect(page.get_by_role("heading", name="Custode 2")).to_be_visible()
        assert running.django(COUNT).split() == ["1", "2"]
        page.set_viewport_size({"width": 390, "height": 844})

        page.goto(f"{running.address}/people/enrol/")
        page.get_by_label("Name").fill("Somebody else")
        page.get_by_label("Signed document").fill("folder 8")
        page.get_by_label("Way in without biometrics").fill("badge")
        again = tmp_path / "again.jpg"
        cv2.imwrite(str(again), cv2.imread(str(STAFF / "custode-2.jpg")), [cv2.IMWRITE_JPEG_QUALITY, 70])
        expect(page.locator("#alike")).to_be_hidden()
        page.locator("input[type=file]").set_input_files([again])
        expect(page.locator("#chosen li[data-state=alike]")).to_contain_text("looks like Custode 2")
        expect(page.locator("#alike")).to_be_visible()
        page.watched.allow("422")
        page.get_by_role("button", name="Enrol", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text="This looks like Custode 2")).to_be_visible()
        assert running.django(COUNT).split() == ["1", "2"]
        page.goto(f"{running.address}/people/")
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.get_by_role("link", name="Custode 2").click()
        page.locator("summary", has_text="Revoke").click()
        page.get_by_role("button", name="Revoke now").click()
        expect(page.locator("table.staff")).to_contain_text("revoked")
