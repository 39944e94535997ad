"""The Square of Miracles as a newcomer meets it: `manage.py up`, the printed password, cameras that are alive, alerts that come by themselves."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE, loaded_again_until, sign_in, wait_until, watched_pages
from tests.waiting import patience_ms, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
CAMERAS = {"Staff gate", "Square", "Drone", "Museum room"}
SOON = 60  # seconds: somebody walks into a zone of the demo's clips every few seconds, on a loaded machine less often
EVENTS = "[...document.querySelectorAll('#rows .row')].map((row) => row.dataset.event)"


def new_row(page):
    """The row of an event that came while the page was open; the page was never loaded again."""
    expect(page.locator("#rows[data-connected=true]")).to_be_attached()
    earlier = page.evaluate(f"window.earlier = {EVENTS}")
    wait_until(page, f"{EVENTS}.some((event) => !window.earlier.includes(event))", SOON)
    event = next(each for each in page.evaluate(EVENTS) if each not in earlier)
    number = page.locator(f"#rows .row[data-event='{event}']").get_attribute("data-alert")
    return page.locator(f"#alert-{number}")


def test_up_prints_where_to_go_and_how_to_get_in(up):
    assert re.search(r"Specola is ready \(\d+ s\)", up.printed)
    assert up.address.startswith("http://127.0.0.1:")
    assert f"{up.password}   (once: you choose your own next)" in up.printed


def ranks(up, module: str) -> set[tuple[int, str]]:
    """The nice value of every program of `up` with this word in its command, and that of its session's scheduling group."""
    groups, found = Path("/proc/self/autogroup").exists(), set()  # in most kernels
    for each in psutil.Process(up.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error, OSError):  # ended while we looked
            if any(module in word for word in each.cmdline()):
                found.add((each.nice(), int(Path(f"/proc/{each.pid}/autogroup").read_text().split()[-1]) if groups else each.nice()))
    return found


def test_whoever_waits_for_a_page_comes_before_the_cameras_and_they_before_training(up):
    assert ranks(up, "portal.asgi") == {(0, 0)}
    wait_for(lambda: ranks(up, "site_agents") == {(5, 5)}, lambda: f"the agents to rank themselves: {ranks(up, 'site_agents')}", SOON)
    wait_for(lambda: ranks(up, "federated.learning.node") == {(7, 7)}, lambda: f"the nodes to rank themselves: {ranks(up, 'federated.learning.node')}", SOON)


def test_the_one_time_password_leads_to_a_new_one_and_nowhere_else(galileo):
    assert galileo.path == ["/new-password/", "/new-password/", "/"]


def test_the_one_time_password_works_once(up, chromium, galileo):
    with watched_pages(chromium, up.address) as opened:
        page = opened("/sign-in/", DESKTOP)
        page.fill("input[name=username]", up.email)
        page.fill("input[type=password]", up.password)
        page.locator("form:has(input[type=password]) button[type=submit]").click()
        expect(page.locator(".errorlist")).to_be_visible()
        sign_in(page, up.email, galileo.password)
        assert page.url == up.address + "/"


@SIZES
def test_the_site_shows_every_camera_alive(open_up, size):
    page = open_up("/sites/square-of-miracles/", size)
    for name in CAMERAS:
        tile = page.locator(".camera-tile", has=page.get_by_role("link", name=name, exact=True))
        expect(tile.locator("[data-state]")).to_have_text("Live", timeout=patience_ms(SOON))
        expect(tile.locator("img")).to_be_visible(timeout=patience_ms(SOON))
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@SIZES
def test_an_alert_arrives_by_itself_with_a_picture_of_what_was_seen(open_up, size):
    row = new_row(open_up("/", size))
    row.scroll_into_view_if_needed()
    wait_until(row.page, f"document.querySelector('#{row.get_attribute('id')} img')?.naturalWidth > 0")


def test_an_alert_that_came_is_acknowledged_and_has_its_clip(open_up):
    page = open_up("/")
    row = new_row(page)
    row.locator("a").click()
    number = row.get_attribute("data-alert")
    page.locator("#pane [data-do=acknowledge]").click()
    expect(row.locator(".state-acknowledged")).to_be_visible()
    clip = open_up(f"/alerts/{number}/")
    expect(clip.locator("svg.boxes rect").first).to_be_attached()
    loaded_again_until(clip, lambda: clip.locator("video").count(), SOON, "the clip, which is uploaded some seconds after its event")
    wait_until(clip, "document.querySelector('video').readyState >= 1")


@SIZES
def test_the_wall_shows_every_picture_while_somebody_looks(open_up, size):
    page = open_up("/wall/", size)
    expect(page.locator('.tile[data-shown="live"] img:visible')).to_have_count(len(CAMERAS), timeout=patience_ms(SOON))
    assert set(page.locator(".tile strong").all_inner_texts()) == CAMERAS


def test_the_demo_says_that_the_drone_is_no_real_flight(open_up):
    expect(open_up("/sites/square-of-miracles/cameras/drone/").locator(".head")).to_contain_text(re.compile("not a real flight|no real flight", re.IGNORECASE))


def test_every_part_of_the_house_answers(open_up):
    page = open_up("/health/")
    expect(page.locator(".state-word.is-alarm")).to_have_count(0)
    assert page.locator(".checks tbody tr").count() >= 5
