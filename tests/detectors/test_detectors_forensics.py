"""Picture forensics: each technique finds what was done to a picture made here and keeps still about the same picture untouched."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import detectors
from detectors import image, jpegfile
from detectors.__main__ import main
from detectors.attacks import tampered
from detectors.forensics import tables
from detectors.forensics.check import PictureForensics
from detectors.forensics.exhibit import MOST, open_exhibit
from detectors.forensics.techniques import MEASURED, WEAK, measure
from detectors.messages import LANGUAGES, worded
from detectors.types import Report

STAFF = sorted((Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff").glob("*.jpg"))


@functools.cache
def host() -> np.ndarray:
    """A textured picture of 512 x 384 that was never a JPEG: a portrait made smaller, with the noise of a sensor."""
    picture = cv2.resize(image.read(STAFF[0]), (512, 384), interpolation=cv2.INTER_AREA)
    return np.clip(picture + np.random.default_rng(0).normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def checker():
    return detectors.load("picture-forensics")


def report(checker, folder: Path, content: bytes) -> Report:
    (folder / "upload").write_bytes(content)
    return checker.report([folder / "upload"])


def outcomes(made: Report) -> dict[str, str]:
    return {part.name: part.value("outcome").code.removeprefix("forensics-is-") for part in made.parts}


def scores(content: bytes) -> dict[str, float | None]:
    return {name: each.score for name, each in measure(open_exhibit(content)).items()}


def pasted(quality: int) -> np.ndarray:
    """The host with a part that had been saved at another quality, on its grid."""
    made = host().copy()
    made[96:256, 160:352] = tampered.opened(tampered.jpeg(host(), quality))[96:256, 160:352]
    return made


def test_the_tables_of_libjpeg_are_read_with_their_quality_and_those_of_photoshop_by_name():
    for quality in (30, 75, 92):
        parsed = jpegfile.parse(tampered.jpeg(host(), quality))
        assert (parsed.sampling, tables.family(parsed.tables, parsed.luma)) == ("4:2:0", tables.TableFamily("standard", "", quality, 0.0))
    named = tables.family({0: tables.presets()["maximum"]}, tables.presets()["maximum"])
    assert (named.name, named.setting) == ("preset", "web very high, maximum")
    assert tables.family({0: np.full((8, 8), 7)}, np.full((8, 8), 7)).name == "own"


def test_a_single_save_is_silent_and_a_second_one_is_found_with_the_quality_of_the_first(checker, tmp_path):
    once, twice = tampered.jpeg(host(), 92), tampered.jpeg(tampered.opened(tampered.jpeg(host(), 66)), 92)
    assert outcomes(report(checker, tmp_path, once))["double"] == "nothing"
    made = report(checker, tmp_path, twice)
    assert outcomes(made)["double"] == "found"
    assert made.verdict.band == "unsure"  # a re-save alone is no sign of editing
    assert next(part for part in made.parts if part.name == "double").value("quality") == 66
    assert "histogram" in [each.name for each in made.evidence]


def test_a_part_of_lower_quality_is_found_as_a_ghost_at_its_place(checker, tmp_path):
    found = measure(open_exhibit(tampered.jpeg(pasted(60), 92)))["ghosts"]
    assert found.score > 1.3 * checker.card.thresholds["ghosts"]
    bright = cv2.resize(cv2.cvtColor(found.drawing, cv2.COLOR_BGR2GRAY), (64, 48))
    inside = bright[14:30, 22:42].mean()
    bright[10:34, 18:46] = 0
    assert inside > 4 * bright.mean()
    assert scores(tampered.jpeg(host(), 92))["ghosts"] < checker.card.thresholds["ghosts"]


def test_a_copied_area_is_found_and_repeated_detail_of_an_untouched_picture_is_not(checker):
    made = host().copy()
    made[200:360, 20:180] = host()[60:220, 190:350]
    assert scores(tampered.jpeg(made, 90))["copy-move"] >= checker.card.thresholds["copy-move"]
    assert scores(tampered.jpeg(host(), 90))["copy-move"] < checker.card.thresholds["copy-move"]


def test_an_enlarged_picture_is_found(checker):
    once, larger = (scores(tampered.jpeg(each, 92))["resampling"] for each in (host(), tampered.resized(host(), 1.5)))
    assert larger >= checker.card.thresholds["resampling"] > once


def test_noise_of_another_strength_stands_out_and_so_does_a_part_that_was_never_saved(checker):
    noisy = cv2.GaussianBlur(host(), (0, 0), 0.8)
    plain = scores(cv2.imencode(".png", noisy)[1].tobytes())["noise"]
    noisy[128:224, 128:288] = np.clip(noisy[128:224, 128:288] + np.random.default_rng(1).normal(0, 8, (96, 160, 3)), 0, 255)
    assert scores(cv2.imencode(".png", noisy)[1].tobytes())["noise"] > 1.5 * plain
    fresh = tampered.opened(tampered.jpeg(host(), 60))
    still = scores(cv2.imencode(".png", fresh)[1].tobytes())["error-level"]
    fresh[96:256, 160:352] = host()[96:256, 160:352]
    assert scores(cv2.imencode(".png", fresh)[1].tobytes())["error-level"] > 1.5 * still


def test_what_was_measured_too_weak_is_no_hint_and_no_reason(checker, tmp_path):
    low = dict.fromkeys(WEAK, 0.0)
    made = report(PictureForensics(None, dataclasses.replace(checker.card, thresholds={**checker.card.thresholds, **low})), tmp_path, tampered.jpeg(host(), 92))
    assert {outcomes(made)[name] for name in WEAK} == {"weak"}
    assert made.verdict.label.code == "forensics-no-signs"
    assert [each.code for each in made.verdict.reasons] == ["forensics-rest", "forensics-silent", "forensics-errs"]


def test_a_thumbnail_of_another_picture_is_found_and_its_own_is_not(checker, tmp_path):
    changed = host().copy()
    changed[100:240, 300:440] = 20
    small, saved = tampered.resized(host(), 160 / 512), tampered.jpeg(host(), 90)
    assert outcomes(report(checker, tmp_path, tampered.with_thumbnail(saved, small)))["thumbnail"] == "nothing"
    made = report(checker, tmp_path, tampered.with_thumbnail(tampered.jpeg(changed, 90), small))
    assert outcomes(made)["thumbnail"] == "found"
    assert made.verdict.band == "suspicious"
    bars = cv2.copyMakeBorder(small, 7, 7, 0, 0, cv2.BORDER_CONSTANT)
    assert outcomes(report(checker, tmp_path, tampered.with_thumbnail(saved, bars)))["thumbnail"] == "nothing"


def encoded(kind: str) -> bytes:
    """Files that give little to work on."""
    if kind == "cmyk":
        buffer = io.BytesIO()
        Image.fromarray(host()[..., ::-1]).convert("CMYK").save(buffer, "JPEG", quality=90)
        return buffer.getvalue()
    made = {
        "png": host(),
        "16-bit": (host().astype(np.uint16) * 257),
        "dot": np.full((1, 1, 3), 9, np.uint8),
        "strip": np.full((1, 3000, 3), 9, np.uint8),
        "flat": np.full((200, 200, 3), 90, np.uint8),
    }
    return cv2.imencode(".jpg" if kind == "flat" else ".png", made[kind])[1].tobytes()


@pytest.mark.parametrize(
    ("kind", "silent"),
    [("png", {"tables", "double", "thumbnail"}), ("16-bit", {"tables", "thumbnail"}), ("cmyk", {"double", "ghosts"}), ("dot", set(MEASURED)),
     ("strip", set(MEASURED)),
     ("flat", {"noise", "resampling", "copy-move"})],
)  # fmt: skip
def test_a_file_that_gives_nothing_to_work_on_is_answered_with_the_reason(checker, tmp_path, kind, silent):
    made = report(checker, tmp_path, encoded(kind))
    assert silent <= {name for name, outcome in outcomes(made).items() if outcome == "silent"}
    for part in made.parts:
        values = {field.key: field.value for field in part.fields}
        assert ("why" in values) == (values["outcome"].code == "forensics-is-silent")
        assert all(worded(values["limit"], language) for language in LANGUAGES)


def test_of_a_large_picture_the_middle_is_examined_and_the_report_says_so(checker, tmp_path):
    made = report(checker, tmp_path, tampered.jpeg(np.tile(host()[:128], (1, 9, 1)), 90))
    assert ("forensics-cut", {"width": MOST[0], "height": 128}) in [(each.code, each.params) for each in made.verdict.reasons]


def test_maps_are_turned_as_the_picture_is_seen(checker, tmp_path):
    turned = tampered.with_thumbnail(tampered.jpeg(host(), 90), host()[:100, :100]).replace(
        b"\x12\x01\x03\x00\x01\x00\x00\x00\x01", b"\x12\x01\x03\x00\x01\x00\x00\x00\x06"
    )
    made = next(each for each in report(checker, tmp_path, turned).evidence if each.name == "noise")
    assert image.read(made.content).shape[:2] == (512, 384)


def test_the_evaluator_reads_what_the_generator_writes_and_both_are_the_same_twice(tmp_path, capsys):
    (tmp_path / "sources").mkdir()
    for n in range(2):
        (tmp_path / "sources" / f"{n}.jpg").write_bytes(tampered.jpeg(cv2.flip(host(), n)[:240, :320], 92))
    for out in ("one", "two"):
        assert tampered.make(tmp_path / "sources", tmp_path / out, count=2, seed=1) == 28
    assert all((tmp_path / "two" / each.name).read_bytes() == each.read_bytes() for each in (tmp_path / "one").iterdir())
    assert main(["evaluate", "picture-forensics", str(tmp_path / "one"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], answer["sources"]) == (28, 2)
    assert {f"{what}_{name}" for name in MEASURED for what in ("auc", "found", "false_alarms")} < set(answer["metrics"])
    assert set(answer["rivals"]["plainest_figure"]) == {f"auc_{name}" for name in MEASURED}
