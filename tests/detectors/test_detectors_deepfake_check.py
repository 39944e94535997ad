"""The desk tool for manipulated faces: people as letters, an answer that is a hint, error rates of files like this one, and files that cannot be judged."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image, video
from detectors.deepfake.check import PEOPLE, DeepfakeCheck, runs_above
from detectors.deepfake.compression import bits_a_pixel, jpeg_quality
from detectors.deepfake.examine import FaceEvidence, sampled
from detectors.errors import BadInput
from detectors.messages import worded
from detectors.reports import report_to_json
from detectors.types import Box, Face, PlotEvidence, Report, TableEvidence

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
TURNED = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)  # the matrix that a phone writes when it is held upright


@pytest.fixture(scope="module")
def check() -> DeepfakeCheck:
    return detectors.load("deepfake-check")


@pytest.fixture(scope="module")
def portraits() -> list[np.ndarray]:
    return [image.read(STAFF / f"custode-{n}.jpg") for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def two(portraits, tmp_path_factory) -> Path:
    """A clip of one second in which two people stand side by side."""
    file = tmp_path_factory.mktemp("clips") / "two.webm"
    frame = np.hstack([cv2.resize(each, (240, 288), interpolation=cv2.INTER_AREA) for each in portraits[:2]])
    video.write_webm(file, [frame] * 10, 10.0)
    return file


@pytest.fixture
def bounded(check):
    """The tool with other thresholds, so that each answer is met."""

    def build(**bounds: float) -> DeepfakeCheck:
        return DeepfakeCheck(None, dataclasses.replace(check.card, thresholds=check.card.thresholds | {"picture": bounds, "clip": bounds}))

    return build


def table(report: Report) -> TableEvidence:
    return next(each for each in report.evidence if isinstance(each, TableEvidence))


def codes(report: Report) -> list[str]:
    return [each.code for each in report.verdict.reasons]


def test_a_picture_gives_each_person_a_letter_a_score_and_a_map(check, portraits, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(image.encode_png(np.hstack([portraits[0], portraits[1]])))
    report = check.report([file])
    assert [row[0] for row in table(report).rows] == ["A", "B"]
    assert [each.name for each in report.evidence] == ["people", "scores", "person-a", "person-b"]
    assert report.timeline == ()
    assert report.seconds is None
    assert "deepfake-errs-stills-received" in codes(report)
    assert "deepfake-many" in codes(report)


def test_a_clip_gives_each_person_a_score_over_its_seconds(check, two):
    report = check.report([two])
    curve = next(each for each in report.evidence if isinstance(each, PlotEvidence))
    assert [row[0] for row in table(report).rows] == ["A", "B"]
    assert len(curve.series) == 3
    assert all(0 <= t < 1 for series in curve.series for t in series.x)
    assert report.seconds == max(t for series in curve.series for t in series.x)
    assert len(curve.series[0].x) == table(report).rows[0][3] == 8


@pytest.mark.parametrize(
    ("bounds", "label", "band", "reason"),
    [
        ({"low": -50.0, "high": -40.0}, "deepfake-sign", "suspicious", "deepfake-sign-why"),
        ({"low": -50.0, "high": 50.0}, "deepfake-cannot", "unsure", "deepfake-cannot-why"),
        ({"low": 40.0, "high": 50.0}, "deepfake-none", "unsure", "deepfake-errs-none"),
    ],
)
def test_each_answer_is_a_hint_with_its_error_rates(bounded, two, bounds, label, band, reason):
    report = bounded(**bounds).report([two])
    assert (report.verdict.label.code, report.verdict.band) == (label, band)
    assert {reason, "deepfake-errs-clips", "deepfake-answers-clip", "deepfake-auc-clip", "deepfake-fooled"} <= set(codes(report))
    assert len(report.timeline) == (2 if label == "deepfake-sign" else 0)
    for language in ("en", "it"):
        spoken = " ".join(worded(each, language) for each in (report.verdict.label, *report.verdict.reasons))
        assert not re.search(r"\b(is|è) (a )?(fake|deepfake|falso)\b|\d ?%", spoken)


def test_small_faces_get_no_sign_where_real_ones_are_flagged_as_often(bounded, portraits, tmp_path):
    card, files = bounded(low=-50.0, high=-40.0).card, {}
    small = card.metrics["stills small"] | {"fakes_above": card.metrics["stills small"]["real_above"]}
    tool = DeepfakeCheck(None, dataclasses.replace(card, metrics=card.metrics | {"stills small": small}))
    for name, width in (("large", 300), ("small", 170)):
        files[name] = tmp_path / f"{name}.png"
        files[name].write_bytes(image.encode_png(cv2.resize(portraits[0], (width, width * 6 // 5), interpolation=cv2.INTER_AREA)))
    assert tool.report([files["large"]]).verdict.label.code == "deepfake-sign"
    small = tool.report([files["small"]])
    assert small.verdict.label.code == "deepfake-cannot"
    assert {"deepfake-worthless", "deepfake-errs-stills-small"} <= set(codes(small))


def test_of_a_crowd_the_largest_are_reported_and_the_rest_counted(check, portraits, tmp_path):
    tile = cv2.resize(portraits[0], (130, 156), interpolation=cv2.INTER_AREA)
    (tmp_path / "crowd.png").write_bytes(image.encode_png(np.vstack([np.hstack([tile] * 7)] * 2)))
    report = check.report([tmp_path / "crowd.png"])
    assert len(table(report).rows) == PEOPLE
    left = next(each for each in report.verdict.reasons if each.code == "deepfake-left-out")
    assert left.params["count"] == 14 - PEOPLE


def test_a_jpeg_is_compared_with_stills_that_were_saved_as_strongly(check, portraits, tmp_path):
    for quality, row, unlike in ((90, "received", False), (75, "resaved", False), (40, "resaved", True)):
        (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jpg", portraits[0], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
        found = codes(check.report([tmp_path / "a.jpg"]))
        assert f"deepfake-errs-stills-{row}" in found
        assert ("deepfake-unlike-picture" in found) == unlike


@pytest.mark.parametrize("quality", [20, 40, 75, 92, 100])
def test_a_jpegs_quality_is_read_from_its_table(portraits, quality):
    content = cv2.imencode(".jpg", portraits[0], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    assert abs(jpeg_quality(content) - quality) <= 2
    assert jpeg_quality(content[:30]) is None
    assert jpeg_quality(image.encode_png(portraits[0])) is None
    assert bits_a_pixel(1000, 10, 20, 20) == 2
    assert bits_a_pixel(1000, 0, 20, 20) == 0


def test_a_run_ends_where_the_person_is_away():
    made = [(0, 2.0), (1, 2.0), (2, 0.0), (3, 2.0), (9, 2.0)]
    face = Face(Box(0, 0, 1, 1), 1.0, np.zeros((5, 2)))
    faces = [FaceEvidence(face, np.zeros(1), np.zeros(3), np.zeros(1), np.zeros(1), 1.0, score, frame / 2, frame) for frame, score in made]
    assert [[each.frame for each in run] for run in runs_above(faces, 1.0)] == [[0, 1], [3], [9]]


def test_one_frame_above_the_threshold_is_a_moment_and_no_span(bounded, portraits, tmp_path):
    first = cv2.resize(portraits[1], (240, 288), interpolation=cv2.INTER_AREA)
    video.write_webm(tmp_path / "a.webm", [first, np.full_like(first, 90)], 1.0)
    report = bounded(low=-50.0, high=-40.0).report([tmp_path / "a.webm"])
    assert worded(report.timeline[0].message) == "Person A scores above the threshold at second 0.0"
    assert [worded(each) for each in table(report).rows[0][4:5]] == ["0.0 s"]
    assert report.verdict.label.code == "deepfake-cannot"
    assert "deepfake-few" in codes(report)


def test_a_clip_turned_by_its_phone_is_looked_at_upright(check, portraits, tmp_path):
    upright = cv2.resize(portraits[1], (240, 288), interpolation=cv2.INTER_AREA)
    lying = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)
    writer = cv2.VideoWriter(str(tmp_path / "phone.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 1, lying.shape[1::-1])
    for _ in range(4):  # at one frame a second
        writer.write(lying)
    writer.release()
    content = bytearray((tmp_path / "phone.mp4").read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = b"".join(each.to_bytes(4, signed=True) for each in TURNED)
    (tmp_path / "phone.mp4").write_bytes(content)
    report = check.report([tmp_path / "phone.mp4"])
    assert [(row[0], row[3]) for row in table(report).rows] == [("A", 4)]


def test_a_clip_whose_header_promises_more_than_there_is_is_sampled_as_it_is(portraits, tmp_path):
    file = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for n in range(20):
        writer.write(np.full((64, 64, 3), 10 * n, np.uint8))
    writer.release()
    content = bytearray(file.read_bytes())
    at = content.index(b"strh") + 8 + 32
    assert int.from_bytes(content[at : at + 4], "little") == 20
    content[at : at + 4] = (4000).to_bytes(4, "little")
    file.write_bytes(content)
    assert video.probe(file).frames > 1000
    assert video.count(file) == 20
    assert len(sampled(file, 8)) == 8


def test_nobody_in_it_is_an_answer(check, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "wall.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 1, (64, 64))
    writer.write(np.full((64, 64, 3), 120, np.uint8))
    writer.release()
    (tmp_path / "wall.png").write_bytes(image.encode_png(np.full((90, 90, 3), 120, np.uint8)))
    for name in ("wall.avi", "wall.png"):
        report = check.report([tmp_path / name])
        assert report.verdict.label.code == "deepfake-cannot"
        assert codes(report) == ["deepfake-no-face"]
        assert report_to_json(report)["evidence"] == []


@pytest.mark.parametrize(
    ("name", "content", "italian"),
    [
        ("empty.mp4", b"", "il file è vuoto"),
        ("sound.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "sound.wav è di un tipo diverso da quelli che questo strumento legge (picture, video)"),
        ("no-moov.mp4", b"\x00\x00\x00\x18ftypisom" + bytes(400), "no-moov.mp4 non è un video che si possa decodificare"),
        ("cut.webm", b"\x1a\x45\xdf\xa3" + bytes(100), "cut.webm non è un video che si possa decodificare"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_the_readers_language(check, tmp_path, name, content, italian):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        check.report([tmp_path / name])
    assert worded(caught.value.message, "it") == italian
