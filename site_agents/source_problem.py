"""Why a source gives no picture: found out after it has failed, so that a person reads what to do and not only that it failed."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

from federated.contract.address import PORTS, StreamAddress
from federated.contract.camera_problem import PROBLEMS
from site_agents.errors import CameraSourceError

CONNECT_S, ANSWER_S = 3.0, 5.0
SECURE = ("rtsps", "https")
CODECS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG", "mpeg4": "MPEG-4"}  # FFmpeg's name to the one on a camera's own page; others in capitals


@dataclasses.dataclass(frozen=True, slots=True)
class Inspection:
    """What an opened stream is: `code` of federated/contract/camera_problem.py ("": it has pictures), `codec` as a camera's own page names it."""

    code: str
    codec: str = ""


def unreachable(camera: StreamAddress) -> CameraSourceError | None:
    """Whether nothing listens at the address; a dead camera is noticed in three seconds and not after FFmpeg's patience."""
    port = camera.port or PORTS[camera.scheme]
    if port is None or camera.scheme == "udp":
        return None
    try:
        socket.create_connection((camera.host, port), CONNECT_S).close()
    except ConnectionRefusedError:
        return problem(camera, "refused")
    except (OSError, UnicodeError):  # no such name, no route, no answer
        return problem(camera, "no_host")
    return None


def diagnose(camera: StreamAddress) -> CameraSourceError:
    """Why an address that failed gives no picture; "stalled" when it would give one again."""
    return unreachable(camera) or problem(camera, inspect(camera).code or "stalled")


def inspect(camera: StreamAddress) -> Inspection:
    """Open the stream with a library that gives FFmpeg's reason (OpenCV keeps it to itself)."""
    import av  # 20 MB that only a failing or a tried camera needs

    try:
        with av.open(camera.opening, timeout=(ANSWER_S, ANSWER_S), metadata_errors="replace", options={"rtsp_transport": "tcp"}) as container:
            return Inspection(_lacking(container), _codec(container))
    except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError):
        code = "password"
    except av.error.HTTPNotFoundError:
        code = "path"
    except av.error.HTTPError:
        code = "server"
    except (av.error.TimeoutError, av.error.ExitError):  # ExitError: the time set above was over
        code = "timeout"
    except av.error.FFmpegError as error:
        code = "tls" if camera.scheme in SECURE and isinstance(error, OSError) else "not_stream"
    except (OSError, ValueError):
        code = "failed"
    return Inspection(code)


def check_film(path: Path) -> None:
    """Raises CameraSourceError when a file is sound only, perhaps with the picture of a cover, or coded in a way that nobody here can decode."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            code = _lacking(container)
    except (av.error.FFmpegError, OSError, ValueError):  # what this library cannot open the player may, and says so if not
        return
    if code:
        raise CameraSourceError(f"{path.name}: {PROBLEMS[code]}", code)


def problem(camera: StreamAddress, code: str) -> CameraSourceError:
    """The error with its sentence, for an address that cannot be opened."""
    return CameraSourceError(f"{camera.redacted} cannot be opened: {PROBLEMS[code]}", code)


def _lacking(container: object) -> str:
    """What an opened container lacks: "no_video", "codec", or nothing."""
    films = _films(container)
    if not films:
        return "no_video"
    return "" if any(each.codec_context is not None for each in films) else "codec"


def _codec(container: object) -> str:
    names = [each.codec_context.name for each in _films(container) if each.codec_context is not None]
    return CODECS.get(names[0], names[0].upper())[:40] if names else ""


def _films(container: object) -> list[object]:
    """Its streams of pictures, without a cover of a sound file."""
    import av

    return [each for each in container.streams if each.type == "video" and not each.disposition & av.stream.Disposition.attached_pic]
