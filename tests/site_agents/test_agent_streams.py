"""Streams of real servers on this machine: what cameras do to a connection, and what a person then reads."""

from __future__ import annotations

import contextlib
import http.server
import re
import selectors
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from agent_lab import scene, wait_for

from federated.contract.camera_problem import PROBLEMS
from infra.testing import gstreamer_problem
from site_agents import capture, source_probe, sources
from site_agents.capture import Capture
from site_agents.check import check
from site_agents.config import Config
from site_agents.errors import CameraSourceError
from site_agents.sources import SourceSettings

SERVER = Path(__file__).with_name("rtsp_server.py")
LOGIN = "admin:p#s/s@[é@"  # as a person pastes it; the server's password is in rtsp_server.py
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def rtsp() -> Iterator[str]:
    """Host and port of GStreamer's server, one for all tests."""
    if problem := gstreamer_problem():
        pytest.fail(problem)
    with subprocess.Popen(["/usr/bin/python3", "-I", SERVER], stdout=subprocess.PIPE, text=True) as process:
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


class Cable:
    """Between camera and agent: passes everything on (after `change`), until it is cut or, with both ends open, dead."""

    def __init__(self, target: str, change: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.target, self.change, self.dead, self.connections = target, change, False, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        host, port = self.target.split(":")
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection((host, int(port)))
                self._ends += [near, far]
                self.connections += 1
                threading.Thread(target=self._pump, args=(near, far), daemon=True).start()

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError), near, far:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in ready.select():
                    if not (data := key.fileobj.recv(65536)):
                        return
                    if not self.dead:
                        key.data.sendall(self.change(data) if key.fileobj is far else data)


@pytest.fixture
def cable(rtsp) -> Iterator[Callable[..., Cable]]:
    laid: list[Cable] = []

    def lay(**options) -> Cable:
        laid.append(Cable(rtsp, **options))
        return laid[-1]

    yield lay
    for each in laid:
        each.close()


@pytest.fixture
def watch(monkeypatch, tmp_path) -> Iterator[Callable[..., Capture]]:
    monkeypatch.setattr(capture, "BACKOFF_S", (0.1,) * 7)
    running: list[Capture] = []

    def begin(address: str, **settings) -> Capture:
        running.append(Capture(SourceSettings("stream", address, **settings), tmp_path, "square"))
        running[-1].start()
        return running[-1]

    yield begin
    for each in running:
        each.stop()


def pictured(made: Capture, frames: int = 3) -> Capture:
    """Wait until so many more frames have come."""
    wanted = made.frames + frames
    wait_for(lambda: made.frames >= wanted, lambda: f"a picture, not: {made.problem}", 30)
    return made


def test_h265_and_a_password_of_odd_signs_behind_digest_are_watched(rtsp, watch):
    both = [watch(f"rtsp://{rtsp}/h265", fps=25.0), watch(f"rtsp://{LOGIN}{rtsp}/secret", fps=25.0)]
    assert [pictured(each).size for each in both] == [(320, 240)] * 2
    assert [each.state for each in both] == ["live", "live"]


def test_another_size_in_the_middle_of_a_stream_and_none_in_its_description_end_nothing(rtsp, watch, cable):
    nameless = cable(change=lambda data: data.replace(b"sprop-parameter-sets=", b"sprop-nothing-at-all="))
    both = [watch(f"rtsp://{rtsp}/grows", fps=25.0), watch(f"rtsp://{nameless.address}/h264", fps=25.0)]
    for each in both:
        pictured(each, 60)  # the size changes after a second and a half
    assert [(each.restarts, each.state) for each in both] == [(0, "live")] * 2


def test_a_dropped_and_a_half_open_connection_are_noticed_and_opened_again(watch, cable, monkeypatch):
    monkeypatch.setattr(sources.stream, "READ_MS", 1500)
    dropped, silent = cable(), cable()
    both = [watch(f"rtsp://{each.address}/h264", fps=25.0, stale_after=1.0) for each in (dropped, silent)]
    for each in both:
        pictured(each)
    dropped.cut()
    silent.dead = True
    wait_for(lambda: both[1].state == "stale" and both[1].problem_code, "the stall", 20)
    silent.dead = False
    for each in both:
        wait_for(lambda each=each: each.restarts, "opened again", 20)
        pictured(each)
    assert [each.state for each in both] == ["live", "live"]


PATHS = {
    "rtsp://{rtsp}/nothing": "path",
    "rtsp://{rtsp}/secret": "password",
    "rtsp://admin:wrong#@{rtsp}/secret": "password",
    "rtsp://{rtsp}/sound": "no_video",
    "rtsps://{rtsp}/h264": "tls",
    "rtsp://127.0.0.1:9/h264": "refused",
    "rtsp://camera.invalid/h264": "no_host",
    "rtsp://cam:99999/h264": "address",
    "http://{page}/page": "not_stream",
    "http://{page}/": "path",
}


@pytest.mark.parametrize("address", PATHS)
def test_each_way_of_failing_has_its_own_sentence_and_check_prints_it(rtsp, page, address, tmp_path):
    config = Config("square", "http://127.0.0.1:9", SourceSettings("stream", address.format(rtsp=rtsp, page=page)), folder=tmp_path)
    result = next(each for each in check(config) if each.what == "source")
    assert not result.ok
    assert result.detail.endswith(f"({PATHS[address]})")
    assert PATHS[address] == "address" or PROBLEMS[PATHS[address]] in result.detail
    assert "wrong#" not in str(result)


@pytest.mark.parametrize(("path", "codec"), [("{rtsp}/h265", "H.265"), (LOGIN + "{rtsp}/secret", "H.264")])
def test_a_tried_address_names_codec_size_and_the_cameras_clock(rtsp, path, codec):
    found = source_probe.probe("rtsp://" + path.format(rtsp=rtsp))
    assert (found.outcome, found.codec, found.image.shape[:2]) == ("picture", codec, (240, 320))
    assert abs(found.clock_s) < 10
    assert found.fps > 5


@pytest.mark.parametrize(("path", "outcome"), [("{rtsp}/nothing", "path"), ("{rtsp}/secret", "password"), ("{rtsp}/sound", "no_video")])
def test_a_tried_address_that_fails_says_why(rtsp, path, outcome):
    assert source_probe.probe("rtsp://" + path.format(rtsp=rtsp)).outcome == outcome


JPEG = cv2.imencode(".jpg", scene(1).image)[1].tobytes()
KINDS = {"/html": "text/html", "/jpeg": "image/jpeg", "/mp4": "video/mp4", "/octets": "application/octet-stream"}


class Camera(http.server.BaseHTTPRequestHandler):
    """Motion JPEG under the wrong name, and a page that is no stream."""

    def do_GET(self) -> None:
        kind = KINDS.get(self.path)
        self.send_response(200 if kind or self.path == "/page" else 404)
        self.send_header("Content-Type", kind or "text/html")
        self.end_headers()
        if kind is None:
            self.wfile.write(b"<html>sign in</html>" * 100)
            return
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", KINDS)
def test_motion_jpeg_is_read_whatever_the_camera_calls_it(page, path, tmp_path):
    with contextlib.closing(sources.open_source(SourceSettings("stream", f"http://{page}{path}"), tmp_path)) as shots:
        assert next(shots).image.shape == scene(1).image.shape
        assert np.abs(next(shots).image.astype(int) - scene(1).image).mean() < 20


def recorded(path: Path, streams: str) -> Path:
    """A small recording: "sound", "cover" (sound with a picture), or a film, by the library that also finds out what there is."""
    import av

    with av.open(str(path), "w", format="mp4") as made:
        if streams != "film":
            sound = made.add_stream("aac", rate=8000, layout="mono")
        picture = made.add_stream("mjpeg" if streams == "cover" else "mpeg4", rate=1) if streams != "sound" else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p" if streams == "cover" else "yuv420p"
            if streams == "cover":
                picture.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "bgr24").reformat(format=picture.pix_fmt)
            for packet in (*picture.encode(frame), *picture.encode()):
                made.mux(packet)
        if streams != "film":
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            silence.rate = 8000
            for packet in (*sound.encode(silence), *sound.encode()):
                made.mux(packet)
    return path


@pytest.mark.parametrize("kind", ["sound", "cover"])
def test_sound_with_or_without_a_cover_is_called_sound_only(kind, tmp_path):
    recorded(tmp_path / "clip.m4a", kind)
    with pytest.raises(CameraSourceError, match="sound only") as caught:
        next(sources.open_source(SourceSettings("file", "clip.m4a"), tmp_path))
    assert caught.value.code == "no_video"


def test_a_recording_cut_off_before_its_index_says_what_can_be_done(tmp_path):
    whole = recorded(tmp_path / "clip.mp4", "film").read_bytes()
    (tmp_path / "clip.mp4").write_bytes(whole[: whole.rindex(b"moov") - 4])
    with pytest.raises(CameraSourceError, match="repaired or recorded again") as caught:
        next(sources.open_source(SourceSettings("file", "clip.mp4"), tmp_path))
    assert caught.value.code == "damaged"
    assert not re.search(r"moov|Traceback", str(caught.value))
