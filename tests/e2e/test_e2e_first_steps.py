"""The README's six first steps, followed by a script in a real browser, in English and in Italian, on a fresh demo; the fourth is the whole training story."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from django.utils import translation
from playwright.sync_api import Browser, Page, expect

from tests.e2e import training_story as story
from tests.e2e.conftest import CHROMIUM, DESKTOP, PHONE, first_visit, loaded_again_until, wait_until, watched_pages
from tests.waiting import patience_ms

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
FOOTAGE = ROOT / "infra" / "footage"
PICTURES = FOOTAGE / "staff" / "custode-1.jpg", FOOTAGE / "staff" / "custode-2.jpg"
# What this script presses, step by step: the README's bold words (the rail leads there), its cursive ones (on the page), its keys.
FOLLOWED = [
    (["Users"], [], []),
    (["Watch room"], [], ["a"]),
    (["Sites → Square of Miracles → Square"], [], []),
    (["Training", "Models"], ["Start", "Publish", "Roll back"], []),
    (["People & access"], ["Face log"], []),
    (["Desk"], ["Examine", "Face comparison, 1:1"], []),
]
LANGUAGES = pytest.mark.parametrize("language", ["en", "it"])
LOCALES = {"en": "en-GB", "it": "it-IT"}
SOON = 90  # seconds on an idle machine; every wait grows with the load
VISITOR = 308, slice(202, 423), slice(122, 417)  # a frame of the gate's clip, and where in it somebody's face is who is on no list
DROP = """(files) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) carried.items.add(new File([Uint8Array.from(atob(content), (each) => each.charCodeAt(0))], name));
  return carried;
}"""


@dataclasses.dataclass(slots=True)
class Followed:
    """Who follows the steps (cookies by language), how long each took, and what one step must remember for another."""

    cookies: dict[str, dict]
    seconds: dict[tuple[int, str], float] = dataclasses.field(default_factory=dict)
    found: dict[str, str] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, number: int, language: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[number, language] = self.seconds.get((number, language), 0.0) + time.monotonic() - began

    def table(self) -> str:
        """A line for each step (`pytest -s` shows it)."""
        cells = lambda number: (f"{self.seconds.get((number, language), float('nan')):8.1f}" for language in LOCALES)  # noqa: E731
        return "\n".join(["", "step" + "".join(f"{language:>8}" for language in LOCALES), *(f"{n:4}{''.join(cells(n))}" for n in range(1, 7))])


@pytest.fixture(scope="module")
def followed(galileo) -> Iterator[Followed]:
    found = Followed({"en": galileo.cookies}, {(1, "en"): galileo.seconds})
    yield found
    print(found.table())


@pytest.fixture
def open_as(up, chromium, followed) -> Iterator[Callable[..., Page]]:
    """Open a page as the person who reads in that language; questions are answered with yes."""
    with watched_pages(chromium, up.address) as opened:

        def open_one(language: str, path: str = "/", size: dict[str, int] = DESKTOP) -> Page:
            page = opened(path, size, None, storage_state=followed.cookies[language], locale=LOCALES[language])
            page.on("dialog", lambda dialog: dialog.accept())
            assert page.locator("html").get_attribute("lang") == language
            return page

        yield open_one


@pytest.fixture
def camera_browser(chromium, tmp_path) -> Iterator[Browser]:
    """Another Chromium, whose camera shows a visitor."""
    number, rows, columns = VISITOR
    clip = cv2.VideoCapture(str(FOOTAGE / "gate.webm"))
    frame = next(picture for n in range(number + 1) if (picture := clip.read()[1]) is not None and n == number)
    shown = tmp_path / "camera.mjpeg"
    shown.write_bytes(cv2.imencode(".jpg", cv2.resize(frame[rows, columns], (640, 480)), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() * 5)
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=[*arguments, f"--use-file-for-fake-video-capture={shown}"])
    yield browser
    browser.close()


def words(language: str) -> story.Words:
    """What an English text is on the pages of this language."""

    def word(text: str) -> str:
        with translation.override(language):
            return translation.gettext(text)

    return word


def go(page: Page, name: str) -> None:
    """Click an entry of the rail."""
    page.locator("nav.rail").get_by_role("link", name=name, exact=True).click()


def readme_steps() -> list[tuple[list[str], list[str], list[str]]]:
    """The numbered list under "What to click first": of each item the bold words, the cursive ones, the keys."""
    part = (ROOT / "README.md").read_text().split("## What to click first\n")[1].split("\n## ")[0]
    items = re.split(r"^\d+\. ", part, flags=re.MULTILINE)[1:]
    patterns = r"\*\*([^*]+)\*\*", r"(?<!\*)\*([^*]+)\*(?!\*)", r"`([^`]+)`"
    return [tuple(re.findall(pattern, item.split("\n\n")[0]) for pattern in patterns) for item in items]


def test_the_readme_says_what_is_followed_here():
    assert readme_steps() == FOLLOWED


def test_step_1_the_printed_password_then_ones_own_and_a_colleague_invited_under_users(up, chromium, galileo, followed, open_as):
    assert galileo.path == ["/new-password/", "/new-password/", "/"]
    with followed.step(1, "it"):
        boss = open_as("en")
        go(boss, "Users")
        boss.get_by_role("button", name="Invite somebody").click()
        boss.fill("[name=email]", "chiara@specola.example")
        boss.fill("[name=name]", "Chiara")
        boss.select_option("[name=by]", "password")
        for box in boss.get_by_role("group", name="Every site").locator("input").all():
            box.check()
        boss.get_by_role("button", name="Invite", exact=True).click()
        password = boss.locator("#secret").inner_text()
        chiara = first_visit(up, chromium, "chiara@specola.example", password, locale=LOCALES["it"])
    followed.cookies["it"] = chiara.cookies
    assert chiara.path == ["/new-password/", "/new-password/", "/"]


@LANGUAGES
def test_step_2_alerts_of_four_cameras_come_and_one_is_acknowledged_with_a(open_as, followed, language):
    page = open_as(language, "/sites/")
    with followed.step(2, language):
        go(page, words(language)("Watch room"))
        expect(page.locator("#rows[data-connected=true]")).to_be_attached()  # before the page's script is there, a row is a link to a page of its own
        cameras = "new Set([...document.querySelectorAll('#rows .row:not(:has(.demo))')].map((row) => row.dataset.camera).filter(Boolean)).size"
        wait_until(page, f"{cameras} === {story.CAMERAS}", SOON)
        number = page.locator("#rows .row[data-state=new]").first.get_attribute("data-alert")
        row = page.locator(f"#alert-{number}")
        row.locator("a").click()
        expect(page.locator(f"#pane [data-shown='{number}']")).to_be_visible()
        page.keyboard.press("a")
        expect(row.locator(".state-acknowledged")).to_be_visible()


@LANGUAGES
def test_step_3_a_corner_is_dragged_and_the_camera_follows(open_as, followed, language):
    page, word = open_as(language), words(language)
    with followed.step(3, language):
        sites, site, camera = FOLLOWED[2][0][0].split(" → ")
        go(page, word(sites))
        page.locator("main").get_by_role("link", name=word(site), exact=True).click()
        page.locator(".camera-tile").get_by_role("link", name=word(camera), exact=True).click()
        expect(page.locator("#still")).to_be_visible(timeout=patience_ms(SOON))
        corner, far = page.locator("#drawing [data-shape='1'][data-point='2']"), 30 if language == "it" else -30
        corner.hover()  # waits until the page stands still: the picture gives the stage its proportions
        at = corner.bounding_box()
        x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
        page.mouse.down()
        page.mouse.move(x + far, y + far / 2, steps=5)
        page.mouse.up()
        page.locator("#save").click()
        saved = re.compile(re.escape(word("Saved as version {n}.")).replace(r"\{n\}", r"(\d+)"))
        expect(page.locator("#saved")).to_have_text(saved)
        version = saved.search(page.locator("#saved").inner_text())[1]
        expect(page.locator("#agent-has")).to_have_text(word("The agent watches with version {n}").replace("{n}", version), timeout=patience_ms(SOON))


def test_step_4_three_cameras_train_and_end_in_a_candidate(open_as, followed):
    page = open_as("en")
    with followed.step(4, "en"):
        go(page, "Training")
        story.with_data(page)
        followed.found |= {"sha": story.trained(page, words("en"), rounds=1), "run": page.url}


def test_step_4_its_page_reads_well_on_a_phone(open_as, followed):
    page = open_as("en", followed.found["run"], PHONE)
    expect(page.locator("#chart canvas")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_step_4_tried_at_one_camera_published_to_all_and_rolled_back(open_as, followed):
    tried_published_rolled_back(open_as, followed, "en", followed.found["sha"])


def tried_published_rolled_back(open_as, followed, language: str, sha256: str) -> None:
    agents, page, word = open_as(language, "/agents/"), open_as(language), words(language)
    before = story.anomaly_model_of(agents)
    with followed.step(4, language):
        go(page, word("Models"))
        story.tried_at_one_camera(page, agents, word, sha256)
        go(page, word("Models"))
        story.published(page, agents, word, sha256)
        story.rolled_back(page, agents, word, before, sha256)


def test_step_4_the_audit_log_tells_who_did_it(up, open_as):
    page = open_as("en", "/audit/")
    expect(page.locator(".head .is-ok")).to_contain_text("chain holds")
    for verb in ("run.started", "model.canary_started", "model.published", "model.rolled_back"):
        page.goto(f"/audit/?verb={verb}")
        rows = page.locator(f"table.audit tr:has(td[title='{verb}']):has(td[title^='user:'])")
        expect(rows).to_have_count(1)
        expect(rows.locator("td").nth(1)).to_have_text(up.email)
    expect(page.locator("table.audit tr:has(td[title^='agent:'])")).to_have_count(story.CAMERAS)  # each agent's own row of the way back


def test_step_4_begins_in_italian_too(open_as):
    page, word = open_as("it"), words("it")
    go(page, word("Training"))
    expect(page.get_by_role("button", name=word("Start"), exact=True)).to_be_enabled()


@pytest.mark.long
def test_step_4_in_italian_as_the_form_offers_it(open_as, followed):
    page, word = open_as("it"), words("it")
    with followed.step(4, "it"):
        go(page, word("Training"))
        story.with_data(page)
        sha256 = story.trained(page, word)
    tried_published_rolled_back(open_as, followed, "it", sha256)


@LANGUAGES
def test_step_5_somebody_is_enrolled_with_the_camera_and_a_recognition_verified_by_two(up, camera_browser, open_as, followed, language):
    word, second = words(language), {"en": "it", "it": "en"}[language]
    with followed.step(5, language), watched_pages(camera_browser, up.address) as opened:
        page = opened("/", DESKTOP, None, storage_state=followed.cookies[language], locale=LOCALES[language])
        go(page, word("People & access"))
        page.get_by_role("button", name=word("Enrol somebody")).click()
        for name, value in {"name": "Lisa", "document": "7", "alternative": "badge"}.items():
            page.fill(f"[name={name}]", value)
        page.get_by_role("button", name=word("Use this computer's camera")).click()
        wait_until(page, "document.querySelector('#camera video').videoWidth > 0")
        page.get_by_role("button", name=word("Take a picture")).click()
        expect(page.locator("#chosen li[data-state=fits]")).to_have_count(1, timeout=patience_ms(SOON))
        page.get_by_role("button", name=word("Enrol"), exact=True).click()
        expect(page.get_by_role("heading", name="Lisa")).to_be_visible()
        person = page.url
        go(page, word("Face log"))
        unverified = page.locator("table.log tr:has(.state-word[data-status=queued]) a")
        loaded_again_until(page, lambda: unverified.count() > 0, SOON, "somebody at the door")
        unverified.first.click()
        page.locator(".answers button").first.click()
        expect(page.locator(".answers")).to_have_count(0)
        other = open_as(second, page.url)
        other.locator(".answers button").first.click()
        expect(other.locator(".given li")).to_have_count(2)
    page = open_as(language, person)
    page.locator("summary", has_text=word("Revoke")).click()
    page.get_by_role("button", name=word("Revoke now")).click()


@LANGUAGES
def test_step_6_a_picture_is_dropped_and_two_are_compared(open_as, followed, language):
    page, word = open_as(language), words(language)
    with followed.step(6, language):
        go(page, word("Desk"))
        examine(page, word, *PICTURES[:1])
        go(page, word("Desk"))
        page.select_option("#tool", label=word("Face comparison, 1:1"))
        examine(page, word, *PICTURES)
        expect(page.locator("#verdict h2")).to_contain_text("log10")


def examine(page: Page, word: story.Words, *pictures: Path) -> None:
    """Drop them on the desk, press the button, wait for the report."""
    expect(page.locator("#about")).not_to_be_empty()  # the page's script is there, which takes what is dropped
    carried = page.evaluate_handle(DROP, [[each.name, base64.b64encode(each.read_bytes()).decode()] for each in pictures])
    for moment in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#drop", moment, {"dataTransfer": carried})
    expect(page.locator("#chosen")).to_contain_text(pictures[0].name)
    page.get_by_role("button", name=word("Examine"), exact=True).click()
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(SOON))
