"""A camera's password stays with the camera and agent.toml: no log, heartbeat, file or command shows a part of it."""

from __future__ import annotations

import http.server
import json
import logging
import subprocess
import sys
import threading

import pytest
from agent_lab import ROOT, Program, wait_for, write_config

from site_agents import sources
from site_agents.__main__ import SecretsFormatter
from site_agents.config import load
from site_agents.errors import CameraSourceError, ConfigError
from site_agents.sources import SourceSettings

SECRETS = ("Zk9", "Wm4Wm4", "Qv7Qv7")
ADDRESS = "http://admin:p[Zk9#/Zk9@127.0.0.1:9/v?user=Qv7Qv7&pwd=Wm4Wm4&token=Qv7Qv7"


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.process
def test_nothing_that_an_agent_writes_or_sends_holds_a_part_of_the_password(folder, address, peer):
    peer.answer["config"] = peer.config(rules=[{"kind": "camera_stale", "min_s": 1}])
    program = Program(write_config(folder, address, kind="stream", path=ADDRESS, stale_after=0.5))
    try:
        wait_for(lambda: peer.events and peer.beats[-1]["camera"].get("problem"), lambda: program.text())
    finally:
        program.stop()
    assert peer.beats[-1]["camera"]["problem_code"] == "refused"
    assert "127.0.0.1:9" in peer.beats[-1]["camera"]["problem"]
    checking = Program(folder / "agent.toml", "check")
    checking.process.wait(120)
    assert "(refused)" in program.text()
    assert leaks(program.text()) == []
    assert leaks(json.dumps([peer.beats, peer.events])) == []
    own = [each for each in folder.rglob("*") if each.is_file() and each.name not in ("agent.toml", "agent.log")]
    written = [each for each in own if leaks(each.read_bytes().decode("latin-1"))]
    assert written == []


def test_a_traceback_in_the_log_holds_no_part_of_it():
    try:
        raise ValueError(f"netloc of {ADDRESS} contains invalid characters")
    except ValueError:
        record = logging.LogRecord("site_agents", logging.ERROR, __file__, 1, "opening %s: %r", (ADDRESS, SourceSettings("stream", ADDRESS)), sys.exc_info())
    line = SecretsFormatter(ADDRESS).format(record)
    assert leaks(line) == []
    assert "Traceback" in line


WRONG = [f'portal = "{ADDRESS.replace("http", "rtsp")}"', f'portal = ["{ADDRESS}"]', f'portal = "http://p"\n[source]\nkind = "stream"\npath = ["{ADDRESS}"]']


@pytest.mark.parametrize("line", WRONG, ids=["portal", "portals", "path"])
def test_a_wrong_configuration_is_explained_without_it(tmp_path, line):
    (tmp_path / "agent.toml").write_text(f'name = "a"\n{line}\n' + ("" if "[source]" in line else '[source]\nkind = "file"\npath = "x"\n'))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "agent.toml")
    assert leaks(str(caught.value)) == []


@pytest.mark.parametrize("kind", ["file", "folder", "webcam", "stream"])
def test_an_address_at_the_wrong_kind_of_source_is_named_without_it(tmp_path, kind):
    with pytest.raises(CameraSourceError) as caught:
        next(sources.open_source(SourceSettings(kind, ADDRESS), tmp_path))
    assert leaks(str(caught.value)) == []


OPENS = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from site_agents import sources
from site_agents.sources import SourceSettings, stream
stream.OPEN_MS = 1500
try:
    next(sources.open_source(SourceSettings("stream", {address!r}), Path()))
except sources.CameraSourceError as error:
    print(error)
"""


class Playlist(http.server.BaseHTTPRequestHandler):
    """An HLS playlist whose only piece is not there: FFmpeg complains of it by its address, token and all."""

    def do_GET(self) -> None:
        self.send_response(200 if ".m3u8" in self.path else 404)
        self.send_header("Content-Type", "application/vnd.apple.mpegurl")
        self.end_headers()
        self.wfile.write(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npiece.ts?token=Qv7Qv7\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.process
def test_the_video_library_writes_no_token_either():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Playlist) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = OPENS.format(root=str(ROOT), address=f"http://127.0.0.1:{server.server_port}/live.m3u8?token=Qv7Qv7")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        server.shutdown()
    assert "cannot be opened" in done.stdout
    assert leaks(done.stdout + done.stderr) == []
