"""Clips: written as WebM, read frame by frame, refused when they are none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from detectors import video
from detectors.bench import scene
from detectors.errors import BadInput

FRAMES = [scene(3 * n, (90, 120)) for n in range(12)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.webm"
    assert video.write_webm(path, FRAMES, 5) == 12
    return path


def test_a_clip_is_webm(clip):
    assert clip.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"


def test_its_header_is_read(clip):
    found = video.probe(clip)
    assert (found.width, found.height, found.fps) == (120, 90, 5)


def test_its_frames_come_back_nearly_as_they_were(clip):
    read = list(video.frames(clip, "gate"))
    assert len(read) == 12
    assert max(np.abs(frame.image.astype(int) - true).mean() for frame, true in zip(read, FRAMES, strict=True)) < 12


def test_frames_carry_camera_time_and_number(clip):
    read = list(video.frames(clip, "gate", start_t=100.0))
    assert [frame.n for frame in read] == list(range(12))
    assert [frame.t for frame in read][:3] == pytest.approx([100.0, 100.2, 100.4])
    assert {frame.camera for frame in read} == {"gate"}


def test_every_third_frame_keeps_its_time(clip):
    read = list(video.frames(clip, every=3))
    assert [frame.n for frame in read] == [0, 1, 2, 3]
    assert read[1].t == pytest.approx(0.6)


def test_reading_can_stop_in_the_middle(clip):
    frames = video.frames(clip)
    next(frames)
    frames.close()
    assert len(list(video.frames(clip))) == 12


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x1a\x45\xdf\xa3" + bytes(100)], ids=["empty", "text", "header"])
def test_what_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "clip.webm").write_bytes(content)
    with pytest.raises(BadInput, match="no video"):
        video.probe(tmp_path / "clip.webm")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is no file"):
        list(video.frames(tmp_path / "nowhere.webm"))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is no file"):
        video.probe(tmp_path)


def test_a_clip_that_is_cut_off_gives_what_it_has(clip, tmp_path):
    short = tmp_path / "short.webm"
    short.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    assert 0 < len(list(video.frames(short))) < 12


def test_a_clip_needs_a_frame(tmp_path):
    with pytest.raises(BadInput, match="at least one frame"):
        video.write_webm(tmp_path / "clip.webm", [], 5)


def test_frames_of_two_sizes_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(BadInput, match="frame 2 has another size"):
        video.write_webm(tmp_path / "clip.webm", [FRAMES[0], scene(0, (40, 40))], 5)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_source_leaves_nothing(tmp_path):
    def broken():
        yield FRAMES[0]
        raise OSError("the camera is gone")

    with pytest.raises(OSError, match="gone"):
        video.write_webm(tmp_path / "clip.webm", broken(), 5)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_clip_that_was_there(tmp_path, clip):
    target = tmp_path / "clip.webm"
    target.write_bytes(clip.read_bytes())
    with pytest.raises(BadInput):
        video.write_webm(target, [np.zeros((0, 0, 3), np.uint8)], 5)
    assert target.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("size", [(91, 121), (16, 16), (17, 300)])
def test_odd_sizes_lose_at_most_a_row_and_a_column(tmp_path, size):
    video.write_webm(tmp_path / "clip.webm", [scene(0, size)] * 2, 5)
    found = video.probe(tmp_path / "clip.webm")
    assert (found.height, found.width) == (size[0] // 2 * 2, size[1] // 2 * 2)


@pytest.mark.parametrize("size", [(1, 50), (50, 1), (2, 2), (15, 40)])
def test_a_sliver_cannot_be_a_clip(tmp_path, size):
    with pytest.raises(BadInput, match="cannot be written"):
        video.write_webm(tmp_path / "clip.webm", [np.zeros((*size, 3), np.uint8)], 5)
    assert list(tmp_path.iterdir()) == []


def test_grey_frames_are_written(tmp_path):
    assert video.write_webm(tmp_path / "clip.webm", [frame[:, :, 0] for frame in FRAMES], 5) == 12


def test_an_encoder_gets_frames_in_its_own_format():
    picture = np.full((90, 120, 3), (40, 120, 200), np.uint8)
    frame = video.encoder_frame(picture)
    assert (frame.format.name, frame.width, frame.height) == ("yuv420p", 120, 90)
    assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - picture).max() <= 4


def test_no_encoder_is_left_to_convert():
    """Left to it, the same frames now and then give other bytes, and a test of what is found in them fails once in many runs."""
    root = Path(__file__).resolve().parent.parent.parent
    places = [path for folder in ("detectors", "infra", "site_agents", "portal", "tests") for path in (root / folder).rglob("*.py")]
    written = re.compile(r"VideoFrame\.from_ndarray\((?!.*reformat)")
    assert [str(path.relative_to(root)) for path in places if path != Path(__file__) and written.search(path.read_text())] == []
