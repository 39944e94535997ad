"""The analysis desk in a real browser: a picture comes in by hand or by drop, is examined by the real worker, and goes out as page, JSON and PDF."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.drawn_memes import meme
from tests.e2e.conftest import DESKTOP, PHONE, wait_until
from tests.e2e.dropping import drop
from tests.e2e.server import working
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
STAFF = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff"
FACE, OTHER = STAFF / "custode-1.jpg", STAFF / "custode-2.jpg"
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
EXAMINED_S = 60  # a loaded machine, and the detectors are opened at the first case


@pytest.fixture(scope="module")
def worker(portal):
    with working(portal) as process:
        yield process


@pytest.fixture
def desk(open_page, worker):
    """Open the desk while a worker works."""
    return lambda role="operator", size=DESKTOP: open_page("/desk/", role, size)


@pytest.fixture
def report(desk):
    """A picture laid on the desk, and its report waited for."""

    def lay(*files, size=DESKTOP, tool="picture-check"):
        page = desk(size=size)
        examine(page, *files, tool=tool)
        expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
        return page

    return lay


def examine(page, *files, tool="picture-check"):
    page.locator("#tool").select_option(tool)
    page.locator("#file").set_input_files(list(files))
    page.locator("#desk button[type=submit]").click()


def refused(page, *files, tool="picture-check"):
    """What the desk says of files that it does not take."""
    page.watched.allow("422")
    examine(page, *files, tool=tool)
    expect(page.locator("h1")).to_have_text("Analysis desk")
    return page.locator(".notice.is-problem")


def download(page, name):
    with page.expect_download() as begun:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(begun.value.path()).read_bytes()


def test_progress_is_seen_live_and_the_report_comes_by_itself(open_page, portal):
    states = []
    listen = lambda socket: socket.on("framereceived", lambda frame: states.append(json.loads(frame)["state"]))  # noqa: E731
    page = open_page("/desk/", prepare=lambda page: page.on("websocket", listen))
    examine(page, FACE)
    expect(page.locator("#label")).to_have_text("Queued")
    wait_until(page, "document.querySelector('[data-connection]').hidden")
    with working(portal):
        expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    steps = [state for state in states if state["status"] == "running"]
    assert any(0 < state["progress"] < 1 and state["step"] for state in steps), states
    assert [state["progress"] for state in steps] == sorted(state["progress"] for state in steps)


@SIZES
def test_a_chosen_picture_comes_back_as_a_report(report, size):
    page = report(FACE, size=size)
    expect(page.locator("h1")).to_have_text(FACE.name)
    expect(page.locator(".parts", has_text="sha256").first).to_be_visible()
    wait_until(page, "document.querySelector('.evidence-list img').naturalWidth > 0")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_a_dropped_picture_comes_back_as_a_report(desk):
    page = desk()
    drop(page, FACE, "dropped.jpg")
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("h1")).to_have_text("dropped.jpg")
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))


def test_a_picture_is_known_by_its_content_whatever_its_name(report, tmp_path):
    misnamed = tmp_path / "misnamed.jpg"
    misnamed.write_bytes(cv2.imencode(".png", cv2.imread(str(FACE)))[1])
    expect(report(misnamed).get_by_text("PNG").first).to_be_visible()


def test_a_group_of_two_faces_is_counted(report, tmp_path):
    both = tmp_path / "both.png"
    cv2.imwrite(str(both), np.hstack([cv2.resize(cv2.imread(str(each)), (400, 480)) for each in (FACE, OTHER)]))
    page = report(both)
    expect(page.locator("tr", has=page.get_by_role("rowheader", name="Faces found", exact=True))).to_contain_text("2")


def test_the_report_goes_out_as_json_and_as_pdf(report):
    page = report(FACE)
    exported = json.loads(download(page, "JSON"))
    assert exported["verdict"]["label"]["text"] == page.locator("#verdict h2").text_content()
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in exported["models"].values())
    pdf = download(page, "PDF")
    assert pdf.startswith(b"%PDF")
    assert pdf.rstrip().endswith(b"%%EOF")


@SIZES
def test_a_comparison_shows_its_likelihood_ratio_with_interval_and_population(report, size):
    page = report(FACE, OTHER, size=size, tool="face-compare")
    expect(page.locator("#verdict h2")).to_have_text(re.compile(r"^log10 LR -\d\.\d \(-\d\.\d to -\d\.\d\)"))
    expect(page.locator("#verdict")).to_contain_text("It is no probability")
    expect(page.locator("#verdict")).to_contain_text("Population: Labeled Faces in the Wild")
    expect(page.locator(".evidence-list img")).to_have_count(4)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_a_file_against_itself_is_told_and_stays_under_the_cap(report):
    page = report(FACE, FACE, tool="face-compare")
    expect(page.locator("#verdict h2")).to_have_text("log10 LR +3.2 (+3.2 to +3.2), at the cap")
    expect(page.locator("#verdict")).to_contain_text("Both files are the same, byte for byte.")


def test_a_comparison_of_one_picture_is_refused(desk):
    page = desk()
    expect(refused(page, FACE, tool="face-compare")).to_have_text("This tool compares exactly two pictures.")
    expect(page.locator("#tool")).to_have_value("face-compare")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("letter.jpg", b"Dear museum, this is no picture at all.", "letter.jpg cannot be examined"),
        ("nothing.jpg", b"", "nothing.jpg is empty"),
        ("half.jpg", FACE.read_bytes()[: FACE.stat().st_size // 2], "half.jpg cannot be examined: the JPEG ends too early"),
        ("program.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "program.png cannot be examined"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_name_and_the_reason(desk, tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    page = desk()
    expect(refused(page, tmp_path / name)).to_contain_text(reason)
    page.goto("/desk/")
    expect(page.locator("tbody", has_text=name)).to_have_count(0)


def test_a_picture_that_is_too_large_is_refused_with_the_limit(desk, tmp_path):
    large = tmp_path / "huge.jpg"
    with large.open("wb") as file:
        file.write(FACE.read_bytes())
        file.truncate(50 * 2**20 + 1)
    expect(refused(desk(), large)).to_have_text("huge.jpg is too large: at most 50 MB.")


def test_nothing_is_sent_while_no_file_is_chosen(desk):
    page = desk()
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    page.locator("#desk button[type=submit]").click()
    assert page.evaluate("document.getElementById('file').validity.valueMissing")
    assert "POST" not in sent


def test_a_case_is_seen_by_who_opened_it_and_not_by_others(report, open_page):
    address = report(FACE).url
    page = open_page("/desk/", "manager")
    page.watched.allow("404")
    expect(page.locator("h1")).to_have_text("Analysis desk")
    expect(page.locator(f"tbody a[href='{urlsplit(address).path}']")).to_have_count(0)
    page.goto(address)
    expect(page.locator("h1")).not_to_have_text(FACE.name)


def test_the_case_stands_on_the_desk_with_its_finding(report):
    page = report(FACE)
    finding = page.locator("#verdict h2").text_content()
    page.get_by_role("link", name="Analysis desk").click()
    row = page.locator("tbody tr").first
    expect(row).to_contain_text(FACE.name)
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text(finding)


def sign_in(page, portal):
    page.goto(f"{portal.address}/sign-in/?next=/desk/")
    page.locator("[name=username]").fill("operator@specola.example")
    page.locator("[name=password]").fill(portal.password)
    page.locator("form button[type=submit]").first.click()
    expect(page.locator("h1")).to_have_text("Analysis desk")


def test_a_large_file_goes_on_after_its_session_ended_and_somebody_signed_in_again(open_page, portal, worker, tmp_path):
    large, pieces = tmp_path / "large.bmp", []
    cv2.imwrite(str(large), np.random.default_rng(1).integers(0, 255, (2400, 3000, 3), np.uint8))
    page = open_page("/sign-in/", "")
    page.watched.allow("401")
    sign_in(page, portal)

    def end_the_session_before_the_second_piece(route):
        pieces.append(route.request.method)
        if pieces.count("PATCH") == 2 and pieces[-1] == "PATCH":
            key = next(each["value"] for each in page.context.cookies() if each["name"] == "sessionid")
            portal.django(f"from django.contrib.sessions.models import Session; Session.objects.filter(pk={key!r}).delete()")
        route.continue_()

    page.route("**/api/v1/uploads/*", end_the_session_before_the_second_piece)
    examine(page, large)
    expect(page.locator("#problem")).to_contain_text("You were signed out", timeout=patience_ms(EXAMINED_S))
    tab = page.context.new_page()
    sign_in(tab, portal)
    tab.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    expect(page.locator("h1")).to_have_text("large.bmp")


def test_a_memes_text_is_read_corrected_and_examined_again(desk, tmp_path):
    page = desk()
    page.locator("#tool").select_option("persuasion-check")
    drop(page, meme(tmp_path / "meme.png", low="OUR BEAUTIFUL MUSEVM!"), "meme.png")
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    expect(page.locator("#evidence-lines-picture img")).to_be_visible()
    text = page.locator("#correct-text textarea")
    expect(text).to_have_value(re.compile("DISGUSTING"))
    text.fill(text.input_value().replace("MUSEVM", "MUSEUM"))
    page.get_by_role("button", name="Examine the corrected text").click()
    expect(page.locator("#answer-list tr[aria-current=true]")).to_contain_text("Corrected text")
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    expect(page.locator("#evidence-text .marked mark").first).to_be_visible()
    expect(page.locator("#evidence-text .passages")).to_contain_text("loaded language")


def test_a_colleague_works_on_a_case_and_its_end_date_moves(report):
    page = report(FACE, size=PHONE)
    page.locator("summary", has_text="Let somebody work on it").click()
    page.locator("#add-person button").click()
    expect(page.locator(".people li").first).to_be_visible()
    page.locator("summary", has_text="Change the end date").click()
    soon = page.evaluate("new Date(Date.now() + 5 * 864e5).toISOString().slice(0, 10)")
    page.locator("#end-date [name=kept_until]").fill(soon)
    page.locator("#end-date [name=kept_because]").fill("The newspaper has printed a correction")
    page.locator("#end-date button").click()
    expect(page.locator("#custody")).to_contain_text("changed until when a case is kept")
    expect(page.locator("#end")).to_have_class("notice")
    page.get_by_role("link", name="Analysis desk").first.click()
    page.locator("#case-filter [name=status]").select_option("ending")
    page.locator("#case-filter [name=people]").select_option("me")
    page.locator("#case-filter button").click()
    expect(page.locator("tbody tr").first).to_contain_text("goes after")
