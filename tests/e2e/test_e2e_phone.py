"""Every main page on a phone and in either appearance: nothing to scroll sideways for, no row whose end is off the screen, no flash of the wrong colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE, wait_until

pytestmark = pytest.mark.browser
SITE = "/sites/miracoli/"
PAGES = {
    "administrator": f"/ /wall/ /sites/ {SITE} {SITE}cameras/square/ /agents/ /training/ /training/models/ /health/ /audit/ /account/ /api/".split(),
    "manager": ["/people/", "/people/log/", "/people/doors/", "/people/enrol/", "/desk/"],
}
WIDER = """[...document.querySelectorAll("main *")].filter((each) => {
    const { right, width } = each.getBoundingClientRect();
    const rolls = each.closest(".strip ol, pre, .u-wrap, svg, .sr, [hidden], .leaflet-container, .is-cards thead, details:not([open])");
    return width && right > innerWidth + 1 && !rolls;
}).map((each) => `${each.tagName}.${each.className}: ${each.textContent.trim().slice(0, 60)}`)"""
SEEN = """
import datetime
from django.utils import timezone
from portal.accounts.models import User
from portal.people.models import Person, Recognition
from portal.sites.models import Camera
gate, manager, soon = Camera.objects.get(slug="gate"), User.objects.get(email="manager@specola.example"), timezone.now() + datetime.timedelta(days=90)
name = "Maria Antonietta Quattrocchi Buonarroti"
person = Person.objects.create(site=gate.site, name=name, title="Custodian", legal_basis="consent", document="Personnel file 12", owner=manager, expires=soon)
seen = {"gallery_version": 12, "people": 4, "score": 0.71, "threshold": 0.41, "frames": 18}
Recognition.objects.create(camera=gate, person=person, visit="ab" * 16, started=timezone.now(), ended=timezone.now(), net="face-embedding", **seen)
"""
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
LIGHT, DARK = "rgb(246, 241, 231)", "rgb(24, 22, 18)"


@pytest.mark.parametrize("role", PAGES)
def test_no_page_reaches_over_the_phones_edge(portal, open_page, role):
    portal.send(kind="object_left", data={"zone": "narrow"})
    if role == "manager":
        portal.django(SEEN)
    page = open_page(PAGES[role][0], role, PHONE)
    for path in PAGES[role]:
        page.goto(path)
        page.evaluate("document.fonts.ready")
        wait_until(page, "document.scrollingElement.scrollWidth <= innerWidth", 3)
        found = page.evaluate(WIDER)
        assert found == [], path
        if path in ("/people/", "/people/log/"):
            expect(page.locator("table.is-cards")).to_contain_text("Buonarroti")
            assert page.locator("table.is-cards tbody tr").first.locator("[data-name]").count() == page.locator("table.is-cards th").count()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_chosen_appearance_is_there_from_the_first_byte_and_for_this_browser_only(open_page, size):
    page = open_page("/health/", "administrator", size)
    assert page.evaluate(GROUND) == LIGHT
    if size == PHONE:
        page.locator("[popovertarget=more]").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    wait_until(page, f"{GROUND} === '{DARK}'")
    assert 'data-theme="dark"' in page.reload().text()[:200]
    page.goto("/wall/")
    assert page.evaluate(GROUND) == DARK
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--drawing')").strip() != "none"
    other = open_page("/health/", "administrator", size, color_scheme="dark")
    assert other.evaluate(GROUND) == DARK
    if size == PHONE:
        other.locator("[popovertarget=more]").click()
    other.get_by_role("button", name="Light", exact=True).click()
    wait_until(other, f"{GROUND} === '{LIGHT}'")
    expect(other.get_by_role("button", name="Light", exact=True)).to_have_attribute("aria-pressed", "true")
