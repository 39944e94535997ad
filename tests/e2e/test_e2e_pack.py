"""From a clip or a picture dropped on the desk to an evidence pack that a stranger checks: the pack holds, and one changed byte of the file is named."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.dropping import drop
from tests.e2e.server import working
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
FOOTAGE = Path(__file__).resolve().parent.parent.parent / "infra" / "footage"
FACE, CLIP = FOOTAGE / "staff" / "custode-1.jpg", FOOTAGE / "gate.webm"
EXAMINED_S = 60


@pytest.fixture(scope="module")
def worker(portal):
    with working(portal) as process:
        yield process


def tampered(pack: Path, target: Path) -> Path:
    """The same pack with one bit of the input turned; everything else, the ZIP's own sums too, fits."""
    with zipfile.ZipFile(pack) as archive, zipfile.ZipFile(target, "w") as changed:
        for each in archive.infolist():
            content = archive.read(each)
            if "/data/inputs/" in each.filename:
                content = content[:-1] + bytes([content[-1] ^ 1])
            changed.writestr(each, content)
    return target


def lay(page, pack: Path) -> None:
    page.locator("#verify input[type=file]").set_input_files(pack)
    page.locator("#verify button[type=submit]").click()


def ask_another(page, tool: str, title: str) -> None:
    """Ask a further tool about the same files from the case's page, read its report, and come back over the list of answers."""
    page.locator("#answers summary").click()
    page.locator("#ask-another select").select_option(tool)
    page.locator("#ask-another button").click()
    expect(page.locator("#answer-list tr[aria-current]")).to_contain_text(title)
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    page.locator("#answer-list a").click()
    expect(page.locator("#answer-list [data-status=done]")).to_have_count(2)
    expect(page.locator("#answer-list tr:not([aria-current]) a")).to_have_text(title)


@pytest.mark.parametrize(("size", "file", "tool"), [(DESKTOP, CLIP, "deepfake-check"), (PHONE, FACE, "picture-check")], ids=["desktop-clip", "phone-picture"])
def test_what_is_dropped_on_the_desk_leaves_as_a_pack_that_a_stranger_checks(open_page, worker, tmp_path, size, file, tool):
    page = open_page("/desk/", "operator", size)
    page.locator("#tool").select_option(tool)
    drop(page, file)
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
    expect(page.locator("#timeline")).to_have_count(1 if file == CLIP else 0)
    ask_another(page, *(("video-forensics", "Video forensics") if file == CLIP else ("picture-forensics", "Picture forensics")))
    expect(page.locator("#custody")).to_contain_text("opened a case")
    page.locator("#export input[name=reason]").fill("For the court of Pisa")
    with page.expect_download() as download:
        page.locator("#export button").click()
    pack = tmp_path / "pack.zip"
    download.value.save_as(pack)
    assert re.fullmatch(r"specola-case-\d+\.zip", download.value.suggested_filename)
    page.reload()
    expect(page.locator("#custody")).to_contain_text("For the court of Pisa")
    with page.expect_download() as original:
        page.locator("a[download]").click()
    assert hashlib.sha256(Path(original.value.path()).read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")

    stranger = open_page("/verify/", "", size)
    lay(stranger, pack)
    expect(stranger.locator("#result[data-holds=yes]")).to_contain_text("1 input is the file that the custody records")
    expect(stranger.locator("#result [data-outcome=broken]")).to_have_count(0)
    lay(stranger, tampered(pack, tmp_path / "tampered.zip"))
    expect(stranger.locator("#result[data-holds=no] [data-outcome=broken] li")).to_have_text(
        [f"data/inputs/001-{file.name} was changed: at least one byte is not as it was packed."]
    )
    assert stranger.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def pasted_posts() -> str:
    """Two hundred posts: five accounts write the same within seconds of each other eight times; two posts hold markup and a formula."""
    same = "Nobody says why the tower is closed since yesterday: ask them"
    rows = [f"{hour:02d}:30:{2 * n:02d},hand_{n},{same}" for hour in range(8, 16) for n in range(5)]
    rows += ["09:00:00,anna,\"<script>document.title='taken'</script> <b>bold</b>\"", "09:05:00,bruno,=HYPERLINK(1)"]
    rows += [
        f"{8 + n % 9:02d}:{n % 60:02d}:11,person_{n % 40},Post number {n} about {['sun', 'rain', 'bread', 'wine', 'stone'][n % 5]} and {n * 7919 % 997}"
        for n in range(158)
    ]
    return "\n".join(["time,account,text", *(f"2026-09-01 {row}" for row in rows)])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_hundred_pasted_posts_become_a_campaign_view_that_leaves_as_a_pack(open_page, worker, tmp_path, size):
    page = open_page("/desk/", "operator", size)
    page.locator("#tool").select_option("campaign")
    page.locator("#text").fill(pasted_posts())
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("#verdict")).to_contain_text("5 accounts post in time", timeout=patience_ms(EXAMINED_S))
    expect(page.locator("main")).to_contain_text("hand_0")
    assert page.title() != "taken"
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    account = page.locator("#evidence-accounts tbody tr").filter(has_text="hand_3")
    expect(account).to_contain_text("cannot say")
    account.get_by_role("link", name="hand_3").click()
    expect(page.locator("h1")).to_have_text("hand_3")
    expect(page.locator("#posts li")).to_have_count(8)
    expect(page.locator("#posts li").first).to_contain_text("The same words from 4 other accounts.")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.go_back()
    expect(page.locator("#columns")).to_contain_text("Column taken as account: account")
    with page.expect_download() as bundle:
        page.locator("#stix").click()
    found = Path(bundle.value.path()).read_text()
    assert (json.loads(found)["type"], "hand_3" in found, "account-" in found) == ("bundle", False, True)
    with page.expect_download() as table:
        page.locator("#evidence-groups").get_by_role("link", name="CSV").click()
    assert "hand_" not in Path(table.value.path()).read_text()
    page.locator("#export input[name=reason]").fill("For the press office")
    with page.expect_download() as download:
        page.locator("#export button").click()
    download.value.save_as(tmp_path / "pack.zip")
    stranger = open_page("/verify/", "", size)
    lay(stranger, tmp_path / "pack.zip")
    expect(stranger.locator("#result[data-holds=yes]")).to_contain_text("they hold names of people")
