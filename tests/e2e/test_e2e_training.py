"""Training in the browser on the running demo: start a round, see it end, publish, see all four agents swap, roll back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE, loaded_again_until
from tests.waiting import patience_ms

# long since the museum room joined: four agents, a SuperLink and three that train want more than a busy two-core machine gives within the time limits
pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.story, pytest.mark.timeout(500)]
ENOUGH = "Array.from(document.querySelectorAll('td.num')).filter((cell) => Number(cell.textContent) >= 40).length"
TRAINED, SWAPPED = 240, 90  # seconds on a loaded machine


def agents_with(page, sha):
    """How many agents' heartbeats name this model."""
    return page.locator("main code", has_text=re.compile(f"^{sha[:8]}$")).count()


def sha_now(page):
    """The start of the sha256 of the anomaly model that agents run before anything is published."""
    return re.search(r"anomaly\s+([0-9a-f]{8})", page.locator("main").inner_text())[1]


@pytest.fixture(scope="module")
def story():
    """What earlier steps found: the address of the run, the models before and after."""
    return {}


def test_a_run_started_in_the_browser_trains_at_three_sites_and_ends_in_a_candidate(open_up, story):
    page = open_up("/training/")
    loaded_again_until(page, lambda: page.evaluate(ENOUGH) == 3, 120)
    page.fill("input[name=rounds]", "1")
    page.click("details.advanced > summary")
    page.fill("input[name=min_sites]", "3")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#status")).to_have_text(re.compile("Completed|Failed|Refused"), timeout=patience_ms(TRAINED))
    assert page.locator("#status").inner_text() == "Completed", page.locator("main").inner_text()
    expect(page.locator("#sites")).to_have_text("3 / 3")
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator("#model-state")).to_have_text("Candidate")
    story |= {"run": page.url, "sha": page.locator("#model-sha").inner_text()}
    assert re.fullmatch(r"[0-9a-f]{64}", story["sha"])


def test_the_run_reads_well_on_a_phone(open_up, story):
    page = open_up(story["run"], PHONE)
    expect(page.locator("#chart canvas")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_published_every_agent_tests_the_model_and_swaps(open_up, story):
    agents = open_up("/agents/")
    story["before"] = sha_now(agents)
    page = open_up(story["run"], DESKTOP)
    page.locator("#publish button").click()
    page.wait_for_url("**/training/models/**")
    loaded_again_until(agents, lambda: agents_with(agents, story["sha"]) >= 3, SWAPPED)
    page.reload()
    expect(page.locator("li[data-status=published]")).to_contain_text(re.compile("Running on:.*(Square|Drone|Staff gate)"))
    expect(page.get_by_role("cell", name="installed", exact=True).nth(2)).to_be_visible()


def test_rolled_back_every_agent_runs_the_old_model_again(open_up, story):
    page = open_up("/training/models/")
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator("li[data-status='rolled back']")).to_have_count(1)
    agents = open_up("/agents/")
    loaded_again_until(agents, lambda: agents_with(agents, story["before"]) >= 3, SWAPPED)
    assert agents_with(agents, story["sha"]) == 0


def test_the_audit_log_tells_who_did_it(open_up):
    rows = open_up("/audit/").locator("main").inner_text()
    assert "chain holds" in rows
    assert [verb for verb in ("run", "model") if verb not in rows] == []
