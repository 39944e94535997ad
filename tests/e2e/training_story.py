"""What one does with a training run in the browser: start it, see its rounds, try what came of it at one camera, publish it, roll it back."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import loaded_again_until
from tests.waiting import patience_ms

CAMERAS, TRAINING = 4, 3  # of the demo: all four run what is published, the museum room does not train
ENOUGH = "Array.from(document.querySelectorAll('td.num')).filter((cell) => Number(cell.textContent) >= 40).length"
DATA_S, TRAINED_S, SWAPPED_S = 150, 300, 90  # seconds on an idle machine; every wait grows with the load
Words = Callable[[str], str]


def agents_with(page: Page, sha256: str) -> int:
    """How many agents' heartbeats name this model."""
    return page.locator("main code", has_text=re.compile(f"^{sha256[:8]}$")).count()


def anomaly_model_of(page: Page) -> str:
    """The start of the sha256 of the anomaly model that the first agent runs."""
    return re.search(r"anomaly\s+([0-9a-f]{8})", page.locator("main").inner_text())[1]


def with_data(page: Page) -> None:
    """Wait on the training page until every camera that trains has kept enough footage."""
    loaded_again_until(page, lambda: page.evaluate(ENOUGH) == TRAINING, DATA_S, "footage at three cameras")


def trained(page: Page, word: Words, rounds: int | None = None) -> str:
    """Press Start, watch the rounds and the end; returns the sha256 of the candidate. `rounds`: other than the form offers, and no camera may be late."""
    if rounds:
        page.fill("input[name=rounds]", str(rounds))
        page.click("details.advanced > summary")
        page.fill("input[name=min_sites]", str(TRAINING))
    exact, rounds = bool(rounds), int(page.input_value("input[name=rounds]"))
    page.get_by_role("button", name=word("Start"), exact=True).click()
    page.wait_for_url("**/training/runs/**")
    over = page.locator("#status:is([data-status=completed], [data-status=failed])")
    at_work = page.locator(f"#activity-nodes li:nth-child({TRAINING})")
    expect(at_work.or_(over).first).to_be_visible(timeout=patience_ms(TRAINED_S))
    expect(over).to_be_visible(timeout=patience_ms(TRAINED_S * rounds))
    assert over.get_attribute("data-status") == "completed", page.locator("main").inner_text()
    expect(page.locator("#rows tr")).to_have_count(TRAINING * rounds)
    if exact:  # later rounds may leave one out whose update points elsewhere
        expect(page.locator("#sites")).to_have_text(f"{TRAINING} / {TRAINING}")
        expect(page.locator("#vote-comparison-rows tr")).to_have_count(TRAINING)
    expect(page.locator("#model-state")).to_have_text(word("Candidate"))
    sha256 = page.locator("#model-sha").inner_text()
    assert re.fullmatch(r"[0-9a-f]{64}", sha256)
    return sha256


def tried_at_one_camera(page: Page, agents: Page, word: Words, sha256: str) -> None:
    """From the registry, the first camera on offer; one agent runs it, the others stay."""
    start = page.get_by_role("button", name=word("Start the canary"))
    if not start.is_visible():  # an amber gate opens it by itself
        page.get_by_text(word("Run it as a canary at some cameras first")).click()
    start.click()
    page.wait_for_url("**/training/trials/**")
    loaded_again_until(agents, lambda: agents_with(agents, sha256) == 1, SWAPPED_S, "one agent with the canary")


def published(page: Page, agents: Page, word: Words, sha256: str) -> None:
    """From the registry to every agent, each of which tests it on itself first."""
    page.get_by_role("button", name=word("Publish"), exact=True).click()
    expect(page.locator("li[data-status=published]")).to_have_count(1)
    loaded_again_until(agents, lambda: agents_with(agents, sha256) == CAMERAS, SWAPPED_S, "every agent with the new model")
    installed = page.locator("[data-live=outcomes] tbody tr", has=page.locator("code", has_text=sha256[:12]))
    expect(installed).to_have_count(CAMERAS, timeout=patience_ms(SWAPPED_S))  # the page follows by itself


def rolled_back(page: Page, agents: Page, word: Words, before: str, sha256: str) -> None:
    """The version before at every agent again."""
    page.get_by_role("button", name=word("Roll back")).click()
    expect(page.locator("li[data-status='rolled back']")).not_to_have_count(0)
    loaded_again_until(agents, lambda: agents_with(agents, before) == CAMERAS, SWAPPED_S, "every agent with the old model")
    assert agents_with(agents, sha256) == 0
