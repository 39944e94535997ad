"""Sources: clips, folders, streams, drones; and what happens when they are broken."""

from __future__ import annotations

import shutil
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, scene

from detectors.video import write_webm
from site_agents import sources
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings
from site_agents.sources.drone import at, read_telemetry


def clip(folder: Path, frames: int = 20, fps: float = 10) -> Path:
    write_webm(folder / "clip.webm", [scene(n).image for n in range(frames)], fps)
    return folder / "clip.webm"


def shots(config: SourceSettings, folder: Path, limit: int = 1000) -> list[Shot]:
    opened = sources.open_source(config, folder)
    try:
        return list(islice(opened, limit))
    finally:
        opened.close()


def test_a_clip_gives_at_most_so_many_frames_a_second(tmp_path):
    clip(tmp_path)
    found = shots(SourceSettings("file", "clip.webm", pace="fast", fps=5), tmp_path)
    assert [round(each.at, 2) for each in found] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]
    assert [each.n for each in found] == list(range(10))


def test_a_slower_clip_gives_every_frame_it_has(tmp_path):
    clip(tmp_path)
    assert len(shots(SourceSettings("file", "clip.webm", pace="fast", fps=50), tmp_path)) == 20


def test_times_rise_over_the_end_of_a_loop_and_counting_begins_anew(tmp_path):
    clip(tmp_path)
    found = shots(SourceSettings("file", "clip.webm", loop=True, pace="fast", fps=5), tmp_path, 25)
    assert np.diff([each.t for each in found]).min() > 0.05
    assert [each.n for each in found].count(0) == 3


def test_in_real_time_a_clip_takes_its_time(tmp_path):
    clip(tmp_path, frames=8)
    began = time.time()
    found = shots(SourceSettings("file", "clip.webm", fps=10), tmp_path)
    assert 0.5 < time.time() - began < 5
    assert all(abs(each.t - began - each.at) < 0.5 for each in found)


def test_a_slow_reader_gets_newer_frames_not_all_of_them(tmp_path):
    clip(tmp_path, frames=60)
    opened = sources.open_source(SourceSettings("file", "clip.webm", fps=10), tmp_path)
    next(opened)
    time.sleep(2.5)  # the reader is busy: this is what the test is about
    assert next(opened).n == 1
    assert next(opened).at > 1.2
    opened.close()


@pytest.mark.parametrize("name", ["square", "gate", "drone"])
def test_the_footage_of_the_demo_can_be_read(name):
    (shot,) = shots(SourceSettings("file", f"{name}.webm", pace="fast"), FOOTAGE, 1)
    assert shot.image.shape[2] == 3
    assert shot.image.std() > 10


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x1aE\xdf\xa3" + bytes(500)])
def test_a_broken_clip_is_one_sentence(tmp_path, content):
    (tmp_path / "clip.webm").write_bytes(content)
    with pytest.raises(CameraSourceError, match=r"clip\.webm"):
        shots(SourceSettings("file", "clip.webm"), tmp_path)


def test_a_clip_cut_off_in_the_middle_gives_what_it_has(tmp_path):
    whole = (FOOTAGE / "square.webm").read_bytes()
    (tmp_path / "clip.webm").write_bytes(whole[: len(whole) // 8])
    assert len(shots(SourceSettings("file", "clip.webm", pace="fast", fps=5), tmp_path)) > 5


def test_a_missing_clip_is_one_sentence(tmp_path):
    with pytest.raises(CameraSourceError, match="is no file"):
        shots(SourceSettings("file", "nothing.webm"), tmp_path)


def test_an_unknown_kind_is_one_sentence(tmp_path):
    with pytest.raises(CameraSourceError, match="there is no source 'tea'"):
        shots(SourceSettings("tea", "leaves"), tmp_path)


def test_pictures_of_a_folder_come_by_name_and_damaged_ones_are_left_out(tmp_path):
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.full((40, 60, 3), number * 100, np.uint8))
    (tmp_path / "3.jpg").write_bytes(b"damaged")
    (tmp_path / "notes.txt").write_text("no picture")
    found = shots(SourceSettings("folder", ".", pace="fast", fps=2), tmp_path)
    assert [round(float(each.image.mean()) / 100) for each in found] == [0, 1, 2]
    assert found[2].t - found[0].t == pytest.approx(1.0)


def test_a_folder_may_go_round(tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((20, 20, 3), np.uint8))
    found = shots(SourceSettings("folder", ".", loop=True, pace="fast", fps=2), tmp_path, 5)
    assert [each.n for each in found] == [0] * 5
    assert np.diff([each.t for each in found]) == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_a_folder_without_pictures_is_one_sentence(tmp_path, made):
    if made:
        (tmp_path / "pictures").mkdir()
    with pytest.raises(CameraSourceError, match="pictures"):
        shots(SourceSettings("folder", "pictures", loop=True, pace="fast"), tmp_path)


def test_a_stream_needs_an_address(tmp_path):
    with pytest.raises(CameraSourceError, match="a stream's path is an address"):
        shots(SourceSettings("stream", "camera"), tmp_path)


def test_a_stream_that_is_not_there_is_one_sentence_without_the_password(tmp_path):
    with pytest.raises(CameraSourceError) as caught:
        shots(SourceSettings("stream", "http://admin:secret@127.0.0.1:9/video"), tmp_path)
    assert "secret" not in str(caught.value)
    assert "cannot be opened" in str(caught.value)


def test_a_real_http_stream_is_received_and_its_end_is_a_failure(tmp_path):
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

    clip(tmp_path, frames=30)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        opened = sources.open_source(SourceSettings("stream", f"http://127.0.0.1:{server.server_port}/clip.webm", fps=50), tmp_path)
        assert next(opened).image.shape == (96, 128, 3)
        with pytest.raises(CameraSourceError, match="gives no more frames"):
            list(opened)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("path", ["front door", "-1", "/dev/sda"])
def test_a_webcam_is_a_number_or_a_device(tmp_path, path):
    with pytest.raises(CameraSourceError, match="a webcam's path"):
        shots(SourceSettings("webcam", path), tmp_path)


def test_a_webcam_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(CameraSourceError, match="webcam 97 cannot be opened"):
        shots(SourceSettings("webcam", "97"), tmp_path)


TABLE = "t,lat,lon,alt,heading\n0,43.0,10.0,10,350\n2,43.2,10.4,30,10\n"


def test_a_drone_knows_where_it_is(tmp_path):
    (tmp_path / "drone.csv").write_text(TABLE)
    shutil.copy(clip(tmp_path, frames=30), tmp_path / "drone.webm")
    found = shots(SourceSettings("drone", "drone.webm", pace="fast", telemetry="drone.csv"), tmp_path)
    middle = next(each for each in found if each.at == pytest.approx(1.0))
    assert middle.telemetry == pytest.approx({"lat": 43.1, "lon": 10.2, "alt": 20.0, "heading": 0.0}, abs=1e-6)


def test_between_350_and_10_degrees_lies_north(tmp_path):
    (tmp_path / "drone.csv").write_text(TABLE)
    table = read_telemetry(tmp_path / "drone.csv")
    shot = Shot(np.zeros((1, 1, 3), np.uint8), 0.0, 0, 0.5)
    assert at(table, shot)["heading"] == pytest.approx(355.0)


def test_after_the_last_row_the_drone_stands_still(tmp_path):
    (tmp_path / "drone.csv").write_text(TABLE)
    assert at(read_telemetry(tmp_path / "drone.csv"), Shot(np.zeros((1, 1, 3), np.uint8), 0.0, 0, 99.0))["lat"] == 43.2


def test_telemetry_in_unix_time_is_matched_by_the_clock(tmp_path):
    (tmp_path / "drone.csv").write_text("t,lat,lon,alt,heading\n1700000000,1,1,1,0\n1700000010,2,2,2,0\n")
    assert at(read_telemetry(tmp_path / "drone.csv"), Shot(np.zeros((1, 1, 3), np.uint8), 1700000005.0, 0, 0.0))["alt"] == 1.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,lat,lon,alt\n0,1,2,3\n", "drone.csv:1: the column 'heading' is missing"),
        (TABLE + "3,x,10,10,0\n", "drone.csv:4: t, lat, lon, alt, heading must be numbers"),
        (TABLE + "3,43\n", "drone.csv:4:"),
        (TABLE + "3,430,10,10,0\n", "drone.csv:4: latitude"),
        (TABLE + "nan,43,10,10,0\n", "drone.csv:4:"),
        ("t,lat,lon,alt,heading\n", "has no row"),
        ("", "drone.csv:1:"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, text, words):
    (tmp_path / "drone.csv").write_text(text)
    with pytest.raises(CameraSourceError) as caught:
        read_telemetry(tmp_path / "drone.csv")
    assert words in str(caught.value)


def test_rows_in_disorder_are_sorted(tmp_path):
    (tmp_path / "drone.csv").write_text("t,lat,lon,alt,heading\n2,2,0,0,0\n0,0,0,0,0\n1,1,0,0,0\n")
    assert read_telemetry(tmp_path / "drone.csv")[:, 0].tolist() == [0, 1, 2]


def test_the_drone_of_the_demo_flies():
    found = shots(SourceSettings("drone", "drone.webm", pace="fast", telemetry="drone.csv"), FOOTAGE, 40)
    assert len({(each.telemetry["lat"], each.telemetry["lon"]) for each in found}) > 10


def test_a_drone_without_a_table_is_a_plain_clip(tmp_path):
    clip(tmp_path)
    assert shots(SourceSettings("drone", "clip.webm", pace="fast"), tmp_path, 1)[0].telemetry is None
