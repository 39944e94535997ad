"""The memory for facts in a real browser: one person proposes, a second approves, and the fact is found."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


def fits(page) -> bool:
    return page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@SIZES
def test_one_person_proposes_a_fact_and_a_second_approves_it(open_page, size):
    name = f"Bonanno's door {size['width']}"
    writer = open_page("/facts/", "operator", size)
    writer.get_by_role("button", name="Propose a fact").click()
    for field, text in (
        ("Name in English", name),
        ("Name in Italian", f"Porta di Bonanno {size['width']}"),
        ("Statement in English", "The bronze door of San Ranieri was cast about 1180."),
        ("Statement in Italian", "La porta bronzea di San Ranieri fu fusa intorno al 1180."),
        ("From", "1180"),
    ):
        writer.get_by_label(field, exact=True).fill(text)
    source = writer.get_by_role("group", name="Source 1")
    source.get_by_label("Author or institution").fill("Opera della Primaziale Pisana")
    source.get_by_label("Title").fill("Cattedrale")
    source.get_by_label("Year").fill("2018")
    assert fits(writer)
    writer.locator("#fact-form button[type=submit]").click()
    expect(writer.locator("#own")).to_contain_text("somebody else must approve it")
    expect(writer.locator("#approve")).to_have_count(0)
    assert fits(writer)
    manager = open_page("/facts/waiting/", "manager", size)
    assert fits(manager)
    manager.get_by_role("link", name=name).click()
    manager.locator("#approve button").click()
    expect(manager.locator("#decision")).to_contain_text("approved: Manager")
    writer.goto(f"/facts/?q={name}")
    writer.get_by_role("link", name=name).click()
    expect(writer.locator("#statement")).to_contain_text("cast about 1180")
    expect(writer.locator("#history")).to_contain_text("approved: Manager")
    expect(writer.locator(".sources")).to_contain_text("Opera della Primaziale Pisana, Cattedrale, 2018")
    assert fits(writer)
