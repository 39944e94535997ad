"""A face comparison in a real browser: two examiners, each alone; what the first concluded is on nobody's screen before the second has concluded."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.server import working
from tests.waiting import patience, patience_ms

pytestmark = pytest.mark.browser
STAFF = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff"
EXAMINED_S = 60  # a loaded machine, and the detectors are opened at the first case
EARS, LIGHT = "The ears differ in their lobes.", "The light comes from another side, I cannot say."


@pytest.fixture(scope="module")
def worker(portal):
    with working(portal) as process:
        yield process


@pytest.fixture
def case(open_page, portal, worker):
    """The address of a finished comparison at the site, laid on the desk by the operator."""
    page = open_page("/desk/", "operator")
    page.locator("#tool").select_option("face-compare")
    page.locator("#site").select_option(portal.site)
    page.locator("#file").set_input_files([STAFF / "custode-1.jpg", STAFF / "custode-2.jpg"])
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("#verdict")).to_contain_text("log10 LR", timeout=patience_ms(EXAMINED_S))
    return page.url.removeprefix(portal.address)


def conclude(page, words, note):
    page.get_by_label(words, exact=True).check()
    page.locator("#conclude textarea").fill(note)
    page.locator("#conclude button[type=submit]").click()
    expect(page.locator("#conclude")).to_have_count(0)


def pdf_of(page, portal):
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    return httpx.get(
        f"{portal.address}/api/v1{page.url.removeprefix(portal.address).replace('desk', 'cases')}report.pdf", cookies=cookies, timeout=patience(30)
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_examiners_conclude_alone_and_then_read_each_other(open_page, case, portal, size):
    first = open_page(case, "operator", size)
    conclude(first, "Moderate support for two people", EARS)
    expect(first.locator("#examiners")).to_contain_text(EARS)

    second = open_page(case, "manager", size)
    expect(second.locator("#examiners")).to_contain_text("Sealed until the second conclusion")
    expect(second.locator("body")).not_to_contain_text(EARS)
    conclude(second, "Supports neither", LIGHT)
    for page in (second, first):
        page.reload()
        for words in (EARS, LIGHT, "Moderate support for two people", "Supports neither"):
            expect(page.locator("#examiners")).to_contain_text(words)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert pdf_of(second, portal).content.startswith(b"%PDF")


def test_who_may_not_conclude_is_offered_no_form_and_reads_nothing_early(open_page, case):
    conclude(open_page(case, "operator"), "Supports neither", LIGHT)
    page = open_page(case, "administrator")
    expect(page.locator("#examiners")).to_contain_text("1 of 2 conclusions given")
    expect(page.locator("#conclude")).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text(LIGHT)


def test_what_the_browser_reads_over_the_api_is_sealed_too(open_page, case):
    conclude(open_page(case, "operator"), "Supports neither", LIGHT)
    page = open_page(case, "manager")
    report = page.evaluate("async (path) => await (await fetch(path)).text()", f"/api/v1{case.replace('desk', 'cases').rstrip('/')}")
    assert json.loads(report)["conclusions"][0]["sealed"]
    assert LIGHT not in report
