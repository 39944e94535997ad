"""A disk with no room left, a real one of 256 kB: every write of a file is answered with a sentence, and nothing is half kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_scene import scene
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from detectors import image
from detectors.bench import scene as drawn
from portal.analysis import tasks
from portal.analysis.models import Case, CaseFile, CaseState
from portal.core import media

pytestmark = pytest.mark.django_db(transaction=True)
PICTURE = image.encode_jpeg(drawn(0))


@pytest.fixture
def small_disk(tmp_path: Path, settings) -> Iterator[Path]:
    """The media store on a file system of 256 kB; `fill` leaves no byte of it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=1000", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    settings.MEDIA_FOLDER = disk / "media"
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def make_room(disk: Path) -> None:
    (disk / "filling").unlink()


def lay(client, **more):
    return client.post(reverse("analysis:desk"), {"tool": "picture-check", "file": SimpleUploadedFile("a.jpg", PICTURE)}, **more)


def test_the_desk_answers_with_a_sentence_keeps_nothing_and_goes_on_when_there_is_room(client, small_disk):
    client.raise_request_exception = False
    client.force_login(scene().operator)
    fill(small_disk)
    refused = lay(client)
    assert refused.status_code == 507
    assert "The portal's disk is full" in refused.text
    assert "Il disco del portale è pieno" in refused.text
    assert Case.objects.count() == 0
    assert [file for file in small_disk.rglob("*") if file.is_file()] == [small_disk / "filling"]
    make_room(small_disk)
    assert lay(client).status_code == 302
    assert Case.objects.count() == 1


def test_a_program_gets_the_sentence_as_json_in_its_language(client, small_disk):
    client.raise_request_exception = False
    client.force_login(scene().operator)
    fill(small_disk)
    refused = lay(client, headers={"accept": "application/json", "accept-language": "it"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (507, "application/json")
    assert refused.json()["detail"].startswith("Il disco del portale è pieno")


def test_a_case_whose_findings_find_no_room_fails_with_that_reason(client, small_disk):
    at = scene()
    sha256 = media.put(PICTURE)
    case = Case.objects.create(tool="picture-check", title="A", site=at.site, opened_by=at.operator)
    CaseFile.objects.create(case=case, name="a.jpg", sha256=sha256, kind="JPEG", size=len(PICTURE))
    fill(small_disk)
    tasks.run_case(case.pk)
    case.refresh_from_db()
    assert (case.state, case.failure["code"]) == (CaseState.FAILED, "disk")
