"""A shift in the watch room: twenty alerts by keyboard with decisions taken back, several at once on the phone, the bell, a line that was away."""

from __future__ import annotations

import uuid
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import CHROMIUM, PHONE, arrived, wait_until, watched_pages

pytestmark = pytest.mark.browser
FOOTAGE = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "square.webm"
KINDS = ("object_left", "loitering", "anomaly", "person_in_zone")


@pytest.fixture(scope="module")
def pictures(portal):
    """Two frames of the square, kept by the portal."""
    film = cv2.VideoCapture(str(FOOTAGE))
    frames = [film.read()[1] for _ in range(20)]
    return [portal.keep(cv2.imencode(".jpg", frame)[1].tobytes()) for frame in (frames[0], frames[-1])]


@pytest.fixture
def shift(portal, pictures):
    """A word that only this test's alerts hold; `shift(20)` sends so many."""
    word = f"shift{uuid.uuid4().hex[:6]}"

    def send(number, events=1):
        for n in range(number * events):
            data = {"zone": f"{word} {n // events}", "width": 768, "height": 576}
            portal.send(kind=KINDS[n // events % 4], data=data, seq=n, snapshot=pictures[n % 2])
        return word

    return send


def rows_of(page, state=""):
    return page.locator(f"#rows .row[data-state={state}]" if state else "#rows .row")


def connected(page):
    expect(page.locator("#rows[data-connected=true]")).to_be_attached()


def test_twenty_alerts_are_worked_through_by_keyboard_with_undo(open_page, shift):
    page = open_page(f"/?q={shift(20)}")
    connected(page)
    expect(rows_of(page, "new")).to_have_count(20)
    page.keyboard.press("x")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#bulk-count")).to_have_text("5 selected")
    page.keyboard.press("a")
    expect(rows_of(page, "acknowledged")).to_have_count(5)
    expect(page.locator("#toast")).to_contain_text("5 acknowledged")
    page.keyboard.press("z")
    expect(rows_of(page, "new")).to_have_count(20)
    expect(page.locator("#bulk")).to_be_hidden()
    rows_of(page).nth(5).locator("a").click()
    rows_of(page).nth(14).locator("a").click(modifiers=["Shift"])
    expect(page.locator("#bulk-count")).to_have_text("10 selected")
    page.keyboard.press("a")
    expect(rows_of(page, "acknowledged")).to_have_count(10)
    rows_of(page).first.locator("a").click()
    for n in range(20):
        row = rows_of(page).nth(n)
        expect(row).to_have_attribute("aria-current", "true")
        expect(page.locator(f"#pane article[data-shown='{row.get_attribute('data-alert')}'] [data-do=real]")).to_be_visible()
        before = row.get_attribute("data-state")
        page.keyboard.press("f" if n % 2 else "t")
        expect(row).to_have_attribute("data-state", "resolved")
        if n == 7:
            page.keyboard.press("z")
            expect(row).to_have_attribute("data-state", before)
            expect(row).to_have_attribute("aria-current", "true")
            expect(page.locator(f"#pane article[data-shown='{row.get_attribute('data-alert')}'] [data-do=real]")).to_be_visible()
            page.keyboard.press("t")
            expect(row).to_contain_text("Real")
    expect(rows_of(page, "resolved")).to_have_count(20)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def held_answers(page):
    """The answers to decisions, kept back until they are let go: what a busy portal does to whoever is faster than it."""
    held = []
    page.route("**/alerts/*/resolve", lambda route: held.append((route, route.fetch())))
    return held


def let_go(page, held):
    route, answer = arrived(page, held).pop()
    route.fulfill(response=answer)


def test_a_decision_whose_answer_comes_late_still_leads_to_the_next_alert_and_can_be_undone(open_page, shift):
    page = open_page(f"/?q={shift(4)}")
    connected(page)
    held, first, second = held_answers(page), rows_of(page).first, rows_of(page).nth(1)
    expect(page.locator("#pane [data-do=real]")).to_be_visible()
    page.keyboard.press("t")
    expect(first).to_have_attribute("data-state", "resolved")  # the row knows it before the answer is here
    page.evaluate("address => fetch(address, {headers: {'HX-Request': 'true'}})", f"/alerts/{first.get_attribute('data-alert')}/")
    let_go(page, held)
    expect(second).to_have_attribute("aria-current", "true")
    expect(page.locator("#toast-undo")).to_be_visible()
    page.keyboard.press("z")
    expect(first).to_have_attribute("data-state", "new")


def test_a_late_answer_does_not_put_its_alert_before_somebody_who_went_on(open_page, shift):
    page = open_page(f"/?q={shift(4)}")
    connected(page)
    held, first, third = held_answers(page), rows_of(page).first, rows_of(page).nth(2)
    expect(page.locator("#pane [data-do=real]")).to_be_visible()
    page.keyboard.press("t")
    expect(first).to_have_attribute("data-state", "resolved")
    page.keyboard.press("j")
    page.keyboard.press("j")
    shown = page.locator(f"#pane article[data-shown='{third.get_attribute('data-alert')}'] [data-do=real]")
    expect(shown).to_be_visible()
    let_go(page, held)
    expect(page.locator("#toast-undo")).to_be_visible()  # what was done can be taken back all the same
    expect(shown).to_be_visible()
    expect(third).to_have_attribute("aria-current", "true")


def test_on_the_phone_several_are_acknowledged_and_one_is_decided_below_its_picture(open_page, shift):
    page = open_page(f"/?q={shift(3, events=2)}", size=PHONE)
    connected(page)
    for n in (0, 1):
        rows_of(page).nth(n).locator("[data-pick]").check()
    page.locator("[data-bulk=acknowledge]").click()
    expect(rows_of(page, "acknowledged")).to_have_count(2)
    page.locator("#toast-undo").click()
    expect(rows_of(page, "new")).to_have_count(3)
    rows_of(page).first.locator("a").click()
    page.wait_for_url("**/alerts/*/")
    picture, decide = page.locator("figure.picture img"), page.locator("[data-do=false-alarm]")
    assert picture.bounding_box()["y"] < decide.bounding_box()["y"]
    first = picture.get_attribute("src")
    page.locator(".strip a:not([aria-current])").click()
    expect(page.locator(".strip a")).to_have_count(2)
    assert page.locator("figure.picture img").get_attribute("src") != first
    decide.click()
    expect(page.locator(".state-resolved")).to_be_visible()
    page.locator("#toast-undo").click()
    expect(page.locator(".state-new")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_an_alert_is_found_by_severity_and_leads_to_its_camera_and_to_the_desk(open_page, shift):
    word = shift(4)
    page = open_page(f"/?q={word}&severity=3")
    connected(page)
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page).locator(".severity-3")).to_contain_text("High")
    page.locator("select[name=severity]").select_option("")
    expect(rows_of(page)).to_have_count(4)
    page.locator("select[name=sort]").select_option("severity")
    expect(rows_of(page).first).to_have_attribute("data-severity", "3")
    assert "/sites/miracoli/cameras/square/" in page.locator("#pane [data-do=live]").get_attribute("href")
    rows_of(page).first.locator("a").click()
    page.locator("#pane [data-do=desk]").click()
    page.wait_for_url("**/desk/*/")
    page.go_back()
    page.locator("#timeline a:has(.bar-high)").last.click()
    expect(rows_of(page).first).to_be_visible()
    assert "since=" in page.url


def test_the_bell_rings_until_somebody_acknowledges_and_outlives_a_reload(open_page, shift):
    page = open_page(f"/?q={shift(1)}")
    connected(page)
    bell = page.locator("#sound")
    bell.click()
    expect(bell).to_have_attribute("data-level", "3")
    page.reload()
    expect(bell).to_have_attribute("aria-pressed", "true")
    wait_until(page, "Number(document.getElementById('sound').dataset.played) >= 2")
    page.keyboard.press("s")
    expect(bell).to_have_attribute("aria-pressed", "false")


def test_a_browser_that_refuses_the_bell_is_told_of_and_asked_for_one_press(portal, chromium, signed_in_as, shift):
    shift(1)
    strict = chromium.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
    remembered = "localStorage.setItem('specola.sound', 'on')"
    try:
        with watched_pages(strict, portal.address) as opened:
            page = opened("/", {"width": 1280, "height": 900}, lambda page: page.add_init_script(remembered), storage_state=signed_in_as("operator"))
            expect(page.locator("#sound-refused")).to_contain_text("plays no sound")
            page.locator("#sound-allow").click()
            expect(page.locator("#sound-refused")).to_be_hidden()
            wait_until(page, "Number(document.getElementById('sound').dataset.played) >= 1")
    finally:
        strict.close()


def test_a_machine_that_was_offline_catches_up_at_once(open_page, shift):
    word = shift(0)
    page = open_page(f"/?q={word}")
    page.watched.allow("ERR_INTERNET_DISCONNECTED|WebSocket")
    connected(page)
    page.context.set_offline(True)
    expect(page.locator("[data-connection]")).to_be_visible()
    shift(2)
    page.context.set_offline(False)
    expect(rows_of(page, "new")).to_have_count(2)
    expect(page.locator("[data-connection]")).to_be_hidden()
