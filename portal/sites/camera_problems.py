"""Why a camera gives no picture, in the reader's language: the agent reports a code of the contract."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from federated.contract.heartbeat import CameraStatus

WORDS = {
    "address": _("The agent cannot use the camera's address: check how it is written in agent.toml."),
    "no_host": _("No machine answers at the camera's address: check address, network and power of the camera."),
    "refused": _("The machine answers, but not at this port: check the port, and whether the camera's streaming is switched on."),
    "tls": _("No secure connection to the camera comes about: check whether its port speaks TLS at all."),
    "password": _("The camera does not accept user name and password: correct them in agent.toml."),
    "path": _("The camera answers, but has no stream of this path: look up the path in the camera's manual."),
    "server": _("The camera answers with a failure of its own: restart it, and look whether too many others watch it."),
    "timeout": _("The camera is reached but sends nothing in time: check the network, and how many others watch it."),
    "not_stream": _("What answers at the camera's address is no video stream: check port and path."),
    "no_video": _("The source is sound only: there is no moving picture in it."),
    "codec": _("The pictures are coded in a way that the agent cannot decode: choose H.264, H.265 or MJPEG at the camera."),
    "stalled": _("The stream was cut off or sends no more pictures; the agent opens it again by itself."),
    "missing": _("The file, folder or device that the agent should read is not there."),
    "damaged": _("The recording cannot be decoded: one that was cut off before its index was written must be repaired or recorded again."),
    "failed": _("Reading the pictures has failed: the agent's log says how. It tries again by itself."),
}


def words(camera: CameraStatus) -> str:
    """The sentence for what an agent reports; "" when it reports no problem. The agent's own words for a code of a newer agent."""
    return str(WORDS.get(camera.problem_code, camera.problem)) if camera.problem_code else ""
