"""Try the address of a camera: does it answer, accept the password, have this path, send pictures? And what pictures, by which clock."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import email.utils
import hashlib
import re
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

CONNECT_S, ANSWER_S, OPEN_S = 4.0, 5.0, 8.0
LOOK_S = 2.5  # of frames, to count them
LONGEST_S = 25.0  # a driver that hangs must not hang the agent
HEAD_BYTES = 64 * 1024
RTSP_CODES = {401: "password", 403: "password", 404: "path", 454: "path"}
FOURCC = {"avc1": "H.264", "h264": "H.264", "hevc": "H.265", "hev1": "H.265", "hvc1": "H.265", "mjpg": "MJPEG", "mjpeg": "MJPEG", "jpeg": "MJPEG"}
FOURCC |= {"vp80": "VP8", "vp90": "VP9", "av01": "AV1", "mp4v": "MPEG-4", "fmp4": "MPEG-4", "mp4v-es": "MPEG-4", "h265": "H.265"}


@dataclasses.dataclass(frozen=True, slots=True)
class Probed:
    """What came of a try. `outcome` is "picture" or a code of federated/contract/camera_problem.py; `clock_s`: the camera's clock minus ours."""

    outcome: str
    problem: str = ""
    codec: str = ""
    fps: float = 0.0
    clock_s: float | None = None
    image: np.ndarray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    """How a camera answers to the first question."""

    status: int
    headers: dict[str, str]
    body: str = ""


class _Failed(Exception):
    """The try is over; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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
    clock, codec = None, ""
    try:
        if camera.scheme in ("rtsp", "rtsps"):
            clock, codec = _ask_rtsp(camera)
        elif camera.scheme in ("http", "https"):
            clock = _ask_http(camera)
    except _Failed as failed:
        return Probed(failed.code)
    return _watch(camera, clock, codec)


def _ask_rtsp(camera: StreamAddress) -> tuple[float | None, str]:
    """The camera's clock minus ours and the codec that its description names. Raises _Failed."""
    url = f"{camera.scheme}://{camera.place}{camera.path}{'?' + camera.query if camera.query else ''}"
    with contextlib.closing(_connect(camera)) as line:
        sent = time.time()
        answer = _describe(line, url, 1, "")
        if answer.status == 401 and (camera.user or camera.password):
            answer = _describe(line, url, 2, _authorization(answer.headers.get("www-authenticate", ""), camera, "DESCRIBE", url))
        clock = _clock(answer.headers.get("date", ""), sent)
    if answer.status >= 300:
        raise _Failed(RTSP_CODES.get(answer.status, "server"))
    if answer.body and not re.search(r"^m=video", answer.body, re.MULTILINE):
        raise _Failed("no_video")
    video = answer.body.split("m=video")[-1]
    named = re.search(r"^a=rtpmap:\d+ ([\w.-]+)/", video, re.MULTILINE)
    return clock, _codec(named[1]) if named else ""


def _ask_http(camera: StreamAddress) -> float | None:
    """The camera's clock minus ours. Raises _Failed."""
    url = f"{camera.scheme}://{camera.place}{camera.path or '/'}{'?' + camera.query if camera.query else ''}"
    login = (camera.user, camera.password) if camera.user or camera.password else None
    sent = time.time()
    try:
        with httpx.Client(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), verify=False) as client:
            status, headers = _first_line(client, url, httpx.BasicAuth(*login) if login else None)
            if status == 401 and login:
                status, headers = _first_line(client, url, httpx.DigestAuth(*login))
    except httpx.ConnectTimeout as error:
        raise _Failed("no_host") from error
    except httpx.TimeoutException as error:
        raise _Failed("timeout") from error
    except httpx.ConnectError as error:
        raise _Failed(_connect_code(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _Failed("not_stream") from error
    if status >= 400:
        raise _Failed({401: "password", 403: "password", 404: "path", 410: "path"}.get(status, "server"))
    if headers.get("content-type", "").startswith("text/html"):
        raise _Failed("not_stream")
    return _clock(headers.get("date", ""), sent)


def _first_line(client: httpx.Client, url: str, auth: httpx.Auth | None) -> tuple[int, httpx.Headers]:
    """Status and headers of an answer whose body may never end."""
    with client.stream("GET", url, auth=auth) as answer:
        return answer.status_code, answer.headers


def _watch(camera: StreamAddress, clock: float | None, codec: str) -> Probed:
    """Open the stream as the agent does, and look at it for some seconds."""
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_S * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(ANSWER_S * 1000)]
    capture = cv2.VideoCapture(camera.opening, cv2.CAP_FFMPEG, limits)
    try:
        if not capture.isOpened():
            return Probed("not_stream" if clock is None else "codec", clock_s=clock, codec=codec)
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
            return Probed("timeout", clock_s=clock, codec=codec)
        named = int(capture.get(cv2.CAP_PROP_FOURCC) or 0).to_bytes(4, "little", signed=False).decode("ascii", "replace").strip("\0 ")
        return Probed(PICTURE, codec=codec or _codec(named), fps=_rate(times), clock_s=clock, image=image)
    finally:
        capture.release()


def _rate(times: list[float]) -> float:
    """Frames a second, without the burst that was waiting when the stream began."""
    steady = [t for t in times if t > times[0] + LOOK_S / 3]
    return (len(steady) - 1) / (steady[-1] - steady[0]) if len(steady) > 2 else len(times) / LOOK_S


def _connect(camera: StreamAddress) -> socket.socket:
    secure = camera.scheme == "rtsps"
    try:
        line = socket.create_connection((camera.host, camera.port or address.PORTS[camera.scheme]), CONNECT_S)
        line.settimeout(ANSWER_S)
        if secure:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # cameras sign themselves; nothing but the picture is read
            return context.wrap_socket(line, server_hostname=camera.host)
    except ssl.SSLError as error:
        raise _Failed("tls") from error
    except OSError as error:
        raise _Failed(_connect_code(error)) from error
    return line


def _connect_code(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError) or "refused" in str(cause).lower():
            return "refused"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "no_host"


def _describe(line: socket.socket, url: str, number: int, authorization: str) -> _Answer:
    """One DESCRIBE and its answer. Raises _Failed."""
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    request = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\nUser-Agent: Specola\r\n{login}\r\n"
    try:
        line.sendall(request.encode("utf-8", "replace"))
        received = b""
        while b"\r\n\r\n" not in received and len(received) < HEAD_BYTES and (part := line.recv(4096)):
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in reversed(rest))}
        length = headers.get("content-length", "0")
        wanted = min(int(length), HEAD_BYTES) if length.isascii() and length.isdigit() and len(length) < 8 else 0
        while len(body) < wanted and (part := line.recv(4096)):
            body += part
    except TimeoutError as error:
        raise _Failed("timeout") from error
    except OSError as error:
        raise _Failed("not_stream") from error
    status = re.match(r"RTSP/\d\.\d (\d{3})", first)
    if status is None:
        raise _Failed("not_stream")
    return _Answer(int(status[1]), headers, body.decode("utf-8", "replace"))


def _authorization(challenge: str, camera: StreamAddress, method: str, url: str) -> str:
    """The answer to a camera's Basic or Digest (RFC 2069 and 7616 with MD5, as cameras speak it) challenge."""
    if challenge.lower().startswith("basic"):
        return "Basic " + base64.b64encode(f"{camera.user}:{camera.password}".encode()).decode()
    found = {name.lower(): quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}
    realm, nonce = found.get("realm", ""), found.get("nonce", "")
    one, two = _md5(f"{camera.user}:{realm}:{camera.password}"), _md5(f"{method}:{url}")
    fields = {"username": camera.user, "realm": realm, "nonce": nonce, "uri": url}
    if "auth" in found.get("qop", "").split(","):
        fields |= {"cnonce": "0a4f113b", "response": _md5(f"{one}:{nonce}:00000001:0a4f113b:auth:{two}")}
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items()) + ", qop=auth, nc=00000001"
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in {**fields, "response": _md5(f"{one}:{nonce}:{two}")}.items())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _clock(date: str, sent: float) -> float | None:
    """Whole seconds is all that a header names."""
    try:
        return round(email.utils.parsedate_to_datetime(date).timestamp() - sent, 1)
    except (ValueError, TypeError, OverflowError):
        return None


def _codec(name: str) -> str:
    return FOURCC.get(name.lower(), name.upper())[:40]
