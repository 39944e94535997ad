"""Why a source gives no picture: found out after it has failed, so that a person reads what to do and not only that it failed."""

from __future__ import annotations

import socket
from pathlib import Path

from federated.contract.address import PORTS, StreamAddress
from federated.contract.camera_problem import PROBLEMS
from site_agents.errors import CameraSourceError

CONNECT_S, ANSWER_S = 3.0, 5.0
SECURE = ("rtsps", "https")


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
    """Ask once more, with a library that gives FFmpeg's reason (OpenCV keeps it to itself)."""
    if (found := unreachable(camera)) is not None:
        return found
    import av  # 20 MB that only a failing camera needs

    try:
        with av.open(camera.opening, timeout=(ANSWER_S, ANSWER_S), options={"rtsp_transport": "tcp"}) as container:
            return problem(camera, _lacking(container) or "stalled")
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
    return problem(camera, code)


def check_film(path: Path) -> None:
    """Raises CameraSourceError when a file is sound only, perhaps with the picture of a cover, or coded in a way that nobody here can decode."""
    import av

    try:
        with av.open(str(path)) as container:
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
    import av

    films = [each for each in container.streams if each.type == "video" and not each.disposition & av.stream.Disposition.attached_pic]
    if not films:
        return "no_video"
    return "" if any(each.codec_context is not None for each in films) else "codec"
