"""A camera of the simplest kind for tests: MJPEG over HTTP with a password, a page where people look for the stream, and a clock that is off."""

from __future__ import annotations

import base64
import email.utils
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

USER, PASSWORD = "admin", "p#s/s@[5"
LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
AHEAD_S = 100  # of this machine's clock
FPS, MOST = 20, 400  # pictures a second; then the camera hangs up


class _Camera(BaseHTTPRequestHandler):
    """`/stream` wants the password, `/open` none, `/` is a page."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/stream" and self.headers.get("Authorization") != LOGIN:
            self._head(401, "text/plain", ("WWW-Authenticate", 'Basic realm="camera"'))
        elif path in ("/stream", "/open"):
            self._stream()
        elif path == "/":
            self._head(200, "text/html")
        else:
            self._head(404, "text/plain")

    def date_time_string(self, timestamp: float | None = None) -> str:
        return email.utils.formatdate(time.time() + AHEAD_S, usegmt=True)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _head(self, status: int, kind: str, *more: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Connection", "close"), *more):
            self.send_header(name, value)
        self.end_headers()

    def _stream(self) -> None:
        self._head(200, "multipart/x-mixed-replace; boundary=picture")
        try:
            for n in range(MOST):
                picture = np.full((240, 320, 3), (40, 90, 140), np.uint8)
                cv2.circle(picture, (20 + 7 * n % 280, 120), 18, (230, 230, 230), -1)
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                self.wfile.write(b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg))
                self.server.pace.wait(1 / FPS)
        except OSError:
            pass  # whoever looked has gone


@contextmanager
def mjpeg_camera() -> Iterator[str]:
    """The camera on a port of the loopback: "127.0.0.1:port"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    server.daemon_threads, server.pace = True, threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
