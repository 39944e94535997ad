"""Try the address of a camera: does it answer, accept the password, have this path, send pictures? And what pictures, by which clock."""

from __future__ import annotations

import contextlib
import dataclasses
import email.parser
import email.utils
import socket
import ssl
import threading
import time

import cv2
import httpx
import numpy as np

from federated.contract import address
from federated.contract.address import StreamAddress
from federated.contract.source import PICTURE
from site_agents.source_problem import inspect, unreachable

CONNECT_S, ANSWER_S, OPEN_S = 3.0, 5.0, 8.0
LOOK_S = 2.5  # of frames, to count them
LONGEST_S = 25.0  # a driver that hangs must not hang the agent
HEAD_BYTES = 64 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Probed:
    """What came of a try. `outcome` is "picture" or a code of federated/contract/camera_problem.py; `clock_s`: the camera's clock minus ours."""

    outcome: str
    problem: str = ""
    codec: str = ""
    fps: float = 0.0
    clock_s: float | None = None
    image: np.ndarray | None = dataclasses.field(default=None, compare=False)


def probe(text: str, *, longest_s: float = LONGEST_S) -> Probed:
    """Try an address for at most `longest_s` seconds. Never raises, and nothing in the answer is a part of a password."""
    found: list[Probed] = []

    def run() -> None:
        try:
            found.append(_probe(text))
        except Exception as error:  # noqa: BLE001 - this thread's edge: drivers and decoders raise what they like
            found.append(Probed("failed", address.redact_text(f"{type(error).__name__}: {error}", text)[:300]))

    thread = threading.Thread(target=run, name="source-probe", daemon=True)
    thread.start()
    thread.join(longest_s)
    return found[0] if found else Probed("timeout")


def _probe(text: str) -> Probed:
    try:
        camera = address.parse(text)
    except address.AddressError as error:
        return Probed("address", str(error))
    if (gone := unreachable(camera)) is not None:
        return Probed(gone.code)
    clock_s, found = _clock(camera), inspect(camera)
    return Probed(found.code, clock_s=clock_s) if found.code else _watch(camera, clock_s, found.codec)


def _watch(camera: StreamAddress, clock_s: float | None, codec: str) -> Probed:
    """Open the stream as the agent does, and look at it for some seconds."""
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_S * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(ANSWER_S * 1000)]
    capture = cv2.VideoCapture(camera.opening, cv2.CAP_FFMPEG, limits)
    try:
        if not capture.isOpened():
            return Probed("codec", clock_s=clock_s, codec=codec)
        times: list[float] = []
        image, until = None, time.monotonic() + ANSWER_S
        while time.monotonic() < until and capture.grab():
            good, decoded = capture.retrieve()
            if not good:
                break
            image = decoded
            times.append(time.monotonic())
            until = times[0] + LOOK_S
        if image is None:
            return Probed("timeout", clock_s=clock_s, codec=codec)
        return Probed(PICTURE, codec=codec, fps=_rate(times), clock_s=clock_s, image=image)
    finally:
        capture.release()


def _rate(times: list[float]) -> float:
    """Frames a second, without the burst that was waiting when the stream began."""
    steady = [t for t in times if t > times[0] + LOOK_S / 3]
    return (len(steady) - 1) / (steady[-1] - steady[0]) if len(steady) > 2 else len(times) / LOOK_S


def _clock(camera: StreamAddress) -> float | None:
    """The camera's clock minus ours, by the date of its first answer, which needs no password; None when it names none."""
    sent = time.time()
    try:
        named = _rtsp_date(camera) if camera.scheme in ("rtsp", "rtsps") else _http_date(camera) if camera.scheme in ("http", "https") else ""
        return round(email.utils.parsedate_to_datetime(named).timestamp() - sent, 1)  # whole seconds is all that a header names
    except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, OverflowError):
        return None


def _rtsp_date(camera: StreamAddress) -> str:
    """Raises OSError."""
    request = f"OPTIONS {camera.scheme}://{camera.place}{camera.path} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Specola\r\n\r\n"
    with contextlib.closing(socket.create_connection((camera.host, camera.port or address.PORTS[camera.scheme]), CONNECT_S)) as plain:
        plain.settimeout(ANSWER_S)
        with contextlib.closing(_trusting().wrap_socket(plain, server_hostname=camera.host)) if camera.scheme == "rtsps" else plain as line:
            line.sendall(request.encode("utf-8", "replace"))
            received = b""
            while b"\r\n\r\n" not in received and len(received) < HEAD_BYTES and (part := line.recv(4096)):
                received += part
    return email.parser.BytesHeaderParser().parsebytes(received.partition(b"\r\n")[2]).get("date", "")


def _http_date(camera: StreamAddress) -> str:
    """Raises httpx.HTTPError, httpx.InvalidURL. The body, which may never end, is not read."""
    url = f"{camera.scheme}://{camera.place}{camera.path or '/'}{'?' + camera.query if camera.query else ''}"
    with httpx.Client(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), verify=_trusting()) as client, client.stream("GET", url) as answer:
        return answer.headers.get("date", "")


def _trusting() -> ssl.SSLContext:
    """Cameras sign themselves; nothing but the date is read."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
