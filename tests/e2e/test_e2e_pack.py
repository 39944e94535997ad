"""From a picture on the desk to an evidence pack that a stranger checks: the pack holds, and one changed byte of the picture is named."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.server import working
from tests.waiting import patience_ms

pytestmark = pytest.mark.browser
FACE = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff" / "custode-1.jpg"
EXAMINED_S = 60
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@pytest.fixture(scope="module")
def worker(portal):
    with working(portal) as process:
        yield process


def tampered(pack: Path, target: Path) -> Path:
    """The same pack with one bit of the picture turned; everything else, the ZIP's own sums too, fits."""
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


@SIZES
def test_a_case_leaves_as_a_pack_and_a_stranger_checks_it(open_page, worker, tmp_path, size):
    page = open_page("/desk/", "operator", size)
    page.locator("#file").set_input_files(FACE)
    page.locator("#desk button[type=submit]").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=patience_ms(EXAMINED_S))
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
    assert hashlib.sha256(Path(original.value.path()).read_bytes()).digest() == hashlib.sha256(FACE.read_bytes()).digest()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")

    stranger = open_page("/verify/", "", size)
    lay(stranger, pack)
    expect(stranger.locator("#result[data-holds=yes]")).to_contain_text("1 input is the file that the custody records")
    expect(stranger.locator("#result [data-outcome=broken]")).to_have_count(0)
    lay(stranger, tampered(pack, tmp_path / "tampered.zip"))
    expect(stranger.locator("#result[data-holds=no] [data-outcome=broken] li")).to_have_text(
        ["data/inputs/001-custode-1.jpg was changed: at least one byte is not as it was packed."]
    )
    assert stranger.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
