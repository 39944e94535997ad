"""Damaged files and those of phones through the picture check: a report or a reason, never a crash."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import detectors
from detectors.errors import BadInput
from detectors.messages import worded
from tests.load.bench_mutants import damaged, originals

HEIC = Path(__file__).resolve().parents[1] / "media" / "portrait-turned.heic"


@pytest.fixture(scope="module")
def checker():
    return detectors.load("picture-check")


def check(checker, tmp_path, content: bytes):
    (tmp_path / "upload").write_bytes(content)
    return checker.report([tmp_path / "upload"])


def exif_of(report) -> dict[str, object]:
    return {field.key: field.value for each in report.parts if each.name == "exif" for field in each.fields}


def test_exif_of_the_formats_of_phones_is_read(checker, tmp_path):
    """libheif writes the block without "Exif" before it, on which exifread fails; the file is whole all the same."""
    picture, out = Image.new("RGB", (60, 40), "grey"), io.BytesIO()
    exif = picture.getexif()
    exif[0x010F] = "Leica"
    picture.save(out, "AVIF", exif=exif)
    assert exif_of(check(checker, tmp_path, out.getvalue())) == {"found": True, "make": "Leica"}
    assert exif_of(check(checker, tmp_path, HEIC.read_bytes()))["found"] is True


def test_damaged_files_of_every_format_end_in_a_report_or_in_a_reason(checker, tmp_path):
    rng, wholes, ends = random.Random(0), [*originals(), HEIC.read_bytes()], Counter()
    for _ in range(150):
        try:
            ends[check(checker, tmp_path, damaged(wholes, rng)).verdict.band] += 1
        except BadInput as error:
            ends[bool(worded(error.message))] += 1
    assert ends[False] == 0
    assert min(ends[True], ends["unsure"]) > 20  # some are read, some refused: neither way is untried
