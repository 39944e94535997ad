"""The watch room in a real browser: what an operator sees, does and is told, at the desk and on the phone."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE, arrived, wait_until
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
FOOTAGE = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "square.webm"
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
PERSON = {"kind": "person", "score": 0.87, "box": [300.0, 200.0, 60.0, 150.0], "track": 4, "data": {}}


@pytest.fixture(scope="module")
def picture(portal):
    """A real frame of the square, kept by the portal; its sha256."""
    found, frame = cv2.VideoCapture(str(FOOTAGE)).read()
    assert found
    return portal.keep(cv2.imencode(".jpg", frame)[1].tobytes())


@pytest.fixture(scope="module")
def clip(portal):
    return portal.keep(FOOTAGE.read_bytes())


@pytest.fixture
def zone():
    """A zone name of this test's own: alerts of other tests do not join, and a search finds only ours."""
    return f"zone-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def raised(portal, zone, picture, clip):
    """Send an event of this test's zone."""
    return lambda **changes: portal.send(
        **{"data": {"zone": zone, "width": 768, "height": 576}, "snapshot": picture, "clip": clip, "detections": [PERSON], **changes}
    )


class CuttableLine:
    """The network between a page's socket and the portal."""

    def __init__(self):
        self.whole, self.open = True, []

    def connect(self, socket):
        if self.whole:
            socket.connect_to_server()
            self.open.append(socket)
        else:
            socket.close(code=3000)

    def cut(self):
        self.whole = False
        for socket in self.open:
            socket.close(code=3000)

    def mend(self):
        self.whole = True


def row_of(page, zone):
    return page.locator("#rows .row", has_text=zone)


def connected(page):
    """Wait until the page's socket has been answered once."""
    expect(page.locator("#rows[data-connected=true]")).to_be_attached()


@SIZES
def test_an_alert_arrives_by_itself_with_its_picture(open_page, raised, zone, size):
    page = open_page("/", size=size)
    connected(page)
    sent = raised()
    row = row_of(page, zone)
    expect(row).to_be_visible()
    expect(row).to_have_attribute("data-event", sent["id"])
    wait_until(page, f"document.getElementById('{row.get_attribute('id')}').querySelector('img').naturalWidth > 0")


def test_a_second_event_changes_the_row_in_place(open_page, raised, zone):
    page = open_page()
    connected(page)
    raised(seq=1)
    expect(row_of(page, zone)).to_be_visible()
    raised(seq=2)
    expect(row_of(page, zone).locator(".times")).to_have_text("×2")
    expect(row_of(page, zone)).to_have_count(1)


def test_the_pane_shows_picture_boxes_clip_and_plan(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    row_of(page, zone).click()
    expect(page.locator("#pane svg.boxes rect")).to_have_attribute("width", "60")
    wait_until(page, "document.querySelector('#pane video')?.readyState >= 1")
    page.keyboard.press("b")
    expect(page.locator("#pane svg.boxes")).to_be_hidden()


def test_a_clip_can_be_played_from_its_middle(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    row_of(page, zone).click()
    wait_until(page, "document.querySelector('#pane video')?.readyState >= 1")
    page.evaluate("document.querySelector('#pane video').currentTime = 5")
    wait_until(page, "(video => !video.seeking && video.currentTime >= 5)(document.querySelector('#pane video'))", 30)


def test_a_clip_keeps_its_place_when_the_alert_goes_on(open_page, raised, zone):
    raised(seq=1)
    page = open_page(f"/?q={zone}")
    connected(page)
    expect(page.locator("#pane .clip video")).to_have_count(1)
    page.evaluate("document.querySelector('#pane video').currentTime = 5")
    page.evaluate("document.querySelector('#pane h2').dataset.old = 'yes'")
    raised(seq=2, clip=None)
    expect(page.locator("#pane h2:not([data-old])")).to_have_count(1)
    wait_until(page, "(video => !video.seeking && video.currentTime >= 5)(document.querySelector('#pane video'))", 30)


def test_an_operator_works_by_keyboard_alone(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    connected(page)
    expect(page.locator("#pane [data-do=acknowledge]")).to_be_visible()
    page.keyboard.press("a")
    expect(row_of(page, zone).locator(".state-acknowledged")).to_be_visible()
    expect(page.locator("#pane [data-do=resolve]")).to_be_visible()
    page.keyboard.press("r")
    expect(page.locator("#pane [data-do=resolve]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()


def test_j_and_k_walk_through_the_rows(open_page, raised, zone):
    for n, kind in enumerate(("loitering", "anomaly", "object_left")):
        raised(seq=n, kind=kind)
    page = open_page(f"/?q={zone}")
    rows = row_of(page, zone)
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")


@pytest.fixture
def two_rows(open_page, raised, zone):
    """A page of two alerts with the first one in the pane; `answer_of_second(route handler)` meets the pane's requests for the other."""
    raised(kind="loitering")
    raised(kind="anomaly")
    page = open_page(f"/?q={zone}")
    page.watched.allow("ERR_FAILED")
    connected(page)
    expect(page.locator("#pane [data-do=acknowledge]")).to_be_visible()
    expect(row_of(page, zone).nth(0)).to_have_attribute("aria-current", "true")
    expect(row_of(page, zone)).to_have_count(2)
    second = row_of(page, zone).nth(1).get_attribute("data-alert")
    page.answer_of_second = lambda handler: page.route(f"**/alerts/{second}/", handler)
    return page


def test_a_key_pressed_before_the_pane_has_followed_acts_on_the_selected_alert(two_rows, zone):
    waiting = []
    two_rows.answer_of_second(lambda route: route.continue_() if waiting else waiting.append(route))
    two_rows.keyboard.press("j")
    wait_until(two_rows, "document.getElementById('pane').inert")
    two_rows.keyboard.press("a")
    arrived(two_rows, waiting)[0].continue_()
    rows = row_of(two_rows, zone)
    expect(rows.nth(1).locator(".state-acknowledged")).to_be_visible()
    expect(rows.nth(0).locator(".state-new")).to_be_visible()


def test_a_pane_that_cannot_follow_shows_no_other_alert(two_rows):
    two_rows.answer_of_second(lambda route: route.abort())
    two_rows.keyboard.press("j")
    expect(two_rows.locator("#pane")).to_have_text("This alert could not be opened. Choose it again in a moment.")
    two_rows.keyboard.press("k")
    expect(two_rows.locator("#pane [data-do=acknowledge]")).to_be_visible()


@SIZES
def test_an_alert_is_resolved_with_a_reason_and_a_note(open_page, raised, zone, size):
    raised()
    page = open_page(f"/?q={zone}", size=size)
    row_of(page, zone).click()
    page.locator("#pane [data-do=resolve]").select_option("false_alarm")
    page.locator("#pane .resolve input[name=note]").fill("a flock of pigeons")
    page.locator("#pane .resolve button").click()
    expect(page.locator("#pane .history")).to_contain_text("a flock of pigeons")
    expect(page.locator("#pane .state-resolved").first).to_contain_text("False alarm")


@pytest.mark.parametrize(("key", "reason"), [("f", "False alarm"), ("t", "Real")])
def test_one_key_says_whether_it_was_real(open_page, raised, zone, key, reason):
    raised()
    page = open_page(f"/?q={zone}")
    connected(page)
    expect(page.locator("#pane [data-do=false-alarm]")).to_be_visible()
    page.keyboard.press(key)
    expect(row_of(page, zone).locator(".state-resolved")).to_contain_text(reason)


@SIZES
def test_one_click_on_the_alerts_own_page_says_that_it_was_false(open_page, raised, zone, size):
    raised(data={"zone": zone, "width": 768, "height": 576, "false_alarm": 0.83})
    page = open_page(f"/?q={zone}", size=size)
    expect(row_of(page, zone).locator(".doubt")).to_have_text("83 % likely false")
    page.goto(page.url.split("?")[0] + row_of(page, zone).locator("a").get_attribute("href").lstrip("/"))
    expect(page.locator(".judged")).to_contain_text("83 % likely a false alarm")
    page.locator("[data-do=false-alarm]").click()
    expect(page.locator(".state-resolved").first).to_contain_text("False alarm")


def test_other_without_a_note_is_refused_and_says_why(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    row_of(page, zone).click()
    page.locator("#pane [data-do=resolve]").select_option("other")
    page.locator("#pane .resolve button").click()
    expect(page.locator("#pane .problem")).to_be_visible()


def test_an_alert_is_given_to_a_colleague(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    connected(page)
    row_of(page, zone).click()
    page.locator("#pane select[name=assignee]").select_option(label="Manager")
    expect(row_of(page, zone).locator(".who")).to_have_text("Manager")


def test_a_colleagues_deed_is_seen_at_once(open_page, raised, zone):
    raised()
    mine, theirs = open_page(f"/?q={zone}"), open_page(f"/?q={zone}", "manager")
    connected(mine)
    theirs.locator("#pane [data-do=acknowledge]").click()
    expect(row_of(mine, zone).locator(".state-acknowledged")).to_be_visible()


def test_filters_change_the_list_and_the_address(open_page, raised, zone):
    raised()
    page = open_page("/")
    page.locator("select[name=state]").select_option("resolved")
    expect(row_of(page, zone)).to_have_count(0)
    assert "state=resolved" in page.url
    page.locator("select[name=state]").select_option("new")
    expect(row_of(page, zone)).to_be_visible()


def test_search_finds_by_words_and_says_when_nothing_fits(open_page, raised, zone):
    raised()
    page = open_page("/")
    page.locator("#q").fill(zone)
    expect(page.locator("#rows .row")).to_have_count(1)
    page.locator("#q").fill("no such thing at all")
    expect(page.locator("#none")).to_be_visible()


def test_a_new_alert_that_does_not_fit_the_filter_stays_out(open_page, raised, zone):
    page = open_page("/?kind=anomaly")
    connected(page)
    raised()
    raised(kind="anomaly", seq=2)
    expect(row_of(page, zone)).to_have_count(1)
    expect(row_of(page, zone)).to_contain_text("Unusual movement")


def test_missed_alerts_are_caught_up_after_a_lost_connection(open_page, raised, zone):
    line = CuttableLine()
    page = open_page("/", prepare=lambda page: page.route_web_socket(re.compile("/ws/alerts/"), line.connect))
    connected(page)
    line.cut()
    expect(page.locator("[data-connection]")).to_be_visible()
    raised()
    expect(row_of(page, zone)).to_have_count(0)
    line.mend()
    expect(row_of(page, zone)).to_be_visible(timeout=patience_ms(15))
    expect(page.locator("[data-connection]")).to_be_hidden()


def test_an_administrator_looks_and_has_no_buttons(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}", "administrator")
    expect(page.locator("#pane .act")).to_contain_text("not act on them")
    expect(page.locator("#pane .act button")).to_have_count(0)


@SIZES
def test_the_watch_room_never_scrolls_sideways(open_page, raised, size):
    raised()
    page = open_page("/", size=size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_ages_tick(open_page, raised, zone):
    raised()
    page = open_page(f"/?q={zone}")
    age = row_of(page, zone).locator("[data-age]")
    first = age.inner_text()
    expect(age).not_to_have_text(re.compile(f"^{re.escape(first)}$"))
