"""The demo's clips are what their manifest and their page say."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from pathlib import Path

import pytest

import detectors
from detectors import image, video

FOOTAGE = Path(__file__).resolve().parents[2] / "infra" / "footage"
MANIFEST = tomllib.loads((FOOTAGE / "manifest.toml").read_text())["files"]
CLIPS = [name for name in MANIFEST if name.endswith(".webm")]


def flight() -> list[dict[str, float]]:
    with (FOOTAGE / "drone.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_every_file_that_lies_there_is_in_the_manifest():
    lies = {str(file.relative_to(FOOTAGE)) for file in FOOTAGE.rglob("*") if file.suffix in (".webm", ".jpg", ".csv")}
    assert lies == set(MANIFEST)


@pytest.mark.parametrize("name", MANIFEST)
def test_every_file_has_the_hash_and_size_of_the_manifest(name):
    content = (FOOTAGE / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == MANIFEST[name]["sha256"]
    assert len(content) == MANIFEST[name]["size"] < 25_000_000


@pytest.mark.parametrize("name", MANIFEST)
def test_every_file_has_an_origin_and_a_licence(name):
    assert MANIFEST[name]["origin"]
    assert MANIFEST[name]["licence"]
    assert Path(name).name.split("-")[0] in (FOOTAGE / "README.md").read_text()


@pytest.mark.parametrize("name", CLIPS)
def test_every_clip_decodes_to_the_frames_it_promises(name):
    listed = MANIFEST[name]
    shapes = [frame.image.shape for frame in video.frames(FOOTAGE / name)]
    assert len(shapes) == listed["frames"]
    assert set(shapes) == {(listed["height"], listed["width"], 3)}


def test_the_flight_covers_the_clip_in_order():
    rows = flight()
    assert list(rows[0]) == ["t", "lat", "lon", "alt", "heading"]
    times = [row["t"] for row in rows]
    assert times == sorted(set(times))
    assert times[-1] >= (MANIFEST["drone.webm"]["frames"] - 1) / MANIFEST["drone.webm"]["fps"] - 0.5


def test_the_flight_stays_over_pisa():
    assert all(43.7 < row["lat"] < 43.75 and 10.3 < row["lon"] < 10.5 and 0 < row["alt"] < 150 and 0 <= row["heading"] < 360 for row in flight())


@pytest.mark.parametrize("name", [name for name in MANIFEST if name.startswith("staff/")])
def test_every_staff_picture_shows_one_face(name):
    finder = detectors.load("faces")
    assert len(finder.detect([image.read(FOOTAGE / name)])[0]) == 1
