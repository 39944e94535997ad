"""A real portal and a real Chromium for browser tests; a page that complains about anything fails its test."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.e2e.server import Portal, running_portal

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
Prepare = Callable[[Page], None]
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
    known: dict[str, dict[str, Any]] = {}

    def cookies(role: str) -> dict[str, Any]:
        if role not in known:
            context = chromium.new_context(base_url=portal.address)
            sign_in(context.new_page(), f"{role}@specola.example", portal.password)
            known[role] = context.storage_state()
            context.close()
        return known[role]

    return cookies


@pytest.fixture
def open_page(portal: Portal, chromium: Browser, signed_in_as: Callable[[str], dict[str, Any]]) -> Iterator[Callable[..., Page]]:
    """Open a page: `open_page("/", "operator", PHONE)`; role "" is a stranger. `page.watched.allow(...)` names expected complaints.

    `prepare(page)` is called before the page loads, to route its requests or sockets.
    """
    watched: list[Watched] = []
    contexts = []

    def open_one(path: str = "/", role: str = "operator", size: dict[str, int] = DESKTOP, prepare: Prepare | None = None, **options: Any) -> Page:
        state = signed_in_as(role) if role else None
        context = chromium.new_context(base_url=portal.address, viewport=size, storage_state=state, locale=options.pop("locale", "en-GB"), **options)
        contexts.append(context)
        page = context.new_page()
        page.watched = watch(page, portal.address)
        watched.append(page.watched)
        if prepare:
            prepare(page)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [each for one in watched for each in one.unexpected()] == []


def wait_until(page: Page, expression: str, seconds: float = 10) -> None:
    """Wait for a JavaScript expression to be true (Playwright's own wait_for_function needs `eval`, which our pages forbid)."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"not true after {seconds} s: {expression}"
        page.wait_for_timeout(50)


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
