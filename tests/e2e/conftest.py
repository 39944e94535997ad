"""A real portal and a real Chromium for browser tests; a page that complains about anything fails its test."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from tests.e2e.server import Portal, running_portal
from tests.e2e.up_process import Up, running_up
from tests.waiting import patience_ms, wait_for

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
Prepare = Callable[[Page], None]
ACTION_S, EXPECT_S = 30, 10  # Playwright's own defaults, 30 and 5 s, for an idle machine
CHOSEN = "nine slow swans over the arno"
DESKTOP, PHONE = {"width": 1920, "height": 1080}, {"width": 390, "height": 844}


@dataclasses.dataclass(slots=True)
class Watched:
    """A page and everything it complained about. `allow(pattern)` names a complaint that the test expects."""

    page: Page
    problems: list[str] = dataclasses.field(default_factory=list)
    allowed: list[str] = dataclasses.field(default_factory=list)

    def allow(self, pattern: str) -> None:
        self.allowed.append(pattern)

    def unexpected(self) -> list[str]:
        return [problem for problem in self.problems if not any(re.search(pattern, problem) for pattern in self.allowed)]


@dataclasses.dataclass(slots=True)
class FirstVisit:
    """Where a person with a one-time password was led, the password chosen, and the session that came of it."""

    path: list[str]
    password: str
    cookies: dict[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


@pytest.fixture(autouse=True)
def _patient_expect() -> None:
    """Expectations wait the longer the busier the machine is when the test begins."""
    expect.set_options(timeout=patience_ms(EXPECT_S))


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One portal for all browser tests; each test makes alerts, runs and cases of its own."""
    with running_portal(tmp_path_factory.mktemp("e2e")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def signed_in_as(portal: Portal, chromium: Browser) -> Callable[[str], dict[str, Any]]:
    """The cookies of a person in this role, got once through the sign-in page."""
    states: dict[str, dict[str, Any]] = {}

    def cookies(role: str) -> dict[str, Any]:
        if role not in states:
            context = chromium.new_context(base_url=portal.address)
            sign_in(context.new_page(), f"{role}@specola.example", portal.password)
            states[role] = context.storage_state()
            context.close()
        return states[role]

    return cookies


@pytest.fixture
def open_page(portal: Portal, chromium: Browser, signed_in_as: Callable[[str], dict[str, Any]]) -> Iterator[Callable[..., Page]]:
    """Open a page: `open_page("/", "operator", PHONE)`; role "" is a stranger. `page.watched.allow(...)` names expected complaints.

    `prepare(page)` is called before the page loads, to route its requests or sockets.
    """
    with watched_pages(chromium, portal.address) as opened:

        def open_one(path: str = "/", role: str = "operator", size: dict[str, int] = DESKTOP, prepare: Prepare | None = None, **options: Any) -> Page:
            return opened(path, size, prepare, storage_state=signed_in_as(role) if role else None, **options)

        yield open_one


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """One `manage.py up` with its demo for all tests that ask for it: they come last, so that its four cameras slow down nobody else."""
    with running_up() as running:
        yield running


@pytest.fixture(scope="session")
def galileo(up: Up, chromium: Browser) -> FirstVisit:
    """The demo's person, in for the first time."""
    return first_visit(up, chromium)


@pytest.fixture
def open_up(up: Up, chromium: Browser, galileo: FirstVisit) -> Iterator[Callable[..., Page]]:
    """Open a page of the running `up` as the demo's person: `open_up("/agents/", PHONE)`."""
    with watched_pages(chromium, up.address) as opened:
        yield lambda path="/", size=DESKTOP, prepare=None: opened(path, size, prepare, storage_state=galileo.cookies)


def first_visit(up: Up, browser: Browser, email: str = "", password: str = "", locale: str = "en-GB") -> FirstVisit:
    """One-time password (the printed one, or that of a colleague), a new one of the own. What was met on the way is kept for the tests."""
    began = time.monotonic()
    with watched_pages(browser, up.address) as opened:
        page = opened("/", DESKTOP, None, locale=locale)
        sign_in(page, email or up.email, password or up.password)
        visit = FirstVisit([page.url.removeprefix(up.address)], CHOSEN)
        page.goto("/sites/")
        visit.path.append(page.url.removeprefix(up.address))
        for field in page.locator("input[type=password]").all():
            field.fill(CHOSEN)
        page.locator("form:has(input[type=password]) button[type=submit]").click()
        page.wait_for_url(up.address + "/")
        visit.path.append("/")
        visit.cookies = page.context.storage_state()
        visit.seconds = time.monotonic() - began
    return visit


@contextmanager
def watched_pages(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open pages of one portal; at the end they are closed, and none of them may have complained about anything."""
    contexts, watched = [], []

    def open_one(path: str, size: dict[str, int], prepare: Prepare | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=address, viewport=size, **{"locale": "en-GB", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(patience_ms(ACTION_S))
        page.watched = watch(page, address)
        watched.append(page.watched)
        if prepare:
            prepare(page)
        page.goto(path)
        return page

    try:
        yield open_one
    finally:
        for context in contexts:
            context.close()
    assert [each for one in watched for each in one.unexpected()] == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the running `up` come last and together."""
    items.sort(key=lambda item: "up" in getattr(item, "fixturenames", ()))


def arrived(page: Page, routes: list[Any]) -> list[Any]:
    """The routes that a handler keeps, when there is one: the browser may be ahead of the handler."""
    while not routes:
        page.evaluate("0")  # lets the handler run
    return routes


def wait_until(page: Page, expression: str, seconds: float = 20) -> None:
    """Wait for a JavaScript expression to be true (Playwright's own wait_for_function needs `eval`, which our pages forbid)."""
    wait_for(lambda: page.evaluate(expression), expression, seconds, meanwhile=lambda: page.wait_for_timeout(50))


def loaded_again_until(page: Page, look: Callable[[], object], seconds: float, what: str = "") -> None:
    """For pages that are as old as their loading: load again until `look` is satisfied."""

    def load_again() -> None:
        page.wait_for_timeout(1000)  # a poll, not a wait: the server is not asked faster than a person would
        page.reload()

    wait_for(look, lambda: f"{what}: {page.locator('main').inner_text()[:2000]}", seconds, meanwhile=load_again)


def sign_in(page: Page, email: str, password: str) -> None:
    """Through the form, as a person does."""
    page.goto("/sign-in/")
    page.fill("input[type=email], input[name=username]", email)
    page.fill("input[type=password]", password)
    page.locator("form:has(input[type=password])").locator("button[type=submit], input[type=submit]").first.click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def watch(page: Page, address: str) -> Watched:
    """Note console errors (also broken content security policy), uncaught exceptions and failed requests to the portal itself."""
    watched = Watched(page)

    def answered(response: Response) -> None:
        if response.status >= 400 and response.url.startswith(address):
            watched.problems.append(f"{response.status} {response.request.method} {response.url}")

    page.on("console", lambda message: message.type == "error" and watched.problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: watched.problems.append(f"exception: {error}"))
    page.on("response", answered)
    page.on("requestfailed", lambda request: _is_failure(request, address) and watched.problems.append(f"failed: {request.url} {request.failure}"))
    return watched


def _is_failure(request: Any, address: str) -> bool:
    """A request broken off because the page moved on, or a player that has enough, is no failure."""
    return request.url.startswith(address) and "ERR_ABORTED" not in str(request.failure)
